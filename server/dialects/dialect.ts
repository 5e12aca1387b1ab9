/**
 * What a legacy wire is: one page of data. Inward, each row turns a wire event into a command and its outcome into answers;
 * outward, every event of the contract is translated or dropped on purpose, so a new one breaks the build of each dialect.
 * Mappers are pure and run once per dialect and node, never per socket. `define` wears the type parameters off: what the
 * bridge sees takes `unknown` and checks it, and knows no name of the wire.
 */
import type { z } from 'zod'
import type { CommandName, Output } from '../../shared/commands.ts'
import type { AppError } from '../../shared/errors.ts'
import type { Actor } from '../../shared/ports.ts'
import { type Answers, type Failure, type Inbound, type Line, type Row, toInbound } from './inbound.ts'
import type { Emit, Outbound, Wire } from './outbound.ts'

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

/** In two steps, so that the vocabulary is fixed before the tables are read. */
export function dialect<const W extends Wire, A extends z.ZodType>(head: Head<W, A>) {
  type RowOf<S extends z.ZodType, O> = Answers<z.output<S>, O, W, A>

  return {
    /** A wire event that is a command. */
    on: <S extends z.ZodType, const C extends CommandName>(schema: S, command: C, row: Row<S, C, W, A>): Inbound =>
      toInbound<S, Output<C>, W, A>(schema, row, (payload, call) => {
        const input = row.input(payload, call)
        return (execute) => execute(command, input)
      }),
    /** A wire event that concerns this socket alone; its payload is its output. */
    local: <S extends z.ZodType>(schema: S, row: RowOf<S, z.output<S>>): Inbound =>
      toInbound<S, z.output<S>, W, A>(schema, row, (payload) => async () => payload),
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
