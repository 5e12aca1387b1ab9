/** What is only worth knowing now. */
import { z } from 'zod'
import { Id, JsonObject, Text } from '../model.ts'
import type { Contract } from './contract.ts'

export const live = {
  'typing.set': {
    kind: 'write',
    /** Where, or to whom: in the direct conversation of the two, if there is one. */
    input: z
      .object({ conversationId: Id.optional(), to: Id.optional(), typing: z.boolean() })
      .refine(({ conversationId, to }) => (conversationId === undefined) !== (to === undefined), {
        message: 'give either conversationId or to',
      }),
    output: z.object({}),
    errors: ['FORBIDDEN', 'NOT_FOUND'],
    cost: 1,
  },
  'call.signal': {
    kind: 'write',
    input: z.object({
      signal: z.enum(['offer', 'answer', 'ice-candidate', 'renegotiation-needed']),
      to: Text(400).min(1),
      data: JsonObject(64_000),
    }),
    output: z.object({ to: Id }),
    errors: ['FORBIDDEN', 'NOT_FOUND'],
    cost: 1,
  },
} as const satisfies Record<string, Contract>
