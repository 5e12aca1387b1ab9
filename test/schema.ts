/** The schemas of the contract as JSON Schema: for the hash of the contract and for the pages of docs/. */
import { z } from 'zod'

export type Schema = z.core.JSONSchema.BaseSchema
type Override = (context: { zodSchema: z.core.$ZodTypes; jsonSchema: Schema }) => void

/** `names`: schemas with an id become references to it. `more` adds to what is made of each schema. */
export function jsonSchema(
  schema: z.ZodType,
  io: 'input' | 'output',
  names?: z.core.$ZodRegistry<{ id: string }>,
  more?: Override,
) {
  return z.toJSONSchema(schema, {
    unrepresentable: 'any',
    // JSON Schema has no dates: as what superjson carries them.
    override: (context) => {
      if (context.zodSchema._zod.def.type === 'date') context.jsonSchema.format = 'date-time'
      more?.(context)
    },
    io,
    ...(names && { metadata: names }),
  })
}
