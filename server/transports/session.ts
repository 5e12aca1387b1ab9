/**
 * One connection at the typed entrance: who acts, how much may be in flight, when it must go. It never throws while it opens:
 * an authentication failure becomes the answer to every call, and the connection is closed soon after.
 */
import { AppError, CLOSES, toAppError } from '../../shared/errors.ts'
import type { Actor, Core, Feed } from '../../shared/ports.ts'
import type { Context, Pages } from '../../shared/router/trpc.ts'
import { at } from './deadline.ts'
import type { Revocations, Why } from './revocations.ts'
import type { Close, TypedSocket } from './socket.ts'
import { byLane } from './stream.ts'

/** Throws UNAUTHENTICATED for a token that is missing, forged or expired. */
export type Authenticate = (token: string | undefined) => Promise<Actor>

export interface SessionLimits {
  /** Calls in flight on one connection. */
  readonly calls: number
  /** Subscriptions on one connection. */
  readonly streams: number
  /** Time to present a token, ms. */
  readonly handshakeMs: number
  /** Time to receive the refusal before the connection is closed, ms. */
  readonly refusedMs: number
}

const FAREWELLS: Readonly<Record<Why, Close>> = {
  deactivated: CLOSES.refused,
  revoked: CLOSES.revoked,
  kicked: CLOSES.kicked,
}

/** What `authenticate` gives or the reason that it gives nothing. */
export const identify = (authenticate: Authenticate, token: string | undefined): Promise<Actor | AppError> =>
  authenticate(token).catch(toAppError)

/**
 * The token of connectionParams, or of the Authorization header. Over HTTP connectionParams are in the query, which proxies
 * may log: that is how an EventSource, which cannot set headers, proves who it is.
 */
export function tokenOf(params: Record<string, string | undefined> | null, authorization: string | undefined) {
  return params?.token ?? authorization?.match(/^Bearer +(\S+)$/i)?.[1]
}

export class Session {
  readonly #socket: TypedSocket
  readonly #limits: SessionLimits
  readonly #revocations: Revocations
  #calls = 0
  #streams = 0
  #draining = false
  #callOff: () => void = () => undefined

  constructor(socket: TypedSocket, limits: SessionLimits, revocations: Revocations) {
    this.#socket = socket
    this.#limits = limits
    this.#revocations = revocations
    this.#leaveAt(Date.now() + limits.handshakeMs, CLOSES.refused)
    socket.once('close', () => this.#callOff())
  }

  async open(core: Core, authenticate: Authenticate, token: string | undefined): Promise<Context> {
    // The token is there: if it cannot be checked in time, that is not the client's fault, and it may come back.
    this.#leaveAt(Date.now() + this.#limits.handshakeMs, CLOSES.restart)
    const since = this.#revocations.now
    const actor = await identify(authenticate, token)
    if (!(actor instanceof AppError)) {
      this.#leaveAt(actor.expiresAt, CLOSES.expired)
      const off = this.#revocations.on(actor, since, (why) => this.#socket.leave(FAREWELLS[why]))
      this.#socket.once('close', off)
    } else {
      const close = actor.code === 'UNAUTHENTICATED' ? CLOSES.refused : CLOSES.restart
      this.#leaveAt(Date.now() + this.#limits.refusedMs, close)
    }
    return { actor, core, admit: () => this.#admit(), deliver: (open, signal) => this.#deliver(open, signal) }
  }

  /** Closes as soon as no call is in flight. */
  drain(): void {
    this.#draining = true
    if (this.#calls === 0) this.#socket.leave(CLOSES.restart)
  }

  #admit(): () => void {
    // Nobody would hear the answer, and its token may have ended.
    if (this.#socket.readyState !== this.#socket.OPEN) throw new AppError('UNAVAILABLE', 'The connection is closing')
    if (this.#calls >= this.#limits.calls) throw new AppError('RATE_LIMITED', 'Too many calls in flight')
    this.#calls++
    return () => {
      this.#calls--
      // Later than the answer, which is sent when the call has settled.
      if (this.#draining && this.#calls === 0) setImmediate(() => this.drain())
    }
  }

  async #deliver(open: () => Promise<Feed>, signal = new AbortController().signal): Promise<Pages> {
    if (this.#streams >= this.#limits.streams) throw new AppError('RATE_LIMITED', 'Too many subscriptions')
    this.#streams++
    let held = true
    const release = () => {
      if (held) this.#streams--
      held = false
    }
    signal.addEventListener('abort', release, { once: true })
    try {
      const feed = await open()
      if (signal.aborted) release()
      return byLane(feed, signal, this.#socket, release)
    } catch (error) {
      release()
      throw error
    }
  }

  /** Each deadline takes the place of the one before: to present a token, to hear the refusal, the token's own end. */
  #leaveAt(time: number | null, close: Close): void {
    this.#callOff()
    // Authenticating may take longer than the connection lasts.
    if (this.#socket.readyState === this.#socket.OPEN) this.#callOff = at(time, () => this.#socket.leave(close))
  }
}
