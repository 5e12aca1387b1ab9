/** Collects what arrives, and waits for what should: a time-out prints what did arrive instead. */
export class Inbox<T> {
  readonly items: T[] = []
  readonly #waiting = new Set<() => void>()
  readonly #show: (item: T) => string
  #read = 0

  constructor(show: (item: T) => string = (item) => JSON.stringify(item)) {
    this.#show = show
  }

  push = (item: T): void => {
    this.items.push(item)
    for (const look of [...this.#waiting]) look()
  }

  /** Resolves once `done(items)` is not undefined, with its value. */
  until<R>(done: (items: readonly T[]) => R | undefined, what: string, timeoutMs = 10_000): Promise<R> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const value = done(this.items)
        if (value === undefined) return
        clearTimeout(timer)
        this.#waiting.delete(look)
        resolve(value)
      }
      const timer = setTimeout(() => {
        this.#waiting.delete(look)
        const arrived = this.items.slice(-30).map(this.#show).join('\n  ')
        reject(new Error(`waited ${timeoutMs} ms for ${what}; ${this.items.length} arrived, the last:\n  ${arrived}`))
      }, timeoutMs)
      this.#waiting.add(look)
      look()
    })
  }

  /** The next item not taken yet that matches; what comes before it is passed over. */
  async next(match: (item: T) => boolean, what: string, timeoutMs?: number): Promise<T> {
    const at = await this.until(
      (items) => {
        const index = items.findIndex((item, place) => place >= this.#read && match(item))
        return index < 0 ? undefined : index
      },
      what,
      timeoutMs,
    )
    this.#read = at + 1
    // `until` found it there.
    return this.items[at] as T
  }

  count(number: number, what: string, timeoutMs?: number): Promise<readonly T[]> {
    return this.until((items) => (items.length >= number ? items : undefined), what, timeoutMs)
  }
}
