/**
 * The inward half of a dialect: a row turns a wire event into a command, and the command's outcome into answers. The bridge
 * sees a row with its types worn off: it takes `unknown` and checks it.
 */
import type { z } from 'zod'
import type { CommandName, Input, Output } from '../../shared/commands.ts'
import { AppError } from '../../shared/errors.ts'
import type { Topic } from '../../shared/events.ts'
import type { Actor } from '../../shared/ports.ts'
import type { Card, Emit, Sent, Wire } from './outbound.ts'

/** What goes out when something fails: events to the sending socket, and the value for its callback if it gave one. */
export interface Failure<E extends Sent = Sent, A = unknown> {
  readonly emit?: readonly E[]
  readonly ack?: A
}
/** A log record: its text and its fields. */
export type Line = readonly [text: string, fields: Readonly<Record<string, unknown>>]

/** One inbound event being handled. `id`: 24 hex digits that nothing else has. */
export interface Call {
  readonly actor: Actor
  readonly id: string
  readonly at: Date
  /** The last pulse of the socket's place: when it went out, and how long ago by this server's clock. */
  readonly pulse: { readonly at: Date; readonly ageMs: number } | null
}

/** What an answer may say of the circumstances. Times are milliseconds since the event arrived. */
export interface Meta {
  readonly actor: Actor
  readonly timing: { readonly emitTime: number; readonly dbTime: number }
  /** Who follows the row's topic now, this socket included if it does. */
  readonly room: { readonly connections: number; readonly users: number }
  /** The other members: those who follow the row's topic, and the rest. */
  readonly delivery: { readonly onlineUsers: number; readonly offlineUsers: number }
  /** Whether the socket followed the row's topic before this event. */
  readonly alreadyFollowing: boolean
  /** Of a conversation that the row's `cards` names; null if it cannot be had. */
  readonly card: (conversationId: string) => Card | null
}

/** At most `points` in `seconds`, per user, in a fixed window: of all rows and routes that name this very object. */
export interface Limit {
  readonly points: number
  readonly seconds: number
}

/** A socket that has said whose it is. */
export interface Registered {
  readonly userId: string
  readonly name: string
  readonly socketId: string
}

export interface Answers<P, O, W extends Wire, A extends z.ZodType> {
  /** The socket must follow this topic already, else the row fails with `message`. */
  joined?: { readonly topic: (payload: P) => Topic; readonly message: string }
  limit?: Limit
  /** What `meta` tells of, where nothing is followed or joined. */
  about?: (output: O, payload: P) => Topic
  /** Conversations whose cards the answers need. */
  cards?: (output: O, payload: P) => readonly string[]
  /** The kinds of events (`Audience.kind`) that the socket wants none of from now on; null (also as `before`): it never said. */
  refuses?: (payload: P, before: readonly string[] | null) => readonly string[] | null
  /** A user whom the row creates if there is none of that id. */
  introduces?: (payload: P) => string | undefined
  /** The wording in which the socket hears the row's topic from now on; the dialect's first one if missing. */
  wording?: string
  /** On success, this socket starts (stops) to receive the topic. */
  follow?: (output: O, payload: P) => Topic
  unfollow?: (output: O, payload: P) => Topic
  /** To the sending socket alone, after everything that the command caused. */
  reply?: (output: O, payload: P, meta: Meta) => readonly Emit<W>[]
  ack?: (output: O, payload: P, meta: Meta) => z.input<A>
  /** In place of `ack`, for who gave no callback. */
  event?: (output: O, payload: P, meta: Meta) => readonly Emit<W>[]
  /** Instead of the dialect's `error`. The payload is undefined if it was not of this row's form; `raw` is what came. */
  fail?: (error: AppError, payload: P | undefined, raw: unknown) => Failure<Emit<W>, z.input<A>>
  log?: {
    readonly before?: (payload: P, actor: Actor) => Line
    readonly after?: (output: O, payload: P, meta: Meta) => readonly Line[]
    /** The payload is undefined if it was not of this row's form. */
    readonly failed?: (error: AppError, payload: P | undefined, actor: Actor) => Line
  }
}
/** A wire event that is a command. */
export interface Row<S extends z.ZodType, C extends CommandName, W extends Wire, A extends z.ZodType>
  extends Answers<z.output<S>, Output<C>, W, A> {
  input: (payload: z.output<S>, call: Call) => Input<C>
}

export type Execute = <C extends CommandName>(name: C, input: Input<C>) => Promise<Output<C>>
/** What a row may do: a command, or to say whose the socket is (FORBIDDEN if it is another's). */
export interface Doors {
  readonly execute: Execute
  readonly claim: (userId: string) => Promise<Registered>
}

/** A row as the bridge sees it. Nothing here trusts its payload; `begin` throws INVALID_INPUT. */
export interface Inbound {
  /** None if the event concerns the socket alone. */
  readonly command?: CommandName
  readonly limit: Limit | undefined
  readonly wording: string | undefined
  readonly form: z.ZodType
  accepts(payload: unknown): boolean
  /** Whether guests may say it. */
  readonly claims?: true
  begin(payload: unknown, call: Call): Begun
  fail: ((error: AppError, payload: unknown) => Failure) | undefined
  failed: ((error: AppError, payload: unknown, actor: Actor) => Line) | undefined
}
export interface Begun {
  readonly joined: { readonly topic: Topic; readonly message: string } | undefined
  readonly introduces: string | undefined
  readonly log: Line | undefined
  run(doors: Doors): Promise<Done>
}
export interface Done {
  readonly follow: Topic | undefined
  readonly unfollow: Topic | undefined
  readonly about: Topic | undefined
  /** What the command was about, if its output says so: the answer keeps its turn among that conversation's events. */
  readonly conversationId: string | undefined
  readonly cards: readonly string[]
  refuses(before: readonly string[] | null): readonly string[] | null
  reply(meta: Meta): readonly Sent[]
  ack(meta: Meta): unknown
  event(meta: Meta): readonly Sent[]
  log(meta: Meta): readonly Line[]
}

/** How a row becomes what the bridge sees; `run` says what executing it means. */
export function toInbound<S extends z.ZodType, O, W extends Wire, A extends z.ZodType>(
  schema: S,
  row: Answers<z.output<S>, O, W, A>,
  run: (payload: z.output<S>, call: Call) => (doors: Doors) => Promise<O>,
): Inbound {
  const { fail, joined, log: { failed } = {} } = row
  return {
    limit: row.limit,
    wording: row.wording,
    form: schema,
    accepts: (raw) => schema.safeParse(raw).success,
    begin: (raw, call) => {
      const payload = parse(schema, raw)
      const execute = run(payload, call)
      return {
        joined: joined && { topic: joined.topic(payload), message: joined.message },
        introduces: row.introduces?.(payload),
        log: row.log?.before?.(payload, call.actor),
        run: async (doors) => {
          const output = await execute(doors)
          return {
            follow: row.follow?.(output, payload),
            unfollow: row.unfollow?.(output, payload),
            about: row.about?.(output, payload) ?? joined?.topic(payload),
            conversationId: conversationIn(output),
            cards: row.cards?.(output, payload) ?? [],
            refuses: (before) => row.refuses?.(payload, before) ?? before,
            reply: (meta) => row.reply?.(output, payload, meta) ?? [],
            ack: (meta) => row.ack?.(output, payload, meta),
            event: (meta) => row.event?.(output, payload, meta) ?? [],
            log: (meta) => row.log?.after?.(output, payload, meta) ?? [],
          }
        },
      }
    },
    fail: fail && ((error, raw) => fail(error, schema.safeParse(raw).data, raw)),
    failed: failed && ((error, raw, actor) => failed(error, schema.safeParse(raw).data, actor)),
  }
}

function conversationIn(output: unknown): string | undefined {
  if (typeof output !== 'object' || output === null || !('conversationId' in output)) return undefined
  return typeof output.conversationId === 'string' ? output.conversationId : undefined
}

function parse<S extends z.ZodType>(schema: S, payload: unknown): z.output<S> {
  const parsed = schema.safeParse(payload)
  if (parsed.success) return parsed.data
  throw new AppError('INVALID_INPUT', parsed.error.issues[0]?.message ?? 'Invalid data', { cause: parsed.error })
}
