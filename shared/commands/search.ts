/** Full-text search over what the actor may read. */
import { z } from 'zod'
import { Id, Message, Text } from '../model.ts'
import { type Contract, limit } from './contract.ts'

/** A piece of a found text; `hit` if it is what was searched for. */
export const Highlight = z.object({ text: z.string(), hit: z.boolean() })
export type Highlight = z.output<typeof Highlight>

/** `highlights`: an extract of some 200 characters, in pieces to be shown one after the other; plain text, never markup. */
export const Found = z.object({ message: Message, highlights: z.array(Highlight) })
export type Found = z.output<typeof Found>

export const search = {
  /**
   * Newest first. Words are compared whole and without case, the last one also as the beginning of a word. All must be there;
   * `"in this order"`, `either or other`, `-without`. A query without words finds nothing. A user's searches go one after the
   * other; beyond ten at once, OVERLOADED.
   */
  'message.search': {
    kind: 'read',
    input: z.object({
      query: Text(200).min(1),
      conversationId: Id.optional(),
      senderId: Id.optional(),
      /** `next` of the page before. */
      before: z
        .string()
        .regex(/^[1-9]\d{0,15}$/, 'before: not given by a page')
        .optional(),
      limit: limit(50, 20),
    }),
    /** `next` is null on the last page. */
    output: z.object({ results: z.array(Found), next: z.string().nullable() }),
    errors: ['FORBIDDEN', 'NOT_FOUND'],
    cost: 5,
  },
} as const satisfies Record<string, Contract>
