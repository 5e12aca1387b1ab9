/**
 * The offline queue: what others wrote and has not been delivered to the user, the newest of it (`MESSAGE_QUEUE_EXPIRY`). Nothing
 * is put into it: it is read from the messages and the delivered marks, so what a device marks delivered leaves it too.
 */
import { z } from 'zod'
import { Cursor, Id, Message, MessageType, Metadata, Text } from '../model.ts'
import { Content, type Contract, limit } from './contract.ts'

/** What `queue.size` counts to. */
export const COUNTED = 10_000

/**
 * Oldest first. Without `hasMore`, a stream from `cursor` goes on where the queue ends: no message is in both, none in neither.
 * With it, ask again.
 */
const Waiting = z.object({ messages: z.array(Message), hasMore: z.boolean(), cursor: Cursor })

export const queue = {
  /** Of the actor, or for an administrator of any user. At most 10,000 are counted: then there are that many or more. */
  'queue.size': {
    kind: 'read',
    input: z.object({ userId: Id.optional() }).default({}),
    output: z.object({ size: z.number().int().min(0).max(COUNTED) }),
    errors: ['FORBIDDEN'],
    cost: 5,
  },
  /**
   * The same as `queue.dequeue` would give, and it stays. `next` is the `after` of the next page, null at the end: the pages
   * together are what waited at the first one, and a stream goes on from their `cursor`, which is that of the first.
   */
  'queue.peek': {
    kind: 'read',
    input: z.object({ after: Text(300).optional(), limit: limit(500, 100) }),
    output: Waiting.extend({ next: z.string().nullable() }),
    errors: [],
    cost: 5,
  },
  /** Gives them and marks them delivered, for all devices of the user: each message is given once. */
  'queue.dequeue': { kind: 'write', input: z.object({ limit: limit(500, 100) }), output: Waiting, errors: [], cost: 5 },
  /** For servers: a message of the actor's in the direct conversation with the user, as `message.send` with `to` sends it. */
  'queue.enqueue': {
    kind: 'write',
    input: z.object({
      userId: Id,
      content: Content,
      type: MessageType.default('text'),
      /** As in `message.send`. */
      clientId: Id.optional(),
      /** The metadata of the message. */
      data: Metadata.nullable().default(null),
    }),
    output: Message,
    errors: ['FORBIDDEN', 'NOT_FOUND'],
    cost: 1,
  },
} as const satisfies Record<string, Contract>
