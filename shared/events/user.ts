/** Users: what is known of them, where they are connected, and who is here. */
import { z } from 'zod'
import { Id, JsonObject } from '../model/base.ts'
import { Presence, Status } from '../model/presence.ts'
import { Profile } from '../model/user.ts'
import type { Row } from './row.ts'

export const user = {
  'user.updated': { kind: 'durable', topic: 'user', payload: z.object({ profile: Profile, active: z.boolean() }) },
  /** Another connection of the same user arrived. */
  'connection.opened': {
    kind: 'ephemeral',
    topic: 'user',
    payload: z.object({ userId: Id, connectionId: Id, previousConnectionId: Id }),
  },
  'call.signaled': {
    kind: 'ephemeral',
    topic: 'user',
    payload: z.object({
      signal: z.enum(['offer', 'answer', 'ice-candidate', 'renegotiation-needed']),
      from: Id,
      to: Id,
      data: JsonObject(64_000),
    }),
  },
  /** An administrator tries the wires. */
  'admin.tested': {
    kind: 'ephemeral',
    topic: 'either',
    payload: z.object({ conversationId: Id.nullable(), message: z.string(), at: z.date() }),
  },
  /** For the blocker's own devices: `blockedId` is blocked (`on`) or no longer. */
  'user.blocked': { kind: 'durable', topic: 'user', payload: z.object({ userId: Id, blockedId: Id, on: z.boolean() }) },
  /** Tokens issued until now are refused from now on; connections with one are closed. */
  'user.revoked': { kind: 'durable', topic: 'user', payload: z.object({ userId: Id, at: z.date() }) },
  /** An administrator closes a connection, or all of them (null). */
  'connection.kicked': {
    kind: 'ephemeral',
    topic: 'user',
    payload: z.object({ userId: Id, connectionId: Id.nullable(), reason: z.string() }),
  },
  /**
   * For those who share a conversation with them: how these users appear now, and what their status was when it was last told
   * (`offline` before the first time). Changes of a short while come together.
   */
  'presence.changed': {
    kind: 'ephemeral',
    topic: 'user',
    payload: z.object({ changes: z.array(Presence.extend({ role: z.string(), was: Status })) }),
  },
} as const satisfies Record<string, Row>
