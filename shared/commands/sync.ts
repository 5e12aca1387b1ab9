/** Where a client starts from. */
import { z } from 'zod'
import { ConversationSummary, Cursor } from '../model.ts'
import { type Contract, limit } from './contract.ts'

export const sync = {
  'sync.snapshot': {
    kind: 'read',
    input: z.object({ limit: limit(500, 500) }),
    /** One statement: the cursor is exactly as old as the conversations. `next` as in conversation.list. */
    output: z.object({ cursor: Cursor, conversations: z.array(ConversationSummary), next: z.string().nullable() }),
    errors: [],
    cost: 5,
  },
} as const satisfies Record<string, Contract>
