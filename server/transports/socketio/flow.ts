/**
 * What is written to the sockets of one adapter room, and who keeps account of it. A listener is told before a write, so that it
 * can send a ping ahead (farewell.ts). In a flood, where looking at every socket costs as much as writing to it, the listeners are
 * told afterwards, all at once: when nothing has been written for a beat, every five seconds, and before anybody asks.
 */
import type { Message } from '../../../shared/model.ts'
import type { Ticker, Waiting } from './ticker.ts'

/** Keeps account of what its socket is told. */
export interface Listener {
  /** Before it is written; `message` if it is a new one, and the listener follows its conversation. */
  telling(message: Message | null): void
  /** Something has been written, these new messages the first and last of it. */
  told(messages: readonly Message[]): void
}

/** So many writes without a quiet beat are no flood yet. */
const CALM = 30
const EVERY_MS = 5_000

/** The flows whose listeners do not know everything. */
export class Ledger {
  readonly ticker: Ticker
  readonly #behind = new Set<Flow>()

  constructor(ticker: Ticker) {
    this.ticker = ticker
  }
  add(flow: Flow): void {
    this.#behind.add(flow)
  }
  delete(flow: Flow): void {
    this.#behind.delete(flow)
  }
  /** From now on every account is true. */
  settle(): void {
    for (const flow of this.#behind) flow.settle()
  }
}

export class Flow implements Waiting {
  readonly #ledger: Ledger
  readonly #listeners = new Set<Listener>()
  /** Writes since the last quiet beat, and how many of them the last beat saw. */
  #count = 0
  #seen = 0
  /** Since when the listeners do not know, and what. */
  #behindSince: number | undefined
  #messages: Message[] = []

  constructor(ledger: Ledger) {
    this.#ledger = ledger
  }

  get empty(): boolean {
    return this.#listeners.size === 0
  }
  add(listener: Listener): void {
    this.settle()
    this.#listeners.add(listener)
  }
  delete(listener: Listener): void {
    this.settle()
    this.#listeners.delete(listener)
  }

  /** Something durable is about to be written. */
  writing(message: Message | null): void {
    this.#count += 1
    if (this.#count === 1) this.#ledger.ticker.add(this)
    if (this.#count <= CALM) {
      for (const listener of this.#listeners) listener.telling(message)
      return
    }
    if (message) this.#keep(message)
    if (this.#behindSince !== undefined) return
    this.#behindSince = performance.now()
    this.#ledger.add(this)
  }
  /** The first, the last, and the last of somebody else: that is all that a listener makes of them. */
  #keep(message: Message): void {
    const [first = message] = this.#messages
    const other = this.#messages.findLast(({ senderId }) => senderId !== message.senderId)
    this.#messages = [...new Set([first, other ?? message, message])]
  }
  settle(): void {
    if (this.#behindSince === undefined) return
    this.#behindSince = undefined
    this.#ledger.delete(this)
    const messages = this.#messages
    this.#messages = []
    for (const listener of this.#listeners) listener.told(messages)
  }

  due(now: number): boolean {
    const quiet = this.#count === this.#seen
    if (quiet || (this.#behindSince !== undefined && now >= this.#behindSince + EVERY_MS)) this.settle()
    if (quiet) this.#count = 0
    this.#seen = this.#count
    return quiet
  }
}
