/** Asks those who are waiting at every beat, until they have waited long enough: one timer for all, none while nobody waits. */
const BEAT_MS = 100

export interface Waiting {
  /** At least a beat has passed. False: it goes on waiting. */
  due(now: number): boolean
}

export class Ticker {
  readonly #waiting = new Set<Waiting>()
  #timer: NodeJS.Timeout | undefined

  add(waiting: Waiting): void {
    this.#waiting.add(waiting)
    this.#timer ??= setTimeout(() => this.#begin(), BEAT_MS)
  }
  delete(waiting: Waiting): void {
    this.#waiting.delete(waiting)
  }
  close(): void {
    clearTimeout(this.#timer)
    this.#waiting.clear()
  }

  #begin(): void {
    const now = performance.now()
    // Who comes meanwhile waits for the next beat.
    for (const waiting of [...this.#waiting]) if (waiting.due(now)) this.#waiting.delete(waiting)
    this.#timer = this.#waiting.size > 0 ? setTimeout(() => this.#begin(), BEAT_MS) : undefined
  }
}
