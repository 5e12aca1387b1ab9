/** Values of a schema, made up by a seeded die: the same on every run. Ids and texts are few, so that values meet each other. */
import type { z } from 'zod'
import { jsonSchema, type Schema } from './schema.ts'

/** A whole number from 0 to below `sides`. */
export type Die = (sides: number) => number

export function die(seed: number): Die {
  let state = seed
  return (sides) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * sides)
  }
}

export function pick<T>(die: Die, values: readonly T[]): T {
  if (values.length === 0) throw new Error('nothing to pick from')
  // The die has as many sides as there are values.
  return values[die(values.length)] as T
}

export const IDS = ['6650f3c2a1b2c3d4e5f60718', '6650f3c2a1b2c3d4e5f60719', 'ann', 'bob', 'support-bot']
const TEXTS = [...IDS, '', 'hello', '2026-05-24T10:00:00.000Z', '21:30', 'UTC']
const ANYTHING = [
  null,
  true,
  3,
  'hello',
  {},
  { type: 'bedtime', image: 'x.png', timestamp: '2026-05-24T10:00:00.000Z' },
]
const AT = Date.parse('2026-05-24T10:00:00.000Z')
const TRIES = 200

/** What may come in for a schema. */
export function sampleInput(schema: z.ZodType, die: Die): unknown {
  return attempt(schema, 'input', die).raw
}
/** What is a value of it, once parsed. */
export function sample<S extends z.ZodType>(schema: S, die: Die): z.output<S> {
  return attempt(schema, 'output', die).data
}

const made = { input: new Map<z.ZodType, Schema>(), output: new Map<z.ZodType, Schema>() }
function jsonOf(schema: z.ZodType, io: 'input' | 'output'): Schema {
  const json = made[io].get(schema) ?? jsonSchema(schema, io)
  made[io].set(schema, json)
  return json
}

/** Rules that JSON Schema does not know are met by trying. */
function attempt<S extends z.ZodType>(
  schema: S,
  io: 'input' | 'output',
  die: Die,
): { raw: unknown; data: z.output<S> } {
  for (let left = TRIES; left > 0; left--) {
    const raw = make(jsonOf(schema, io), die)
    const { success, data } = schema.safeParse(raw)
    if (success) return { raw, data }
  }
  throw new Error(`no value found for ${JSON.stringify(jsonOf(schema, io))}`)
}

const asSchema = (schema: Schema | boolean | undefined): Schema => (typeof schema === 'object' ? schema : {})

function make(schema: Schema, die: Die): unknown {
  if (schema.const !== undefined) return schema.const
  if (schema.enum) return pick(die, schema.enum)
  const choices = schema.anyOf ?? schema.oneOf
  if (choices) return make(asSchema(pick(die, choices)), die)
  if (schema.allOf) return Object.assign({}, ...schema.allOf.map((part) => make(asSchema(part), die)))
  switch (Array.isArray(schema.type) ? pick(die, schema.type) : schema.type) {
    case 'null':
      return null
    case 'boolean':
      return die(2) === 1
    case 'integer':
    case 'number':
      return Math.max(schema.minimum ?? 0, Math.min(schema.maximum ?? 3, die(4)))
    case 'string':
      return schema.format === 'date-time' ? new Date(AT).toISOString() : pick(die, TEXTS)
    case 'array': {
      const item = asSchema(Array.isArray(schema.items) ? schema.items[0] : schema.items)
      return Array.from({ length: Math.max(schema.minItems ?? 0, die(3)) }, () => make(item, die))
    }
    case 'object':
      return object(schema, die)
  }
  // A date of the contract has a format and no type.
  return schema.format === 'date-time' ? new Date(AT + die(3) * 60_000) : pick(die, ANYTHING)
}

function object(schema: Schema, die: Die): object {
  const required = new Set(schema.required)
  const own = Object.entries(schema.properties ?? {}).flatMap(([name, value]) =>
    required.has(name) || die(2) === 1 ? [[name, make(asSchema(value), die)]] : [],
  )
  const { additionalProperties: rest } = schema
  const more = typeof rest === 'object' && !schema.properties ? [[pick(die, IDS), make(rest, die)]] : []
  return Object.fromEntries([...own, ...more])
}
