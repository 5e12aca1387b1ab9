/**
 * Whether a client that says goodbye had received what was written to it, or said it while that was on its way. Over WebSocket a
 * ping goes just before what is written: if the goodbye comes before its answer, it was said before that came. A ping stands
 * for all that is written in the same moment. Of many writes only some have one, what else is written waits for a fence. Over
 * long polling nobody can tell, since the next poll may overtake the goodbye on another connection: there only fences count.
 */
import { type Connection, type Pingable, socketOf, waiting } from './connection.ts'

/** Between two pings of many; thirty may go at once: what a client does that comes, talks a little and leaves. */
const EVERY_MS = 1_000
const SLACK_MS = 30_000
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
  /** When the next ping would be due if they went evenly. */
  #due = Number.NEGATIVE_INFINITY

  constructor(connection: Connection) {
    this.#connection = connection
    // What was written before came by polls.
    connection.on('upgrade', () => this.#ask())
  }

  /** Something is about to be written. */
  written(): void {
    this.#written += 1
    if (this.#now === undefined && this.#due - SLACK_MS <= performance.now()) this.#ask()
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
  #ask(): void {
    const socket = socketOf(this.#connection)
    if (!socket) return
    this.#due = Math.max(this.#due, performance.now()) + EVERY_MS
    this.#count += 1
    const ping = `${PING}${this.#count}`
    this.#covers.set(ping, this.#written)
    this.#now = ping
    setImmediate(() => {
      this.#now = undefined
      if (this.#covers.has(ping)) this.#covers.set(ping, this.#written)
    })
    if (this.#heardOn !== socket) socket.on('pong', this.#pong)
    this.#heardOn = socket
    socket.ping(ping)
  }
}
