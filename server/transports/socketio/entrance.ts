/**
 * From the handshake to the last event of each socket. A refusal is answered in the words of the dialect that the handshake
 * points to; if the server could not decide (its database is away, say), the connection is closed instead, because a client
 * comes back from that and not from a refusal. Tokens are never logged.
 */
import type { Server, Socket } from 'socket.io'
import { type AppError, ERRORS, toAppError } from '../../../shared/errors.ts'
import type { Actor, Core } from '../../../shared/ports.ts'
import type { Auth } from '../../auth.ts'
import type { Dialect, Refusal } from '../../dialects/dialect.ts'
import { MAIN } from '../../dialects/dialect.ts'
import { at } from '../deadline.ts'
import { Revocations } from '../revocations.ts'
import type { Cards } from './cards.ts'
import { type Choice, chooseDialect, type Settings } from './choice.ts'
import { claimsOf, credential } from './credential.ts'
import { pathOf } from './engine.ts'
import { connectionLimits, type EventLimit, eventLimits, type TakeOne } from './limits.ts'
import type { BridgeLog } from './log.ts'
import { Pulses } from './pulse.ts'
import type { Resume } from './resume.ts'
import type { Ground } from './run.ts'
import { introduce, Talk } from './talk.ts'
import type { Trace } from './trace.ts'
import { Wording } from './wording.ts'

interface Parts {
  readonly core: Core
  readonly cards: Cards
  readonly resume: Resume
  readonly io: Server
  readonly system: Actor
  readonly auth: Pick<Auth, 'authenticate' | 'guest' | 'claim'>
  readonly enabled: readonly Dialect[]
  readonly limit: TakeOne
  readonly settings: Settings & {
    readonly events: EventLimit
    readonly pingInterval: number
    readonly expiry: 'handshake' | 'live'
  }
  readonly log: BridgeLog
  readonly trace: Trace | null
  readonly newId: () => string
}

export class Entrance {
  readonly #parts: Parts
  readonly #ground: Ground
  /** By connection id, from the handshake to the disconnection. */
  readonly #talks = new Map<string, Talk>()
  readonly #bySocket = new WeakMap<Socket, Talk>()
  /** Namespaces that a connection is in, or about to be: each once. */
  readonly #namespaces = new WeakMap<Socket['conn'], Set<string>>()
  readonly #wordings = new Map<Dialect, ReadonlyMap<string, Wording>>()
  readonly #admit = connectionLimits()
  readonly #revocations = new Revocations()
  readonly #pulses: Pulses
  /** Nobody comes in before. */
  readonly #ready: Promise<void>
  #warned = false

  constructor(parts: Parts) {
    this.#parts = parts
    const { core, cards, log, newId, enabled, io, system, settings, trace, limit } = parts
    this.#ready = cards.start((event) => this.#revocations.hear(event))
    this.#ready.catch((error: unknown) => log.error({ err: error }, 'the log could not be followed'))
    this.#ground = { core, cards, log, newId, system, trace, limit, excess: eventLimits(settings.events) }
    this.#pulses = new Pulses(io, enabled, settings.pingInterval)
    for (const dialect of enabled) this.#wordings.set(dialect, this.#wordingsOf(dialect))
    for (const namespace of new Set(enabled.flatMap((dialect) => dialect.namespaces))) {
      io.of(namespace).use((socket, next) => {
        const told = trace?.watch(socket, next) ?? next
        this.#handshake(socket, told).catch((error: unknown) => log.error({ err: error }, 'a handshake failed'))
      })
      io.of(namespace).on('connection', (socket) => this.#bySocket.get(socket)?.start())
    }
  }

  /** Resolves when the events at work are done; those that wait are dropped. */
  async finish(): Promise<void> {
    await Promise.all([...this.#talks.values()].map((talk) => talk.finish()))
  }

  close(): void {
    this.#pulses.stop()
  }

  #wordingsOf(dialect: Dialect): ReadonlyMap<string, Wording> {
    const { io, cards, resume } = this.#parts
    const { ledger } = resume
    const seatOf = (connectionId: string | null) =>
      connectionId === null ? undefined : this.#talks.get(connectionId)?.seat
    const heardIn = (key: string) => dialect.namespaces.filter((namespace) => dialect.place(namespace).wording === key)
    return new Map(
      Object.entries(dialect.wordings).map(([key, outbound]) => {
        const name = key === MAIN ? dialect.name : `${dialect.name}.${key}`
        const own = heardIn(key)
        // What a row asks for is heard where the first words are.
        const namespaces = own.length > 0 ? own : heardIn(MAIN)
        return [key, new Wording({ name, outbound, namespaces, io, cards, ledger, seatOf })]
      }),
    )
  }

  async #handshake(socket: Socket, next: (error?: Error) => void): Promise<void> {
    const { auth: issuer, settings, enabled, log } = this.#parts
    const { auth, query, headers } = socket.handshake
    const handshake = { auth: record(auth), query: record(query), headers }
    const found = credential(handshake)
    const choice = chooseDialect(enabled, settings, {
      ...handshake,
      ...{ path: pathOf(socket.request), namespace: socket.nsp.name, host: headers.host },
      claims: found === undefined ? null : claimsOf(found),
    })
    if ('unknown' in choice) {
      next(new Error(`Unknown dialect: ${choice.unknown.slice(0, 64)}`))
      return
    }
    if (choice.dialect?.namespaces.includes(socket.nsp.name) === false) {
      // As Socket.IO itself says it of a namespace that is nobody's.
      next(new Error('Invalid namespace'))
      return
    }
    const token = credential(handshake, choice.dialect?.token)
    const leave = this.#arrive(socket)
    if (!leave) {
      next(new Error('Already connected'))
      return
    }
    try {
      await this.#ready
      const since = this.#revocations.now
      const guest = token === undefined && settings.guests && choice.dialect?.guests !== undefined
      const actor = guest ? issuer.guest(socket.id) : await issuer.authenticate(token, socket.id)
      // Nobody would take its seat away again.
      if (socket.conn.readyState !== 'open') return
      if (choice.dialect === null) this.#warn()
      const talk = this.#seat(socket, actor, choice, guest)
      talk.watched(this.#watch(talk, actor, since))
      await talk.session.open()
      next()
    } catch (thrown) {
      leave()
      const error = toAppError(thrown)
      log.debug(
        { code: error.code, error: error.message, dialect: choice.dialect?.name },
        'Socket authentication error',
      )
      if (error.code === 'INTERNAL') log.error({ err: error.cause }, 'a handshake failed')
      if (ERRORS[error.code].retry) socket.conn.close()
      else next(new Error(choice.dialect?.refuse(refusal(error, token)) ?? 'Authentication failed'))
    }
  }

  #seat(socket: Socket, actor: Actor, choice: Exclude<Choice, { unknown: string }>, guest: boolean): Talk {
    const { core, cards, enabled, log, auth, resume } = this.#parts
    const wordings = (dialect: Dialect) => this.#wordings.get(dialect) ?? new Map<string, Wording>()
    const talk = new Talk({
      ...{ socket, choice, guest, enabled, log, ground: this.#ground, admit: this.#admit },
      ...{ resume, fence: resume.fence(socket.conn) },
      ...{ core, cards, actor, wordings, pulse: () => this.#pulses.last(socket.nsp.name) },
      identify: async (userId, connectionId) => {
        const since = this.#revocations.now
        const known = await auth.claim(userId, connectionId)
        return { known, unwatch: this.#watch(talk, known, since) }
      },
    })
    introduce(socket, actor)
    this.#talks.set(actor.connectionId, talk)
    this.#bySocket.set(socket, talk)
    return talk
  }

  /**
   * Whoever is deactivated or revoked is cut off at once, and refused on coming back; who is kicked is told to stay away. Where the
   * operator wants it, a token's end is one too. Returns how to stop.
   */
  #watch(talk: Talk, actor: Actor, since: number): () => void {
    const { settings } = this.#parts
    const off = this.#revocations.on(actor, since, (why) => (why === 'kicked' ? talk.dismiss() : talk.hangUp()))
    const expire = settings.expiry === 'live' ? at(actor.expiresAt, () => talk.hangUp()) : () => {}
    return () => {
      off()
      expire()
    }
  }

  /** False if the connection is in the namespace already; else how to leave it, which also happens by itself. */
  #arrive(socket: Socket): (() => void) | false {
    const { conn, nsp } = socket
    const fence = this.#parts.resume.fence(conn)
    const present = this.#namespaces.get(conn) ?? new Set()
    if (present.has(nsp.name)) return false
    this.#namespaces.set(conn, present.add(nsp.name))
    const leave = () => {
      conn.off('close', leave)
      present.delete(nsp.name)
      const talk = this.#bySocket.get(socket)
      void talk?.close(fence.takeFarewell(nsp.name)).then(() => this.#talks.delete(talk.session.actor.connectionId))
    }
    // A namespace may be left alone, and the connection may go before the socket is there.
    socket.once('disconnect', leave)
    conn.once('close', leave)
    return leave
  }

  #warn(): void {
    if (this.#warned) return
    this.#warned = true
    this.#parts.log.warn({}, 'a socket does not say which dialect it speaks; with one app only, set SOCKETIO_DIALECT')
  }
}

const REFUSALS: Readonly<Record<string, Refusal>> = {
  UNAUTHENTICATED: 'invalid',
  FORBIDDEN: 'inactive',
  NOT_FOUND: 'inactive',
}
function refusal({ code, data }: AppError, token: string | undefined): Refusal {
  if (token === undefined) return 'missing'
  return data?.inactive === true ? 'inactive' : (REFUSALS[code] ?? 'failed')
}

/** A copy of what a client sent as an object; nothing if it sent something else. */
const record = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {}
