/** The contract changes only on purpose: a hash of the schemas of every command and event. */
import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { commands } from '../shared/commands.ts'
import { ERRORS } from '../shared/errors.ts'
import { events } from '../shared/events.ts'
import { jsonSchema } from './schema.ts'

const hash = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 12)

// If this fails and you meant it, say so in the CHANGELOG: typed clients in the field were built against the old one.
test('commands, events and errors are as they were', () => {
  const contract = {
    commands: Object.entries(commands).map(([name, { input, output, kind, errors }]) => [
      ...[name, kind, errors],
      ...[jsonSchema(input, 'input'), jsonSchema(output, 'output')],
    ]),
    events: Object.entries(events).map(([name, { kind, topic, payload }]) => [
      name,
      kind,
      topic,
      jsonSchema(payload, 'output'),
    ]),
    errors: ERRORS,
  }
  expect(
    Object.fromEntries(Object.entries(contract).map(([name, table]) => [name, hash(table)])),
  ).toMatchInlineSnapshot(`
    {
      "commands": "11c00780233b",
      "errors": "3af332006db6",
      "events": "67f02e0a8d36",
    }
  `)
})
