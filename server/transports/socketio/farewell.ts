/**
 * Whether a client that says goodbye had received what was written to it, or said it while that was on its way. Over WebSocket a
 * ping goes just before what is written: if the goodbye comes before its answer, it was said before that came. A ping stands
 * for all that is written in the same moment. A flood has none but at its beginning: there something is on its way anyhow, and
 * what is written without one waits for a fence. Over long polling nobody can tell, since the next poll may overtake the goodbye on another connection: there only fences count.
 */
import { type Connection, cork, type Pingable, socketOf, waiting } from './connection.ts'

/** Pings that may go at once: what a client does that comes, talks a little and leaves. */
const MOST = 30
/** So much quiet earns one. */
const QUIET_MS = 5_000
const PING = 'there?'

export class Farewell {
  readonly #connection: Connection
  /** How often something was written, and how much of that a client that was still there has taken. */
  #written = 0
  #taken = 0
  #count = 0
  /** By ping that is not answered yet, how much it stands for. */
  readonly #covers = new Map<string, number>()
  #heardOn: Pingable | undefined
  /** The ping of this very moment. */
  #now: string | undefined
  /** Pings that may still go. */
  #left = MOST
  #quietSince: number | undefined

  constructor(connection: Connection) {
    this.#connection = connection
    // What was written before came by polls.
    connection.on('upgrade', () => this.#ask())
  }

  /** Something is about to be written. */
  writing(): void {
    this.#written += 1
    if (this.#quietSince !== undefined) this.#earn(this.#quietSince)
    if (this.#left >= 1 && this.#now === undefined) this.#ask()
  }
  /** Something has been written in a flood. */
  wrote(): void {
    this.#written += 1
    this.#quietSince = undefined
  }
  /** Nothing has been written for a while. */
  rest(now: number): void {
    this.#quietSince ??= now
  }
  /** How much has been written. */
  get count(): number {
    return this.#written
  }
  /** So much has been received, as a fence says. */
  received(count: number): void {
    this.#taken = Math.max(this.#taken, count)
  }
  /** A goodbye that comes now means that everything was received. */
  get heard(): boolean {
    const connection = this.#connection
    return socketOf(connection) !== undefined && waiting(connection) === 0 && this.#taken === this.#written
  }

  readonly #pong = (answer: Buffer) => {
    const ping = answer.toString()
    this.received(ping === this.#now ? this.#written : (this.#covers.get(ping) ?? 0))
    this.#covers.delete(ping)
  }
  #earn(since: number): void {
    this.#left = Math.min(MOST, this.#left + (performance.now() - since) / QUIET_MS)
    this.#quietSince = undefined
  }
  #ask(): void {
    const socket = socketOf(this.#connection)
    if (!socket) return
    this.#left -= 1
    this.#count += 1
    const ping = `${PING}${this.#count}`
    this.#covers.set(ping, this.#written)
    this.#now = ping
    if (this.#heardOn !== socket) socket.on('pong', this.#pong)
    this.#heardOn = socket
    // What it announces goes with it: one system call.
    let corked = cork(socket)
    const release = () => {
      corked?.uncork()
      corked = undefined
    }
    this.#connection.once('drain', release)
    setImmediate(() => {
      this.#connection.off('drain', release)
      release()
      this.#now = undefined
      if (this.#covers.has(ping)) this.#covers.set(ping, this.#written)
    })
    socket.ping(ping)
  }
}
