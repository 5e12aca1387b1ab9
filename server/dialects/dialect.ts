/**
 * What a legacy wire is: one page of data. Inward, each row turns a wire event into a command and its outcome into answers;
 * outward, every event of the contract is translated or dropped on purpose, so a new one breaks the build of each dialect.
 * Mappers are pure and run once per dialect and node, never per socket. `define` wears the type parameters off: what the
 * bridge sees takes `unknown` and checks it, and knows no name of the wire.
 */
import type { z } from 'zod'
import type { CommandName, Input, Output } from '../../shared/commands.ts'
import { AppError } from '../../shared/errors.ts'
import { type Event, type EventName, type Events, events, type Payload, type Topic } from '../../shared/events.ts'
import type { Conversation, Member, Message, Profile } from '../../shared/model.ts'
import type { Actor } from '../../shared/ports.ts'

/** The wire events a dialect may emit: name to the schema of its one payload. */
export type Wire = Readonly<Record<string, z.ZodType>>
export type Emit<W extends Wire> = { [K in keyof W & string]: readonly [name: K, payload: z.input<W[K]>] }[keyof W &
  string]
/** Any wire's emit, its types worn off. */
export type Sent = readonly [name: string, payload: unknown]
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
}

/** At most `points` events of a row in `seconds`, per user, in a fixed window. */
export interface Limit {
  readonly points: number
  readonly seconds: number
}

interface Answers<P, O, W extends Wire, A extends z.ZodType> {
  /** The socket must follow this topic already, else the row fails with `message`. */
  joined?: { readonly topic: (payload: P) => Topic; readonly message: string }
  limit?: Limit
  /** The wording in which the socket hears the row's topic from now on; the dialect's first one if missing. */
  wording?: string
  /** On success, this socket starts (stops) to receive the topic. */
  follow?: (output: O, payload: P) => Topic
  unfollow?: (output: O, payload: P) => Topic
  /** To the sending socket alone, after everything that the command caused. */
  reply?: (output: O, payload: P, meta: Meta) => readonly Emit<W>[]
  ack?: (output: O, payload: P, meta: Meta) => z.input<A>
  /** Instead of the dialect's `error`. The payload is undefined if it was not of this row's form. */
  fail?: (error: AppError, payload: P | undefined) => Failure<Emit<W>, z.input<A>>
  log?: {
    readonly before?: (payload: P, actor: Actor) => Line
    readonly after?: (output: O, payload: P, meta: Meta) => readonly Line[]
  }
}
/** A wire event that is a command. */
export interface Row<S extends z.ZodType, C extends CommandName, W extends Wire, A extends z.ZodType>
  extends Answers<z.output<S>, Output<C>, W, A> {
  input: (payload: z.output<S>, call: Call) => Input<C>
}

/** A conversation as mappers see it, true at the event that is being translated. */
export interface Card {
  readonly conversation: Conversation
  /** The first hundred. */
  readonly members: ReadonlyMap<string, Member>
  readonly memberCount: number
  readonly lastMessage: Message | null
  readonly profile: (userId: string) => Profile
}

/** Who hears it. Audiences are served in the order in which they are written. */
export interface Audience<E extends Sent = Sent> {
  /** Everyone who follows the topic. */
  readonly all?: readonly E[]
  /** All but the connection that caused the event. */
  readonly rest?: readonly E[]
  /** Only the connection that caused it. */
  readonly origin?: readonly E[]
  /** All but the actor's own connections. */
  readonly others?: readonly E[]
  /** Every member of the conversation, whether or not the socket hears the conversation itself. */
  readonly members?: readonly E[]
}

export interface Scene {
  readonly at: Date
  readonly actorId: string | null
  readonly origin: string | null
}
export interface ConversationScene extends Scene {
  readonly card: Card
  /** The optimistic form of this message, if this node has shown it in this wording. */
  readonly shown: Payload<'message.accepted'> | null
}

export type ConversationName = { [E in EventName]: Events[E]['topic'] extends 'conversation' ? E : never }[EventName]
type OtherName = Exclude<EventName, ConversationName>
export type Outbound<S extends Sent = Sent> = {
  readonly [E in ConversationName]: (payload: Payload<E>, scene: ConversationScene) => Audience<S>
} & { readonly [E in OtherName]: (payload: Payload<E>, scene: Scene) => Audience<S> }

/** An event that this wire has no word for. */
export const drop = (): Record<string, never> => ({})

export const aboutConversation = (event: Event): event is Event<ConversationName> =>
  events[event.name].topic === 'conversation'

export function translateOther<E extends OtherName>(
  table: { readonly [K in E]: (payload: Payload<K>, scene: Scene) => Audience },
  event: { readonly name: E; readonly payload: Payload<E> } & Scene,
): Audience {
  return table[event.name](event.payload, event)
}
export function translateConversation<E extends ConversationName>(
  table: { readonly [K in E]: (payload: Payload<K>, scene: ConversationScene) => Audience },
  event: { readonly name: E; readonly payload: Payload<E> },
  scene: ConversationScene,
): Audience {
  return table[event.name](event.payload, scene)
}

export type Execute = <C extends CommandName>(name: C, input: Input<C>) => Promise<Output<C>>

/** A row as the bridge sees it. Nothing here trusts its payload; `begin` throws INVALID_INPUT. */
export interface Inbound {
  readonly limit: Limit | undefined
  readonly wording: string | undefined
  readonly form: z.ZodType
  accepts(payload: unknown): boolean
  begin(payload: unknown, call: Call): Begun
  fail: ((error: AppError, payload: unknown) => Failure) | undefined
}
export interface Begun {
  readonly joined: { readonly topic: Topic; readonly message: string } | undefined
  readonly log: Line | undefined
  run(execute: Execute): Promise<Done>
}
export interface Done {
  readonly follow: Topic | undefined
  readonly unfollow: Topic | undefined
  reply(meta: Meta): readonly Sent[]
  ack(meta: Meta): unknown
  log(meta: Meta): readonly Line[]
}

/** Why a handshake is refused: no credential, a bad one, a user that is not there or not active, anything else. */
export type Refusal = 'missing' | 'invalid' | 'inactive' | 'failed'

interface Head<W extends Wire, A extends z.ZodType> {
  readonly name: string
  /** What a callback is called with. */
  readonly ack: A
  readonly emits: W
  readonly namespaces?: readonly string[]
  /** Engine paths besides `/socket.io/` and `/<name>/socket.io/`. */
  readonly paths?: readonly string[]
  /** Whether a token with these claims is one of this system's own. */
  readonly claims?: (claims: Readonly<Record<string, unknown>>) => boolean
}
interface Connect {
  /** What an arriving socket hears without asking: everything of its user, or the user's own topic alone. */
  readonly follow: 'all' | 'user'
  /** Connections of one user at a time. */
  readonly connections?: number
  readonly log?: (actor: Actor, conversations: number) => Line
}
interface Tables<W extends Wire, A extends z.ZodType> {
  readonly connect: Connect
  readonly inbound: Readonly<Record<string, Inbound>>
  readonly outbound: Outbound<Emit<W>>
  /** Other ways to word the same events, for sockets that asked for a topic by a row with that `wording`. */
  readonly wordings?: Readonly<Record<string, Outbound<Emit<W>>>>
  readonly error: (error: AppError) => Failure<Emit<W>, z.input<A>>
  readonly refuse?: (refusal: Refusal) => string
}

export interface Dialect {
  readonly name: string
  readonly namespaces: readonly string[]
  readonly paths: readonly string[]
  readonly claims: (claims: Readonly<Record<string, unknown>>) => boolean
  readonly ack: z.ZodType
  readonly emits: Wire
  readonly connect: Connect
  readonly inbound: ReadonlyMap<string, Inbound>
  readonly outbound: Outbound
  readonly wordings: Readonly<Record<string, Outbound>>
  readonly error: (error: AppError) => Failure
  readonly refuse: (refusal: Refusal) => string
}

function parse<S extends z.ZodType>(schema: S, payload: unknown): z.output<S> {
  const parsed = schema.safeParse(payload)
  if (parsed.success) return parsed.data
  throw new AppError('INVALID_INPUT', parsed.error.issues[0]?.message ?? 'Invalid data', { cause: parsed.error })
}

/** In two steps, so that the vocabulary is fixed before the tables are read. */
export function dialect<const W extends Wire, A extends z.ZodType>(head: Head<W, A>) {
  type RowOf<S extends z.ZodType, O> = Answers<z.output<S>, O, W, A>

  function inbound<S extends z.ZodType, O>(
    schema: S,
    row: RowOf<S, O>,
    run: (payload: z.output<S>, call: Call) => (execute: Execute) => Promise<O>,
  ): Inbound {
    const { fail, joined } = row
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
          log: row.log?.before?.(payload, call.actor),
          run: async (door) => {
            const output = await execute(door)
            return {
              follow: row.follow?.(output, payload),
              unfollow: row.unfollow?.(output, payload),
              reply: (meta) => row.reply?.(output, payload, meta) ?? [],
              ack: (meta) => row.ack?.(output, payload, meta),
              log: (meta) => row.log?.after?.(output, payload, meta) ?? [],
            }
          },
        }
      },
      fail: fail && ((error, raw) => fail(error, schema.safeParse(raw).data)),
    }
  }

  return {
    /** A wire event that is a command. */
    on: <S extends z.ZodType, const C extends CommandName>(schema: S, command: C, row: Row<S, C, W, A>): Inbound =>
      inbound<S, Output<C>>(schema, row, (payload, call) => {
        const input = row.input(payload, call)
        return (execute) => execute(command, input)
      }),
    /** A wire event that concerns this socket alone; its payload is its output. */
    local: <S extends z.ZodType>(schema: S, row: RowOf<S, z.output<S>>): Inbound =>
      inbound<S, z.output<S>>(schema, row, (payload) => async () => payload),
    define: (tables: Tables<W, A>): Dialect => ({
      name: head.name,
      namespaces: head.namespaces ?? ['/'],
      paths: [`/${head.name}/socket.io`, ...(head.paths ?? [])],
      claims: head.claims ?? (() => false),
      ack: head.ack,
      emits: head.emits,
      connect: tables.connect,
      inbound: new Map(Object.entries(tables.inbound)),
      outbound: tables.outbound,
      wordings: tables.wordings ?? {},
      error: tables.error,
      refuse: tables.refuse ?? (() => 'Authentication failed'),
    }),
  }
}

/** Claims that every token may have, whoever made it. */
const STANDARD_CLAIMS = new Set(['iat', 'exp', 'nbf', 'iss', 'aud', 'jti'])

/** Claims that are exactly these, beyond the standard ones. */
export const exactly =
  (...names: string[]) =>
  (claims: Readonly<Record<string, unknown>>): boolean => {
    const own = Object.keys(claims).filter((name) => !STANDARD_CLAIMS.has(name))
    return own.length === names.length && names.every((name) => own.includes(name))
  }
