/**
 * Whether a client has received what was written to its engine connection. A fence is asked for soon after something durable was
 * written, one at a time; those who wrote mark where they are, and hear of it when all that was written before has been received: over
 * WebSocket when a ping that follows it is answered, over long polling when the client asks again. After an upgrade it is
 * asked again. A connection that goes first never answers. A farewell counts as one unless something was on its way.
 */
import { type Connection, type Pingable, socketOf, waiting } from './connection.ts'
import { Farewell } from './farewell.ts'
import type { Ledger } from './flow.ts'
import type { Waiting } from './ticker.ts'

/** Says how far it has come, and what to do once that has been received. */
export type Mark = () => () => void

/** Where much is written; else as soon as nothing has been written for a beat. */
const EVERY_MS = 5_000
/** Packets that may wait before those who catch up have to. */
const FULL = 64

export class Fence implements Waiting {
  readonly #connection: Connection
  readonly #marks = new Set<Mark>()
  readonly #farewells = new Set<string>()
  readonly #farewell: Farewell
  readonly #ledger: Ledger
  #written = false
  #closed = false
  #askedAt = Number.NEGATIVE_INFINITY
  /** It waits for its turn, having seen so much written. */
  #waiting = false
  #seen = 0
  #answer: Promise<void> | undefined
  #count = 0
  /** Stops waiting for the answer, on this transport. */
  #cancel = () => {}

  constructor(connection: Connection, ledger: Ledger) {
    this.#connection = connection
    this.#ledger = ledger
    this.#farewell = new Farewell(connection)
    // Each namespace listens to a few things.
    connection.setMaxListeners(0)
    connection.on('data', (data: unknown) => {
      // Here and not by the reason of the disconnection: a long poll may bring the farewell and the end together.
      const [, namespace] = (typeof data === 'string' && /^1([^,?]*)/.exec(data)) || []
      if (namespace === undefined) return
      ledger.settle()
      if (this.#farewell.heard) this.#farewells.add(namespace || '/')
    })
    connection.once('close', () => {
      this.#closed = true
      ledger.ticker.delete(this)
    })
  }

  add(mark: Mark): void {
    this.#marks.add(mark)
    if (this.#written) this.#askSoon()
  }
  delete(mark: Mark): void {
    this.#marks.delete(mark)
  }
  /** Whether the client has said that it leaves a namespace, having received everything until then; it may come again. */
  takeFarewell(namespace: string): boolean {
    return this.#farewells.delete(namespace)
  }
  get closed(): boolean {
    return this.#closed
  }
  /** Whatever was written has been told to those who keep account of it. */
  settle(): void {
    this.#ledger.settle()
  }
  /** Everything durable that was written has been received. */
  get quiet(): boolean {
    this.#ledger.settle()
    return !this.#written && this.#answer === undefined
  }

  /** In the way that makes the client come back. */
  hangUp(): void {
    this.#connection.close()
  }
  /** Something durable is about to be written. */
  writing(): void {
    this.#farewell.writing()
    this.#touch()
  }
  /** Something durable has been written, a while ago. */
  wrote(): void {
    this.#farewell.wrote()
    this.#touch()
  }
  /** Resolves once what durable was written until now has been received, or the connection is gone. */
  async now(): Promise<void> {
    await this.#answer
    this.#ledger.settle()
    if (this.#written && !this.#closed && this.#marks.size > 0) this.#ask()
    await this.#answer
  }

  /** Resolves when there is room for more, or the connection is gone. */
  async room(): Promise<void> {
    while (!this.#closed && waiting(this.#connection) > FULL) {
      await new Promise<void>((resolve) => {
        const go = () => {
          this.#connection.off('drain', go)
          this.#connection.off('close', go)
          resolve()
        }
        this.#connection.on('drain', go)
        this.#connection.on('close', go)
      })
    }
  }

  due(now: number): boolean {
    const { count } = this.#farewell
    if (count > this.#seen && now < this.#askedAt + EVERY_MS) {
      this.#seen = count
      return false
    }
    if (count === this.#seen) this.#farewell.rest(now)
    this.#ask()
    return true
  }

  #touch(): void {
    this.#written = true
    if (!this.#waiting) this.#askSoon()
  }
  #askSoon(): void {
    if (this.#waiting || this.#answer || this.#closed || this.#marks.size === 0) return
    this.#waiting = true
    this.#seen = this.#farewell.count
    this.#ledger.ticker.add(this)
  }
  #ask(): void {
    if (this.#answer) return
    // Before the marks, which are made of the accounts.
    this.#ledger.settle()
    this.#waiting = false
    this.#ledger.ticker.delete(this)
    this.#written = false
    this.#askedAt = performance.now()
    const received = [...this.#marks].map((mark) => mark())
    const { count } = this.#farewell
    this.#answer = this.#received().then((answered) => {
      this.#answer = undefined
      if (answered) this.#farewell.received(count)
      if (answered) for (const tell of received) tell()
      if (this.#written) this.#askSoon()
    })
  }

  /** False if the connection went first. */
  #received(): Promise<boolean> {
    const connection = this.#connection
    return new Promise((resolve) => {
      const wait = () => {
        this.#cancel()
        this.#wait(() => end(true))
      }
      const close = () => end(false)
      const end = (answered: boolean) => {
        this.#cancel()
        connection.off('upgrade', wait)
        connection.off('close', close)
        resolve(answered)
      }
      connection.on('upgrade', wait)
      connection.on('close', close)
      if (this.#closed) end(false)
      else wait()
    })
  }
  #wait(done: () => void): void {
    const connection = this.#connection
    const { transport } = connection
    const socket = socketOf(connection)
    const handedOver = socket
      ? () => this.#ping(socket, done)
      : () => {
          transport.once('ready', done)
          this.#cancel = () => transport.off('ready', done)
        }
    if (waiting(connection) > 0) {
      // The buffer is handed to the transport as a whole.
      connection.once('drain', handedOver)
      this.#cancel = () => connection.off('drain', handedOver)
    } else if (!socket && transport.writable) done()
    else handedOver()
  }
  #ping(socket: Pingable, done: () => void): void {
    this.#count += 1
    const data = String(this.#count)
    // Some clients send pongs that nobody asked for.
    const pong = (answer: Buffer) => answer.toString() === data && done()
    socket.on('pong', pong)
    this.#cancel = () => socket.off('pong', pong)
    socket.ping(data)
  }
}
