/** The contract changes only on purpose: a hash of the schemas of every command and event. */
import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { commands } from '../shared/commands.ts'
import { ERRORS } from '../shared/errors.ts'
import { events } from '../shared/events.ts'

const options = {
  unrepresentable: 'any',
  // JSON Schema has no dates: as what superjson carries them.
  override: ({ zodSchema, jsonSchema }: { zodSchema: z.core.$ZodTypes; jsonSchema: z.core.JSONSchema.BaseSchema }) => {
    if (zodSchema._zod.def.type === 'date') jsonSchema.format = 'date-time'
  },
} as const
const shape = (schema: z.ZodType, io: 'input' | 'output') => z.toJSONSchema(schema, { ...options, io })
const hash = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 12)

// If this fails and you meant it, say so in the CHANGELOG: typed clients in the field were built against the old one.
test('commands, events and errors are as they were', () => {
  const contract = {
    commands: Object.entries(commands).map(([name, { input, output, kind, errors }]) => [
      ...[name, kind, errors],
      ...[shape(input, 'input'), shape(output, 'output')],
    ]),
    events: Object.entries(events).map(([name, { kind, topic, payload }]) => [
      name,
      kind,
      topic,
      shape(payload, 'output'),
    ]),
    errors: ERRORS,
  }
  expect(
    Object.fromEntries(Object.entries(contract).map(([name, table]) => [name, hash(table)])),
  ).toMatchInlineSnapshot(`
    {
      "commands": "a479f732b343",
      "errors": "3af332006db6",
      "events": "760b521c1609",
    }
  `)
})
