/**
 * REST as data: a route is a command with a mapping in and a mapping out, `answers(Schema).route('GET /x/:id', {...})`; a group is
 * the routes of one system with its base, its envelope and its words for errors, `group({...}).define({...})`. Parameters are
 * typed from the path. Mappings are pure; one may throw an AppError to refuse. What the transport sees has its types worn off: it
 * gives `unknown`, and `begin` checks it, in this order: parameters (each an id), query, body. Fields that no schema names are
 * passed over.
 */
import { z } from 'zod'
import { type CommandName, commands, type Input, type Output } from '../../shared/commands.ts'
import { AppError } from '../../shared/errors.ts'
import { Id } from '../../shared/model.ts'
import type { Actor } from '../../shared/ports.ts'
import type { Execute, Limit } from './inbound.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
/** Like `PATCH /messages/:id`. */
export type Place = `${Method} /${string}`
type Names<P extends string> = P extends `${string}:${infer Name}/${infer Rest}`
  ? Name | Names<Rest>
  : P extends `${string}:${infer Name}`
    ? Name
    : never
export type Params<P extends string> = { readonly [K in Names<P>]: string }

/** Who is asking. `id`: 24 hex digits that nothing else has. */
export interface Caller {
  readonly actor: Actor
  readonly id: string
  readonly at: Date
}
export interface Asked<P extends string, Q, B> extends Caller {
  readonly params: Params<P>
  readonly query: Q
  readonly body: B
}

/**
 * One command of a route, in the order in which things happen; `more` must stand before `payload`, whose parameter it types.
 */
export interface Way<P extends string, C extends CommandName, A, Q extends z.ZodType, B extends z.ZodType, M> {
  readonly command: C
  readonly summary?: string
  readonly query?: Q
  readonly body?: B
  /** Against which this one counts. */
  readonly limit?: (asked: Asked<P, z.output<Q>, z.output<B>>) => Limit | undefined
  /** Throws an AppError if what is asked cannot be. */
  readonly before?: (execute: Execute, asked: Asked<P, z.output<Q>, z.output<B>>) => Promise<void>
  readonly input: (asked: Asked<P, z.output<Q>, z.output<B>>) => Input<C>
  /** A user whom the route creates if there is none of that id. */
  readonly introduces?: (asked: Asked<P, z.output<Q>, z.output<B>>) => string
  /** What the answer needs besides the command; commands of the same actor. */
  readonly more?: (execute: Execute, output: Output<C>, asked: Asked<P, z.output<Q>, z.output<B>>) => Promise<M>
  /** 200 if missing. */
  readonly status?: 200 | 201 | 202
  /** What goes out, before the group's envelope. */
  readonly payload: (output: Output<C>, asked: Asked<P, z.output<Q>, z.output<B>>, more: M) => z.input<A>
  /** For the envelope. */
  readonly message?: string
  /** Words of this route for a failure of its command. */
  readonly fail?: (error: AppError, asked: Asked<P, z.output<Q>, z.output<B>>) => AppError
}
interface Manner {
  /**
   * `user`, if missing: whoever has a token. `operator`: in production an administrator; elsewhere anybody, as the server
   * itself. The command's policy decides about administrators.
   */
  readonly access?: 'user' | 'operator'
  /** Without the group's envelope. */
  readonly bare?: true
}

/** What came, unchecked. */
export interface Raw {
  readonly params: unknown
  readonly query: unknown
  readonly body: unknown
}
/** A way as the transport sees it. `begin` throws INVALID_INPUT. */
export interface Begun {
  readonly introduces: string | undefined
  readonly limit: Limit | undefined
  readonly status: number
  readonly message: string
  run(execute: Execute): Promise<unknown>
}
export interface Choice {
  readonly command: CommandName
  readonly summary: string | undefined
  readonly query: z.ZodType
  readonly body: z.ZodType | undefined
  readonly status: number
  readonly answer: z.ZodType
  begin(raw: Raw, caller: Caller): Begun
}
export interface Route {
  readonly method: Method
  /** Fastify's form, without the group's base. */
  readonly path: string
  readonly params: z.ZodObject
  readonly access: 'user' | 'operator'
  readonly bare: boolean
  /** More than one: the first whose body is that of the request. */
  readonly choices: readonly Choice[]
  /** Whether it may change something. */
  readonly writes: boolean
  begin(raw: Raw, caller: Caller): Begun
}

const Nothing = z.object({})
/** Where a schema is missing, its type parameter is that of Nothing: the compiler cannot tell. */
const orNothing = <S extends z.ZodType>(schema: S | undefined): S => schema ?? (Nothing as unknown as S)

type When<P extends Place, A extends z.ZodType> = <
  const C extends CommandName,
  Q extends z.ZodType = typeof Nothing,
  B extends z.ZodType = typeof Nothing,
  M = undefined,
>(
  way: Way<P, C, A, Q, B, M>,
) => Choice

/** Routes with this answer. In two steps, so that the answer is fixed before the mappings are read. */
export function answers<A extends z.ZodType>(answer: A) {
  return {
    /** A place that is one command. */
    route: <
      const P extends Place,
      const C extends CommandName,
      Q extends z.ZodType = typeof Nothing,
      B extends z.ZodType = typeof Nothing,
      M = undefined,
    >(
      place: P,
      way: Way<P, C, A, Q, B, M> & Manner,
    ): Route => toRoute(place, [toChoice(paramsOf(place), answer, way)], way),

    /** A place where the body decides the command: `choice('PATCH /x/:id', (when) => [when({...}), when({...})])`. */
    choice<const P extends Place>(
      place: P,
      ways: (when: When<P, A>) => readonly [Choice, ...Choice[]],
      manner: Manner = {},
    ): Route {
      const params = paramsOf(place)
      const choices = ways((way) => toChoice(params, answer, way))
      return toRoute(place, choices, manner)
    },
  }
}

function paramsOf<P extends Place>(place: P): z.ZodObject & z.ZodType<Params<P>> {
  const names = [...place.matchAll(/:(\w+)/g)].map(([, name = '']) => name)
  // The keys are read from the very text that types them.
  return z.object(Object.fromEntries(names.map((name) => [name, Id]))) as z.ZodObject & z.ZodType<Params<P>>
}

function toRoute(place: Place, choices: readonly [Choice, ...Choice[]], { access = 'user', bare }: Manner): Route {
  // A place is a method, a blank and a path.
  const [method, path] = place.split(' ') as [Method, string]
  const writes = method !== 'GET' || choices.some(({ command }) => commands[command].kind === 'write')
  const begin: Route['begin'] = (raw, caller) => {
    const meant = choices.length > 1 ? choices.find(({ body }) => body?.safeParse(raw.body).success) : undefined
    return (meant ?? choices[0]).begin(raw, caller)
  }
  return { method, path, params: paramsOf(place), access, bare: bare === true, choices, writes, begin }
}

function toChoice<
  P extends string,
  C extends CommandName,
  A extends z.ZodType,
  Q extends z.ZodType,
  B extends z.ZodType,
  M,
>(params: z.ZodType<Params<P>>, answer: A, way: Way<P, C, A, Q, B, M>): Choice {
  const { command, status = 200, message = '', body } = way
  return {
    ...{ command, summary: way.summary, query: way.query ?? Nothing, body, status, answer },
    begin(raw, caller) {
      const asked = {
        ...caller,
        params: parse(params, raw.params),
        query: parse(orNothing(way.query), raw.query),
        body: parse(orNothing(way.body), raw.body),
      }
      const input = way.input(asked)
      return {
        ...{ status, message, introduces: way.introduces?.(asked), limit: way.limit?.(asked) },
        async run(execute) {
          try {
            await way.before?.(execute, asked)
            const output = await execute(command, input)
            // Without `more`, M is undefined.
            return way.payload(output, asked, (await way.more?.(execute, output, asked)) as M)
          } catch (error) {
            throw way.fail && error instanceof AppError ? way.fail(error, asked) : error
          }
        },
      }
    },
  }
}

/** Throws INVALID_INPUT, naming the first field that is wrong. */
export function parse<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const [first] = parsed.error.issues
  const at = first?.path.join('.')
  throw new AppError('INVALID_INPUT', at ? `${at}: ${first?.message}` : first?.message, { cause: parsed.error })
}

/** What is wrong with each field of a refused request, by its path. */
export function fieldsOf({ cause }: AppError): Readonly<Record<string, string>> {
  if (!(cause instanceof z.ZodError)) return {}
  return Object.fromEntries(cause.issues.map(({ path, message }) => [path.join('.'), message]))
}

interface Envelope {
  readonly schema: (answer: z.ZodType) => z.ZodType
  readonly payload: (data: unknown, message: string) => unknown
}
/** The routes of one dialect. They are there when it is enabled. */
export interface Group {
  readonly name: string
  /** Such as `/api`, or nothing. */
  readonly base: string
  /** Whether the cookie `token` is a credential too. */
  readonly cookie: boolean
  readonly envelope: Envelope | undefined
  readonly failure: z.ZodType
  /** The status is that of the error's code. */
  readonly error: (error: AppError) => unknown
  readonly routes: readonly Route[]
}

/** In two steps, as `answers`. `name`: the dialect's. */
export const group = <F extends z.ZodType>({ failure, ...head }: { readonly name: string; readonly failure: F }) => ({
  define: (given: {
    readonly base?: string
    readonly cookie?: boolean
    readonly envelope?: Envelope
    readonly error: (error: AppError) => z.input<F>
    readonly routes: readonly Route[]
  }): Group => ({ base: '', cookie: false, envelope: undefined, failure, ...head, ...given }),
})
