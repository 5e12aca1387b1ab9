/** Messages, and what happens around one. */
import { z } from 'zod'
import { Id } from '../model/base.ts'
import { Lock, Message, MessageType, Metadata, ReactionKind } from '../model/message.ts'
import { Profile } from '../model/user.ts'
import type { Row } from './row.ts'

const conversationId = Id

export const message = {
  'message.created': { kind: 'durable', topic: 'conversation', payload: z.object({ message: Message }) },
  'message.updated': { kind: 'durable', topic: 'conversation', payload: z.object({ message: Message }) },
  'message.deleted': { kind: 'durable', topic: 'conversation', payload: z.object({ message: Message }) },
  /** `userId` gave a reaction (`on`) or took it back; `count` is how many of this kind the message has now. */
  'message.reacted': {
    kind: 'durable',
    topic: 'conversation',
    payload: z.object({
      conversationId,
      messageId: Id,
      userId: Id,
      reaction: ReactionKind,
      on: z.boolean(),
      count: z.number().int().min(0),
    }),
  },
  /** A new holding; renewing it is not told. It lasts `remainingMs` from the event's time unless renewed. */
  'lock.acquired': { kind: 'durable', topic: 'conversation', payload: Lock },
  /** Told once. `gone`: its holder (last connection, membership), or the message. */
  'lock.released': {
    kind: 'durable',
    topic: 'conversation',
    payload: Lock.omit({ remainingMs: true }).extend({ reason: z.enum(['released', 'expired', 'gone']) }),
  },
  /** Told to all but who types, when it begins and when it ends: by a stop, a message, silence, or their going. */
  'typing.changed': {
    kind: 'ephemeral',
    topic: 'conversation',
    payload: z.object({ conversationId, userId: Id, name: z.string(), typing: z.boolean() }),
  },
  /** Shown before the commit; followed by `message.created` with the same `clientId`, or by `message.failed`. */
  'message.accepted': {
    kind: 'ephemeral',
    topic: 'conversation',
    payload: z.object({
      conversationId,
      clientId: Id,
      sender: Profile.extend({ email: z.string().nullable() }),
      type: MessageType,
      content: z.string(),
      metadata: Metadata.nullable(),
      at: z.date(),
    }),
  },
  'message.failed': {
    kind: 'ephemeral',
    topic: 'conversation',
    payload: z.object({ conversationId, clientId: Id, senderId: Id, error: z.string() }),
  },
  /** For the actor's own devices: they have deleted it for themselves. */
  'message.hidden': {
    kind: 'durable',
    topic: 'user',
    payload: z.object({ conversationId, messageId: Id, userId: Id }),
  },
} as const satisfies Record<string, Row>
