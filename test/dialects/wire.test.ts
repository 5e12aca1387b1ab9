/** The wires change only on purpose, and their words stand in the dialects' own pages alone. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { z } from 'zod'
import type { Dialect } from '../../server/dialects/dialect.ts'
import { dialects } from '../../server/dialects/index.ts'

const shape = (schema: z.ZodType) => z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })

/** By namespace where they differ. */
const inboundOf = ({ namespaces, place }: Dialect) =>
  [...new Set(namespaces.map((namespace) => place(namespace).inbound))].flatMap((inbound) => [...inbound])

function fingerprint(dialect: Dialect): string {
  const { emits, ack } = dialect
  const outward = Object.entries(emits).map(([name, schema]) => [name, shape(schema)])
  const inward = inboundOf(dialect).map(([name, { form, limit }]) => [name, shape(form), limit])
  const wire = [outward.sort(), inward.sort(), shape(ack)]
  return createHash('sha256').update(JSON.stringify(wire)).digest('hex').slice(0, 12)
}

// If this fails and you meant it, say so in the CHANGELOG: clients in the field speak the old wire.
test('the wires are as they were', () => {
  expect(Object.fromEntries(dialects.map((dialect) => [dialect.name, fingerprint(dialect)]))).toMatchInlineSnapshot(`
    {
      "marketplace": "77f933122741",
      "rooms": "3be013dab136",
    }
  `)
})

test('the bridge knows no name of a wire', () => {
  const words = dialects.flatMap((dialect) => [
    ...Object.keys(dialect.emits),
    ...inboundOf(dialect).map(([name]) => name),
  ])
  const names = [...new Set(words)].filter((name) => name !== 'error')
  expect(names).toContain('new-message')
  const folder = 'server/transports/socketio'
  const files = ['server/transports/socketio.ts', ...readdirSync(folder).map((file) => `${folder}/${file}`)]
  const found = files.flatMap((file) => {
    const text = readFileSync(file, 'utf8')
    return [...names, ...dialects.map(({ name }) => name)]
      .filter((name) => new RegExp(`(['"\`])${name}\\1`).test(text))
      .map((name) => `${file}: ${name}`)
  })
  expect(found).toEqual([])
})

test('each event is in the vocabulary of its wire, payload and all', () => {
  for (const { name, emits } of dialects) {
    for (const schema of Object.values(emits)) expect(shape(schema), name).toMatchObject({ type: 'object' })
  }
})
