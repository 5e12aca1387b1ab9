/**
 * Presence: what a user has chosen to appear as, how others appear to them, and how well a connection answers. Whom an actor may
 * see: who shares a conversation with them, who is theirs to see in their school or classes (the table of rights), and for
 * administrators everybody. Others are left out; a user with whom there is a block appears offline.
 */
import { z } from 'zod'
import { CustomStatus, Id, Moment, Presence, Status, Text } from '../model.ts'
import { type Contract, Empty, limit } from './contract.ts'

/** By role without case. A school, or a class, or both; a role narrows them. */
const Place = { schoolId: Id.optional(), classId: Id.optional(), role: Text(32).min(1).optional() }
const placed = ({ schoolId, classId }: { schoolId?: string | undefined; classId?: string | undefined }) =>
  schoolId !== undefined || classId !== undefined

/** Which users a subscription is about: these, or those of a school or class. */
export const PresenceFilter = z
  .object({ userIds: z.array(Id).min(1).max(200).optional(), ...Place })
  .refine(
    (filter) => (filter.userIds !== undefined) !== placed(filter),
    'give userIds, or a school or class, and not both',
  )
export type PresenceFilter = z.output<typeof PresenceFilter>

const Custom = z
  .object({
    message: Text(100).nullable().default(null),
    emoji: Text(32).nullable().default(null),
    expiresAt: Moment.nullable().default(null),
  })
  .refine(({ message, emoji }) => message !== null || emoji !== null, 'give a message or an emoji')

const Metrics = z.object({
  userId: Id,
  connectionId: Id,
  /** Of the round trips told, ms; null without any. */
  averageMs: z.number().nullable(),
  lastMs: z.number().nullable(),
  lastBeatAt: z.date().nullable(),
  /** Intervals (SOCKET_PING_INTERVAL) without a beat since the first one, and since the last one. */
  missed: z.number().int(),
  consecutiveMissed: z.number().int(),
})
export type BeatMetrics = z.output<typeof Metrics>

const Users = z.object({ users: z.array(Presence) })

export const presence = {
  /**
   * `offline`: connected and not seen to be. `custom` null ends a custom status; what is not given stays. Told to those who
   * share a conversation and to the actor's own devices; who is not connected changes what is answered, and nothing is told.
   */
  'presence.set': {
    kind: 'write',
    input: z.object({ status: Status.optional(), custom: Custom.nullable().optional() }),
    output: z.object({ status: Status, custom: CustomStatus.nullable() }),
    errors: [],
    cost: 2,
  },
  /** Those of `userIds` whom the actor may see, in no order. */
  'presence.get': {
    kind: 'read',
    input: z.object({ userIds: z.array(Id).min(1).max(200) }),
    output: Users,
    errors: [],
    cost: 2,
  },
  /** At most `limit` of those who do not appear offline, in no order: of a conversation, or of a school or class. */
  'presence.online': {
    kind: 'read',
    input: z
      .object({ conversationId: Id.optional(), ...Place, limit: limit(200, 50) })
      .refine(
        (input) => (input.conversationId !== undefined) !== placed(input),
        'give a conversation, or a school or class, and not both',
      ),
    output: Users,
    errors: ['FORBIDDEN', 'NOT_FOUND'],
    cost: 2,
  },
  /** A sign of life every SOCKET_PING_INTERVAL, with the round trip of the last one. Kept while the connection has a subscription. */
  'presence.beat': {
    kind: 'write',
    input: z.object({ roundTripMs: z.number().min(0).max(60_000).optional() }).default({}),
    output: z.object({ serverTime: z.date(), metrics: Metrics }),
    errors: [],
    cost: 1,
  },
  /** Of the connection that asks. */
  'presence.metrics': { kind: 'read', input: Empty, output: Metrics, errors: [], cost: 1 },
} as const satisfies Record<string, Contract>
