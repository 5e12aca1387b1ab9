/** Where a client starts from, and what an operator looks at. */
import { z } from 'zod'
import { ConversationSummary, Cursor, Id, Text } from '../model.ts'
import { type Contract, Empty, limit } from './contract.ts'

export const sync = {
  'sync.snapshot': {
    kind: 'read',
    input: z.object({ limit: limit(500, 500) }),
    /** One statement: the cursor is exactly as old as the conversations. `next` as in conversation.list. */
    output: z.object({ cursor: Cursor, conversations: z.array(ConversationSummary), next: z.string().nullable() }),
    errors: [],
    cost: 5,
  },
  'admin.stats': {
    kind: 'read',
    input: Empty,
    output: z.object({
      users: z.number(),
      conversations: z.number(),
      messages: z.number(),
      position: z.number(),
      epoch: z.string(),
      /** Users, followed conversations and connections attached to this node now. */
      totalUsers: z.number(),
      totalRooms: z.number(),
      totalSockets: z.number(),
      /** Sends waiting for the journal. */
      queued: z.number(),
    }),
    errors: ['FORBIDDEN'],
    cost: 5,
  },
  /**
   * Counts again, message by message, what is unread for every member of the next `limit` conversations in order of id.
   * `checked` members; `drift` of them have another unread than the subtraction gives, or marks out of order: it must be 0.
   */
  'admin.audit': {
    kind: 'read',
    input: z.object({ after: Id.optional(), limit: limit(100, 20) }),
    /** `next` is the `after` of the next page, null at the end. */
    output: z.object({ checked: z.number().int(), drift: z.number().int(), next: Id.nullable() }),
    errors: ['FORBIDDEN'],
    cost: 20,
  },
  'admin.test': {
    kind: 'write',
    input: z
      .object({ userId: Id.optional(), conversationId: Id.optional(), message: Text(1_000) })
      .refine((test) => (test.userId === undefined) !== (test.conversationId === undefined), {
        message: 'give either userId or conversationId',
      }),
    output: z.object({}),
    errors: ['FORBIDDEN'],
    cost: 1,
  },
} as const satisfies Record<string, Contract>
