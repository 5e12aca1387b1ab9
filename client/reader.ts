/**
 * What `events()` returns: the items of a stream as an async iterator, for one reader at its own pace. Nothing is lost when it
 * is slow and nothing piles up: beyond `limit` waiting items it lets go of the stream, hands out what waits, and comes back to
 * the log at its cursor. Items that waited when it ends by an error are handed out first; when it is closed, they are not.
 */
import type { ParleyError } from './errors.ts'
import type { Item, Taker } from './stream.ts'

/** Where a reader is fed from; opened at a cursor, or at the present end without one. */
export type Opening = (taker: Taker, cursor: string | undefined) => () => void

type Result = IteratorResult<Item, undefined>
type Waiter = { resolve(result: Result): void; reject(error: ParleyError): void }

export class Reader implements AsyncIterableIterator<Item, undefined>, AsyncDisposable, Taker {
  readonly #limit: number
  readonly #again: Opening
  readonly #queue: { item: Item; cursor: string }[] = []
  readonly #waiters: Waiter[] = []
  #cursor: string | undefined
  /** Lets go of the stream; null while there is none. */
  #release: (() => void) | null = null
  #over = false
  #error: ParleyError | null = null
  readonly #onClose: () => void

  /** Begins with `first`, comes back with `again`. */
  constructor(options: {
    first: Opening
    again: Opening
    cursor: string | undefined
    limit: number
    onClose: (reader: Reader) => void
  }) {
    this.#limit = options.limit
    this.#again = options.again
    this.#cursor = options.cursor
    this.#onClose = () => options.onClose(this)
    this.#release = options.first(this, options.cursor)
  }

  /**
   * The place to go on from once the item last handed out is dealt with. Store it, and give it back to `events({ cursor })`
   * after a restart of the app. Undefined until the server has said where the log is.
   */
  get cursor(): string | undefined {
    return this.#cursor
  }

  item(item: Item, cursor: string): void {
    if (this.#over || this.#release === null) return
    const waiter = this.#waiters.shift()
    if (waiter) {
      this.#cursor = cursor
      waiter.resolve({ done: false, value: item })
    } else if (this.#queue.length < this.#limit) this.#queue.push({ item, cursor })
    else this.#letGo()
  }

  reached(cursor: string): void {
    if (this.#over || this.#release === null) return
    const last = this.#queue.at(-1)
    if (last) last.cursor = cursor
    else this.#cursor = cursor
  }

  failed(error: ParleyError): void {
    if (this.#over) return
    this.#letGo()
    this.#error = error
    const waiter = this.#waiters.shift()
    if (waiter === undefined) return
    waiter.reject(error)
    this.close()
  }

  next(): Promise<Result> {
    if (this.#over) return Promise.resolve({ done: true, value: undefined })
    const first = this.#queue.shift()
    if (first) {
      this.#cursor = first.cursor
      return Promise.resolve({ done: false, value: first.item })
    }
    if (this.#error) {
      const error = this.#error
      this.close()
      return Promise.reject(error)
    }
    const result = new Promise<Result>((resolve, reject) => this.#waiters.push({ resolve, reject }))
    this.#release ??= this.#again(this, this.#cursor)
    return result
  }

  return(): Promise<Result> {
    this.close()
    return Promise.resolve({ done: true, value: undefined })
  }

  close(): void {
    if (this.#over) return
    this.#over = true
    this.#queue.length = 0
    this.#letGo()
    for (const waiter of this.#waiters.splice(0)) waiter.resolve({ done: true, value: undefined })
    this.#onClose()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close()
  }

  #letGo(): void {
    const release = this.#release
    this.#release = null
    release?.()
  }
}
