/**
 * The events of one socket, strictly in order, one after the other. At most `limit` wait; what comes beyond is refused by
 * `add` returning false. A job that throws is reported and the next one runs.
 */
export class Inbox {
  readonly #limit: number
  readonly #onError: (error: unknown) => void
  readonly #waiting: (() => Promise<void>)[] = []
  #running: Promise<void> | undefined
  #closed = false

  constructor(limit: number, onError: (error: unknown) => void) {
    this.#limit = limit
    this.#onError = onError
  }

  add(job: () => Promise<void>): boolean {
    if (this.#closed || this.#waiting.length >= this.#limit) return false
    this.#waiting.push(job)
    this.#running ??= this.#run()
    return true
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    await this.#running
  }
  /** Drops what waits; resolves when the job at work is done. */
  async close(): Promise<void> {
    this.#closed = true
    this.#waiting.length = 0
    await this.#running
  }

  async #run(): Promise<void> {
    for (let job = this.#waiting.shift(); job; job = this.#waiting.shift()) {
      try {
        await job()
      } catch (error) {
        this.#onError(error)
      }
    }
    this.#running = undefined
  }
}
