/**
 * What a legacy wire is: one page of data. Inward, each row turns a wire event into a command and its outcome into answers;
 * outward, every event of the contract is translated or dropped on purpose, so a new one breaks the build of each dialect.
 * Mappers are pure and run once per dialect and node, never per socket. `define` wears the type parameters off: what the
 * bridge sees takes `unknown` and checks it, and knows no name of the wire.
 */
import type { z } from 'zod'
import type { CommandName, Output } from '../../shared/commands.ts'
import type { AppError } from '../../shared/errors.ts'
import type { Actor, Scope } from '../../shared/ports.ts'
import { type Answers, type Failure, type Inbound, type Line, type Registered, type Row, toInbound } from './inbound.ts'
import type { Emit, Outbound, Sent, Wire } from './outbound.ts'

/** Why a handshake is refused: no credential, a bad one, a user that is not there or not active, anything else. */
export type Refusal = 'missing' | 'invalid' | 'inactive' | 'failed'

export interface Head<W extends Wire, A extends z.ZodType> {
  readonly name: string
  /** What a callback is called with. */
  readonly ack: A
  readonly emits: W
  readonly namespaces?: readonly string[]
  /** Engine paths besides `/socket.io/` and `/<name>/socket.io/`. */
  readonly paths?: readonly string[]
  /** Where its token is looked for first; in `auth` if missing. */
  readonly token?: 'query'
  /** Whether a token with these claims is one of this system's own. */
  readonly claims?: (claims: Readonly<Record<string, unknown>>) => boolean
  /**
   * Serves sockets without a credential, where the operator trusts them: until they register (see `claim`) they are guests, who
   * hear what is for everybody, and whose other events fail with UNAUTHENTICATED and this text.
   */
  readonly guests?: string
}
/** What a namespace hears and may say, if it differs from the first one. */
export interface Special<W extends Wire> {
  readonly follow: Connect['follow']
  /** One of `wordings`; if missing, as the first namespace. */
  readonly wording?: string
  /** If missing, as the first namespace. */
  readonly inbound?: Readonly<Record<string, Inbound>>
  /** Said to every socket there, each SOCKET_PING_INTERVAL. */
  readonly pulse?: (at: Date) => readonly Emit<W>[]
  /** For the reference: the words of the wire that are said here; all if missing. */
  readonly says?: readonly (keyof W & string)[]
}
export interface Connect {
  /** What an arriving socket hears without asking: everything of its user, or the user's own topic alone. */
  readonly follow: 'all' | 'user'
  /** Where a user begins who has no cursor here yet: at the end of the log, or with what waits in the offline queue. */
  readonly first?: 'end' | 'queue'
  /** Whose presence is heard, in this wording. */
  readonly watch?: (actor: Actor) => { readonly wording: string; readonly scope: Scope } | null
  /** Connections of one user at a time. */
  readonly connections?: number
  readonly log?: (actor: Actor, conversations: number) => Line
}
/** Too many events of a user: at most `limit` in `windowMs`, the next one in `retryAfterMs`. */
export interface Excess {
  readonly limit: number
  readonly windowMs: number
  readonly retryAfterMs: number
}
export interface Tables<W extends Wire, A extends z.ZodType> {
  readonly connect: Connect
  readonly inbound: Readonly<Record<string, Inbound>>
  readonly outbound: Outbound<Emit<W>>
  /** Other ways to word the same events, for sockets that asked for a topic by a row with that `wording`. */
  readonly wordings?: Readonly<Record<string, Outbound<Emit<W>>>>
  /** By namespace. */
  readonly places?: Readonly<Record<string, Special<W>>>
  readonly error: (error: AppError) => Failure<Emit<W>, z.input<A>>
  /** If given, the operator's limit of events (RATE_LIMIT_MAX) holds here, and this is how an event beyond it fails. */
  readonly throttle?: (event: string, excess: Excess) => Failure<Emit<W>, z.input<A>>
  readonly refuse?: (refusal: Refusal) => string
}

/** The name of a dialect's first wording, the one its `outbound` gives. */
export const MAIN = ''

/** What a namespace hears and may say. */
export interface Place {
  readonly follow: Connect['follow']
  readonly wording: string
  readonly inbound: ReadonlyMap<string, Inbound>
  readonly pulse: ((at: Date) => readonly Sent[]) | undefined
  readonly says: readonly string[]
}

export interface Dialect {
  readonly name: string
  readonly namespaces: readonly string[]
  readonly paths: readonly string[]
  readonly token: 'auth' | 'query'
  readonly claims: (claims: Readonly<Record<string, unknown>>) => boolean
  readonly ack: z.ZodType
  readonly emits: Wire
  readonly guests: string | undefined
  readonly connect: Connect
  /** Of a namespace of this dialect. */
  readonly place: (namespace: string) => Place
  /** All ways to word events, by name. */
  readonly wordings: Readonly<Record<string, Outbound>>
  readonly error: (error: AppError) => Failure
  readonly throttle: ((event: string, excess: Excess) => Failure) | undefined
  readonly refuse: (refusal: Refusal) => string
}

/** In two steps, so that the vocabulary is fixed before the tables are read. */
export function dialect<const W extends Wire, A extends z.ZodType>(head: Head<W, A>) {
  type RowOf<S extends z.ZodType, O> = Answers<z.output<S>, O, W, A>

  return {
    /** A wire event that is a command. */
    on: <S extends z.ZodType, const C extends CommandName>(schema: S, command: C, row: Row<S, C, W, A>): Inbound => ({
      ...toInbound<S, Output<C>, W, A>(schema, row, (payload, call) => {
        const input = row.input(payload, call)
        return ({ execute }) => execute(command, input)
      }),
      command,
    }),
    /** A wire event by which a socket says whose it is; see `guests`. Of a user with a token it must be the same. */
    claim: <S extends z.ZodType>(
      schema: S,
      userId: (payload: z.output<S>) => string,
      row: RowOf<S, Registered>,
    ): Inbound => ({
      ...toInbound<S, Registered, W, A>(
        schema,
        row,
        (payload) =>
          ({ claim }) =>
            claim(userId(payload)),
      ),
      claims: true,
    }),
    /** A wire event that concerns this socket alone; its payload is its output. */
    local: <S extends z.ZodType>(schema: S, row: RowOf<S, z.output<S>>): Inbound =>
      toInbound<S, z.output<S>, W, A>(schema, row, (payload) => async () => payload),
    define: (tables: Tables<W, A>): Dialect => ({
      name: head.name,
      namespaces: head.namespaces ?? ['/'],
      guests: head.guests,
      paths: [`/${head.name}/socket.io`, ...(head.paths ?? [])],
      token: head.token ?? 'auth',
      claims: head.claims ?? (() => false),
      ack: head.ack,
      emits: head.emits,
      connect: tables.connect,
      place: placesOf(head.emits, tables),
      wordings: { [MAIN]: tables.outbound, ...tables.wordings },
      error: tables.error,
      throttle: tables.throttle,
      refuse: tables.refuse ?? (() => 'Authentication failed'),
    }),
  }
}

function placesOf<W extends Wire, A extends z.ZodType>(emits: W, { connect, inbound, places = {} }: Tables<W, A>) {
  const first: Place = {
    ...{ follow: connect.follow, wording: MAIN, inbound: new Map(Object.entries(inbound)) },
    ...{ pulse: undefined, says: Object.keys(emits) },
  }
  const special = new Map(
    Object.entries(places).map(([namespace, { inbound: own, ...place }]): [string, Place] => [
      namespace,
      { ...first, ...place, ...(own && { inbound: new Map(Object.entries(own)) }) },
    ]),
  )
  return (namespace: string): Place => special.get(namespace) ?? first
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
