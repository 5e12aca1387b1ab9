/**
 * A schema of the contract as text: rows of field, type, bounds and default, and the rules over several fields. Named schemas of
 * shared/model.ts are links to their place in docs/model.md and not unfolded. Nothing here is said that the schemas do not say.
 */
import { z } from 'zod'
import * as model from '../shared/model.ts'
import { jsonSchema, type Schema } from './schema.ts'

/** By name: the order of a module's exports is not the same under every loader. */
export const models = Object.entries(model)
  .flatMap(([name, schema]) => (schema instanceof z.ZodType ? [{ name, schema }] : []))
  .sort((one, other) => (one.name < other.name ? -1 : 1))
const names = z.registry<{ id: string }>()
for (const { name, schema } of models) names.add(schema, { id: name })

/** What a check or a custom schema asks for: what it says when it refuses; for a date, its bound. */
function asked(def: object): string[] {
  if ('value' in def && def.value instanceof Date && 'check' in def)
    return [`${def.check === 'less_than' ? 'to' : 'from'} ${def.value.toISOString().slice(0, 10)}`]
  // zod types the issue of each check apart; the messages of the contract are constants and never look at it.
  const error = 'error' in def && typeof def.error === 'function' ? def.error({}) : undefined
  const text = typeof error === 'object' ? error?.message : error
  return typeof text === 'string' ? [text] : []
}

export const shape = (schema: z.ZodType, io: 'input' | 'output') =>
  jsonSchema(schema, io, names, ({ zodSchema: { _zod }, jsonSchema: made }) => {
    const { checks = [] } = _zod.def
    const all = [...asked(_zod.def), ...checks.flatMap((check) => asked(check._zod.def))]
    // An optional or a default has already what its inner schema says.
    if (all.length > 0) made.rules = all
  })

/** A named schema itself, where `shape` gives the reference to it. */
export const named = ({ name, schema }: (typeof models)[number]) => asSchema(shape(schema, 'output').$defs?.[name])

/** JSON Schema allows `true` and `false` for a schema; zod makes neither of our tables. */
const asSchema = (schema: Schema | boolean | undefined): Schema => (typeof schema === 'object' ? schema : {})
/** No tuples in our tables either. */
const listed = ({ items }: Schema) => (Array.isArray(items) ? {} : asSchema(items))
const cell = (text: string) => text.replaceAll('|', '\\|')
export const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |`).join('\n')
const link = (name: string) => `[${name}](model.md#${name.toLowerCase()})`

function type(schema: Schema): string {
  if (schema.$ref) return link(schema.$ref.replace(/^.*\//, ''))
  const values = schema.const === undefined ? schema.enum : [schema.const]
  if (values) return values.map((value) => `\`${value}\``).join(', ')
  if (schema.anyOf) return schema.anyOf.map((one) => type(asSchema(one))).join(' or ')
  if (Array.isArray(schema.type)) return schema.type.join(' or ')
  if (schema.type === 'array') return `list of ${type(listed(schema))}`
  return schema.format === 'date-time' ? 'date' : (schema.type ?? 'JSON')
}

/** `from` and `to` of a bound; the safe integers bound nothing. */
function range(from: unknown, to: unknown, unit: string): string[] {
  const least = from === Number.MIN_SAFE_INTEGER ? undefined : from
  const most = to === Number.MAX_SAFE_INTEGER ? undefined : to
  if (least === undefined) return most === undefined ? [] : [`at most ${most}${unit}`]
  return [most === undefined ? `at least ${least}${unit}` : `${least} to ${most}${unit}`]
}

const rules = (schema: Schema): string[] => (Array.isArray(schema.rules) ? schema.rules : [])

function bounds(schema: Schema): string[] {
  const inner = schema.anyOf ?? (schema.items ? [listed(schema)] : [])
  const own = [
    ...range(schema.minimum, schema.maximum, ''),
    ...range(schema.minLength, schema.maxLength, ' characters'),
    ...range(schema.minItems, schema.maxItems, ' items'),
  ]
  return [...new Set([...own, ...rules(schema), ...inner.flatMap((one) => bounds(asSchema(one)))])]
}

/** The object with fields of its own that a value is, may be, or is a list of. */
function unfold(schema: Schema, path: string): readonly string[][] {
  if (schema.$ref) return []
  if (schema.anyOf) return schema.anyOf.flatMap((one) => unfold(asSchema(one), path))
  if (schema.items) return unfold(listed(schema), `${path}[]`)
  return fields(schema, path === '' ? '' : `${path}.`)
}

function fields(schema: Schema, prefix: string): readonly string[][] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, value]) => {
    const field = asSchema(value)
    const preset = field.default === undefined ? '' : `\`${JSON.stringify(field.default)}\``
    const optional = preset !== '' || schema.required?.includes(name) ? '' : '?'
    const limits = [...bounds(field), ...(field.description === undefined ? [] : [field.description])].join('; ')
    return [[`\`${prefix}${name}\`${optional}`, type(field), limits, preset], ...unfold(field, `${prefix}${name}`)]
  })
}

/** A whole schema under `title`: its name, or its table with the rules above it, or what it is if it has no fields. */
export function whole(title: string, schema: Schema): string {
  const rows = unfold(schema, '')
  if (rows.length === 0)
    return `${title}: ${schema.type === 'object' ? 'nothing' : [type(schema), ...bounds(schema)].join('; ')}`
  const columns = ['field', 'type', 'bounds', 'default'].flatMap((name, at) =>
    at < 2 || rows.some((row) => row[at]) ? [{ name, at }] : [],
  )
  const body = table(
    columns.map(({ name }) => name),
    rows.map((row) => columns.map(({ at }) => row[at] ?? '')),
  )
  return [`${[title, ...rules(schema)].join('; ')}:`, body].join('\n\n')
}
