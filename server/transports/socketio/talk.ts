/**
 * What one socket says: events strictly in order, each run by the row of its dialect. Without a row that takes it, a socket
 * whose dialect is not fixed offers the event to the other enabled dialects and moves to the first that takes it, before the
 * event runs. What nobody has is logged once, answered if a callback was given, and never a reason to disconnect.
 */
import type { Socket } from 'socket.io'
import { AppError, toAppError } from '../../../shared/errors.ts'
import type { Actor } from '../../../shared/ports.ts'
import type { Dialect } from '../../dialects/dialect.ts'
import type { Call, Registered } from '../../dialects/inbound.ts'
import type { Choice } from './choice.ts'
import { Inbox } from './inbox.ts'
import type { BridgeLog } from './log.ts'
import { fail, type Ground, run } from './run.ts'
import { Session, type Parts as SessionParts } from './session.ts'
import type { Seat } from './wording.ts'

interface Parts extends Omit<SessionParts, 'seat' | 'namespace'> {
  readonly socket: Socket
  /** It came without a credential. */
  readonly guest: boolean
  /** Who somebody without a credential says they are, and how to stop watching what becomes of them. Throws. */
  readonly identify: (userId: string, connectionId: string) => Promise<{ known: Actor; unwatch: () => void }>
  readonly pulse: () => Call['pulse']
  readonly choice: Exclude<Choice, { unknown: string }>
  readonly ground: Ground
  readonly log: BridgeLog
  /** Counts a connection of a dialect; throws RATE_LIMITED. Returns how to give it back. */
  readonly admit: (dialect: Dialect, userId: string) => () => void
}

/** Events of one socket that may wait: what a client may have saved up while it was away. */
const WAITING = 1_000

export class Talk {
  readonly seat: Seat
  session: Session
  readonly #parts: Parts
  readonly #inbox: Inbox
  #guest: boolean
  /** As somebody who has just been identified: begins once that has been answered. */
  #next: { readonly session: Session; readonly unwatch: () => void } | undefined
  /** Whoever it was before may be sent away: that concerns it no more. */
  #unwatch = () => {}
  #leaveDialect = () => {}
  #gone = false
  /** It has said something that no dialect has. */
  #wondered = false
  #spokenAt: number | undefined

  constructor(parts: Parts) {
    const { socket, actor, log } = parts
    this.#parts = parts
    this.#guest = parts.guest
    this.#inbox = new Inbox(WAITING, (error) => log.error({ err: error }, 'an event could not be answered'))
    const user = () => this.session.actor.userId
    this.seat = {
      ...{ id: socket.id, connectionId: actor.connectionId },
      get userId() {
        return user()
      },
      get connected() {
        return socket.connected
      },
      emit: (name, payload) => void socket.emit(name, payload),
      has: (room) => socket.rooms.has(room),
      join: (room) => void socket.join(room),
      leave: (room) => void socket.leave(room),
      spoke: () => {
        this.#spokenAt ??= performance.now()
      },
    }
    this.session = this.#sessionOf(actor)
    socket.onAny((name: unknown, ...args: unknown[]) => this.#receive(String(name), args))
  }

  /** Who it is now is watched; how to stop that. */
  watched(unwatch: () => void): void {
    this.#unwatch = unwatch
  }
  /** The client has just been told that it is connected; this goes live in the same tick. */
  start(): void {
    const { log, socket } = this.#parts
    const { dialect, actor } = this.session
    if (dialect && !this.#enter(dialect)) return
    const started = this.session.start()
    this.#inbox.add(() => this.#caughtUp(started))
    log.info({ userId: actor.userId, socketId: socket.id, role: actor.role }, 'User connected to socket')
    const { session } = this
    void started.then(
      () => {
        const line = dialect?.connect.log?.(actor, session.conversations)
        if (line) log.info(line[1], line[0])
      },
      () => {},
    )
  }
  /** Who could not be told what it missed comes back for it. */
  async #caughtUp(started: Promise<void>): Promise<void> {
    try {
      await started
    } catch (error) {
      this.#parts.log.error({ err: error }, 'a socket could not catch up')
      this.hangUp()
    }
  }
  /** The socket has gone and hears nothing more; resolves when what it said before is done. `clean`: its client said goodbye. */
  async close(clean = false): Promise<void> {
    this.#gone = true
    this.#unwatch()
    this.session.close(clean)
    this.#next?.session.close()
    this.#next?.unwatch()
    this.#leaveDialect()
    this.#leaveDialect = () => {}
    await this.#inbox.idle()
  }
  /** In the way that makes a client come back. What it said and is not done yet is dropped. */
  hangUp(): void {
    void this.finish()
    this.#parts.socket.conn.close()
  }
  /** In the way that makes a client stay away until it is told to connect. */
  dismiss(): void {
    const { socket } = this.#parts
    // Until it is connected, there is nothing to stay away from.
    if (!socket.connected) this.hangUp()
    else {
      void this.finish()
      socket.disconnect()
    }
  }
  /** Drops what waits; resolves when the event at work is done. */
  finish(): Promise<void> {
    return this.#inbox.close()
  }

  #receive(name: string, args: unknown[]): void {
    const last = args.at(-1)
    const ack = typeof last === 'function' ? answerOnce(last) : undefined
    const payload = ack && args.length === 1 ? undefined : args[0]
    if (this.#inbox.add(() => this.#handle(name, payload, ack))) return
    const error = new AppError('OVERLOADED', 'Too many events are waiting')
    if (this.session.dialect) fail(this.session.dialect.error(error), this.seat.emit, ack)
    else this.#fail(error, ack)
  }

  async #handle(name: string, payload: unknown, ack: ((value: unknown) => void) | undefined): Promise<void> {
    const { ground, choice } = this.#parts
    try {
      if (!choice.fixed && !(await this.#settle(name, payload))) return
    } catch (thrown) {
      this.#fail(toAppError(thrown), ack)
      return
    }
    const { dialect } = this.session
    const row = dialect && this.#rowOf(dialect, name)
    if (!dialect || !row) {
      this.#wonder(name)
      this.#fail(new AppError('INVALID_INPUT', 'Unknown event'), ack)
      return
    }
    this.#spokenAt = undefined
    await run(ground, this.session, {
      ...{ dialect, name, row, payload, ack, emit: this.seat.emit, spokenAt: () => this.#spokenAt },
      ...{ guest: this.#guest, pulse: this.#parts.pulse(), claim: (userId: string) => this.#claim(userId) },
    })
    await this.#become()
  }
  #rowOf(dialect: Dialect, name: string) {
    return dialect.place(this.#parts.socket.nsp.name).inbound.get(name)
  }

  #sessionOf(actor: Actor): Session {
    const { socket, choice } = this.#parts
    const parts = { ...this.#parts, actor, namespace: socket.nsp.name, seat: this.seat }
    return new Session(parts, choice.dialect)
  }
  /** Reads up to the present as that user; nothing of it is heard before the answer. */
  async #claim(userId: string): Promise<Registered> {
    const { socket, identify, guest } = this.#parts
    const { actor } = this.session
    if (!guest && userId !== actor.userId) throw new AppError('FORBIDDEN', 'This is not the user of the token')
    if (userId === actor.userId) return { userId, name: actor.name, socketId: socket.id }
    const { known, unwatch } = await identify(userId, actor.connectionId)
    const session = this.#sessionOf(known)
    try {
      await session.open()
    } catch (error) {
      unwatch()
      throw error
    }
    this.#next = { session, unwatch }
    if (this.#gone) {
      session.close()
      unwatch()
    }
    return { userId: known.userId, name: known.name, socketId: socket.id }
  }
  async #become(): Promise<void> {
    if (!this.#next || this.#gone) return
    const before = this.session
    const { session, unwatch } = this.#next
    this.session = session
    this.#next = undefined
    this.#unwatch()
    this.#unwatch = unwatch
    this.#guest = false
    introduce(this.#parts.socket, this.session.actor)
    // First, or it would take the other out of the rooms of conversations that both are in.
    before.close()
    await this.#caughtUp(this.session.start())
  }

  /** Moves to the dialect that takes the event, if the present one does not. False if the socket had to go. */
  async #settle(name: string, payload: unknown): Promise<boolean> {
    const { enabled } = this.#parts
    const { name: namespace } = this.#parts.socket.nsp
    const takes = (dialect: Dialect | null) => dialect !== null && this.#rowOf(dialect, name)?.accepts(payload) === true
    if (takes(this.session.dialect)) return true
    const next = enabled.find((dialect) => dialect.namespaces.includes(namespace) && takes(dialect))
    if (!next) return true
    this.#leaveDialect()
    if (!this.#enter(next)) return false
    await this.session.moveTo(next)
    return true
  }

  /** Counts this connection in a dialect; if it is one too many, says so and ends it for good. */
  #enter(dialect: Dialect): boolean {
    const { admit } = this.#parts
    if (this.#gone) return true
    try {
      this.#leaveDialect = admit(dialect, this.seat.userId)
      return true
    } catch (thrown) {
      this.#leaveDialect = () => {}
      fail(dialect.error(toAppError(thrown)), this.seat.emit, undefined)
      this.dismiss()
      return false
    }
  }

  #wonder(name: string): void {
    const { log } = this.#parts
    if (this.#wondered) return
    this.#wondered = true
    const dialect = this.session.dialect?.name ?? 'undecided'
    log.info({ event: name.slice(0, 100), dialect, userId: this.seat.userId }, 'an event that no dialect has')
  }

  /** Answers the callback, if there is one, and sends no event. */
  #fail(error: AppError, ack: ((value: unknown) => void) | undefined): void {
    const { dialect } = this.session
    // Which words an undecided socket expects is not known: those of every wire that answers callbacks.
    const { code, message } = error
    const failure = dialect?.error(error).ack ?? { success: false, ok: false, code, message, error: message }
    fail({ ack: failure }, this.seat.emit, ack)
  }
}

/** Where the operators' own code looks for who it is. */
export function introduce(socket: Socket, { userId, role, name, email, avatar }: Actor): void {
  const user = { userId, role, name, email, avatar }
  socket.data.user = user
  Object.assign(socket, { user })
}

/** Socket.IO gives a function; that is all that is known of it. */
function answerOnce(callback: unknown): (value: unknown) => void {
  let answered = false
  return (value) => {
    if (answered || typeof callback !== 'function') return
    answered = true
    callback(value)
  }
}
