/** Receipts besides marking forward: who has a message, and taking one's own reading back. */
import { z } from 'zod'
import { Id, Profile, Seq } from '../model.ts'
import { ByMessage, type Contract, limit } from './contract.ts'
import { Marked } from './message.ts'

/** The message from which on everything is to be unread: its place in a conversation, or itself. */
const UnreadFrom = z
  .object({ conversationId: Id.optional(), seq: Seq.min(1).optional(), messageId: Id.optional() })
  .refine(
    ({ conversationId, seq, messageId }) =>
      messageId === undefined
        ? conversationId !== undefined && seq !== undefined
        : conversationId === undefined && seq === undefined,
    { message: 'give either conversationId and seq or messageId' },
  )

export const receipt = {
  'message.readers': {
    kind: 'read',
    input: ByMessage.extend({ after: Id.optional(), limit: limit(200, 50) }),
    /**
     * Members who have received the message, by user id; `read`: and have read it. Without its sender and without those who
     * joined after it. `next` is the `after` of the next page, null at the end.
     */
    output: z.object({
      readers: z.array(z.object({ userId: Id, profile: Profile, read: z.boolean() })),
      next: Id.nullable(),
    }),
    errors: ['NOT_FOUND'],
    cost: 2,
  },
  /**
   * Moves the actor's own read mark back to before the message, at most to where they joined; `changed` counts the messages
   * that are unread again. The actor's devices are told, nobody else is; what is delivered stays delivered.
   */
  'message.markUnread': {
    kind: 'write',
    input: UnreadFrom,
    output: Marked,
    errors: ['FORBIDDEN', 'NOT_FOUND'],
    cost: 1,
  },
} as const satisfies Record<string, Contract>
