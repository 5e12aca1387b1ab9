/** The wires change only on purpose, and their words stand in the dialects' own pages alone. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { z } from 'zod'
import type { Dialect } from '../../server/dialects/dialect.ts'
import { dialects, groups } from '../../server/dialects/index.ts'
import { operations } from '../../server/dialects/openapi.ts'

const shape = (schema: z.ZodType) => z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })

/** By namespace where they differ. */
const inboundOf = ({ namespaces, place }: Dialect) =>
  [...new Set(namespaces.map((namespace) => place(namespace).inbound))].flatMap((inbound) => [...inbound])

function fingerprint(dialect: Dialect): string {
  const { emits, ack } = dialect
  const outward = Object.entries(emits).map(([name, schema]) => [name, shape(schema)])
  const inward = inboundOf(dialect).map(([name, { form, limit }]) => [name, shape(form), limit])
  const wire = [outward.sort(), inward.sort(), shape(ack)]
  return hash(wire)
}
const hash = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 12)

// If this fails and you meant it, say so in the CHANGELOG: clients in the field speak the old wire.
test('the wires are as they were', () => {
  expect(Object.fromEntries(dialects.map((dialect) => [dialect.name, fingerprint(dialect)]))).toMatchInlineSnapshot(`
    {
      "bedtime": "d2a5fc3cdb42",
      "lms": "44133288a68e",
      "marketplace": "77f933122741",
      "messenger": "e1a130813288",
      "rooms": "3be013dab136",
    }
  `)
})

test('and what they say over HTTP', () => {
  const forms = groups.map((group) => [group.name, hash([...operations([group], true)].sort())])
  expect(Object.fromEntries(forms)).toMatchInlineSnapshot(`
    {
      "bedtime": "3622efff4b6c",
      "lms": "6d7c2e33cfa6",
      "marketplace": "ce81e7761ec9",
      "messenger": "ab9286407068",
      "rooms": "a71febc26805",
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
