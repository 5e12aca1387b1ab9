/** Typed listeners and whatever else takes the items of one shared stream. Each gets every item, in the order of its coming. */
import type { Event, EventName } from '../shared/events.ts'
import { notifyAll } from './connection.ts'
import type { ParleyError } from './errors.ts'
import type { Item, Reset, Taker } from './stream.ts'

type ByName = { [E in EventName]: Event<E> }
/** What `on` listens to: events by their names, `reset`, and `error`: the stream failed for good. */
export interface Heard extends ByName {
  reset: Reset
  error: ParleyError
}

export class Emitter implements Taker {
  readonly #listeners = new Map<string, Set<(item: never) => void>>()
  readonly #takers = new Set<Taker>()

  on<N extends keyof Heard>(name: N, listener: (item: Heard[N]) => void): () => void {
    const listeners = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, listeners.add(listener))
    return () => listeners.delete(listener)
  }

  add(taker: Taker): () => void {
    this.#takers.add(taker)
    return () => this.#takers.delete(taker)
  }

  item(item: Item, cursor: string): void {
    this.#emit(item.name, item)
    for (const taker of this.#takers) taker.item(item, cursor)
  }

  reached(cursor: string): void {
    for (const taker of this.#takers) taker.reached(cursor)
  }

  /** False if nobody hears it. */
  failed(error: ParleyError): boolean {
    const takers = [...this.#takers]
    for (const taker of takers) taker.failed(error)
    return this.#emit('error', error) || takers.length > 0
  }

  /** False if nobody listens. */
  #emit(name: string, item: unknown): boolean {
    const listeners = this.#listeners.get(name)
    if (!listeners || listeners.size === 0) return false
    // `on` typed them by name: this is where the name is looked up again.
    notifyAll(listeners, item as never)
    return true
  }
}
