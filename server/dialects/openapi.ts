/**
 * What the reference of the HTTP interfaces says of each route, made from the table of routes alone: JSON Schema of what goes in
 * and out, who may ask, and each failure that the route's commands can meet, in the group's words.
 */
import { z } from 'zod'
import { COMMON_ERRORS, type CommandName, commands } from '../../shared/commands.ts'
import { ERRORS, type ErrorCode } from '../../shared/errors.ts'
import type { Choice, Group, Route } from './rest.ts'

type Schema = z.core.JSONSchema.BaseSchema
type Security = Readonly<Record<string, readonly string[]>>
export interface Operation {
  readonly operationId: string
  readonly tags: readonly string[]
  readonly summary: string
  readonly description: string
  readonly security: readonly Security[]
  readonly params?: Schema
  readonly querystring?: Schema
  readonly body?: Schema
  /** By status. */
  readonly response: Readonly<Record<string, Schema>>
}

export const securitySchemes = {
  bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
  accessToken: { type: 'apiKey', in: 'header', name: 'access-token' },
  cookie: { type: 'apiKey', in: 'cookie', name: 'token' },
} as const

/** By method and path in Fastify's form, like `GET /api/schedules/:id`. */
export function operations(groups: readonly Group[], production: boolean): ReadonlyMap<string, Operation> {
  return new Map(
    groups.flatMap((group) =>
      group.routes.map((route) => [
        `${route.method} ${group.base}${route.path}`,
        operationOf(group, route, route.access === 'operator' && !production),
      ]),
    ),
  )
}

function operationOf(group: Group, route: Route, open: boolean): Operation {
  const { method, path, choices, params } = route
  const [first] = choices
  const summaries = choices.flatMap(({ summary }) => summary ?? [])
  const bodies = choices.flatMap(({ body }) => body ?? [])
  const names = [...new Set(choices.map(({ command }) => command))]
  const hasQuery = first !== undefined && Object.keys(jsonSchema(first.query, 'input').properties ?? {}).length > 0
  return {
    operationId: `${group.name}_${method.toLowerCase()}${path.replace(/[^A-Za-z0-9]+/g, '_')}`,
    tags: [group.name],
    summary: summaries.length > 0 ? summaries.join('; ') : names.join(', '),
    description: `Runs ${names.map((name) => `\`${name}\``).join(' or ')}.${route.access === 'operator' ? ' For operators.' : ''}`,
    security: open ? [] : [{ bearer: [] }, { accessToken: [] }, ...(group.cookie ? [{ cookie: [] }] : [])],
    ...(Object.keys(params.shape).length > 0 && { params: jsonSchema(params, 'input') }),
    ...(hasQuery && { querystring: jsonSchema(first.query, 'input') }),
    ...(bodies.length > 0 && { body: anyOf(bodies.map((body) => jsonSchema(body, 'input'))) }),
    response: { ...successes(group, route), ...failures(group, names, bodies.length > 0) },
  }
}

function successes({ envelope }: Group, { choices, bare }: Route): Record<string, Schema> {
  const answerOf = ({ answer }: Choice) => jsonSchema(envelope && !bare ? envelope.schema(answer) : answer, 'output')
  return Object.fromEntries(
    choices.map((choice) => [choice.status, { 'x-response-description': 'Done', ...answerOf(choice) }]),
  )
}

function failures(group: Group, names: readonly CommandName[], hasBody: boolean): Record<string, Schema> {
  const own = names.flatMap((name): readonly ErrorCode[] => commands[name].errors)
  const codes = new Set<ErrorCode>([...COMMON_ERRORS, ...own, ...(hasBody ? (['TOO_LARGE'] as const) : [])])
  const byStatus = new Map<number, ErrorCode[]>()
  for (const code of codes) byStatus.set(ERRORS[code].http, [...(byStatus.get(ERRORS[code].http) ?? []), code])
  return Object.fromEntries(
    [...byStatus].map(([status, same]) => [
      status,
      { 'x-response-description': same.join(', '), ...jsonSchema(group.failure, 'output') },
    ]),
  )
}

const anyOf = (schemas: readonly Schema[]): Schema =>
  schemas.length === 1 && schemas[0] ? schemas[0] : { anyOf: [...schemas] }

/** Whole, without `$schema` and references, which would mean another place inside of a document. */
export function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Schema {
  const { $schema: _, ...plain } = z.toJSONSchema(schema, { io, unrepresentable: 'any', metadata: UNNAMED })
  return plain
}
const UNNAMED = z.registry<{ id?: string }>()
