/** Whatever happens, a dialect says words of its wire with payloads of their form; and its wire has no word that is never said. */
import { beforeAll, describe, expect, test } from 'vitest'
import { dialects } from '../../server/dialects/index.ts'
import { ACK, answered, spoken, type Word } from '../probe.ts'

describe.each(dialects)('$name', (dialect) => {
  const { emits, namespaces, wordings } = dialect
  let worded: ReadonlyMap<string, readonly Word[]> = new Map()
  let heard: readonly Word[] = []
  beforeAll(async () => {
    worded = new Map(Object.entries(wordings).map(([name, outbound]) => [name, spoken(outbound)]))
    heard = [...[...worded.values()].flat(), ...(await answered(dialect))]
  })

  test('what it says is as its wire has it, no field more', () => {
    const wrong = new Map<string, unknown>()
    for (const { name, payload, cause } of heard) {
      if (name === ACK) continue
      const parsed = emits[name]?.safeParse(payload)
      const asRead = JSON.stringify(parsed?.data)
      if (sorted(asRead) !== sorted(JSON.stringify(payload))) wrong.set(name, { cause, payload, error: parsed?.error })
    }
    expect(Object.fromEntries(wrong)).toEqual({})
  })

  test('callbacks are called with what its form allows', () => {
    const acks = heard.filter(({ name }) => name === ACK)
    expect(acks.filter(({ payload }) => !dialect.ack.safeParse(payload).success)).toEqual([])
  })

  test('every word is said by something, and in the places that list it', () => {
    const said = new Set(heard.map(({ name }) => name))
    expect(Object.keys(emits).filter((name) => !said.has(name))).toEqual([])
    for (const namespace of namespaces) {
      const { wording, pulse, says } = dialect.place(namespace)
      const here = (worded.get(wording) ?? []).map(({ name }) => name)
      const all = [...here, ...(pulse?.(new Date()) ?? []).map(([name]) => name)]
      expect([...new Set(all)].filter((name) => !says.includes(name))).toEqual([])
    }
  })
})

/** Keys in one order. */
function sorted(json: string | undefined): unknown {
  return json && JSON.stringify(JSON.parse(json, (_, value) => (isRecord(value) ? inOrder(value) : value)))
}
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const inOrder = (value: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1)))
