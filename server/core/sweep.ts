/**
 * Work that falls due by itself: one look at a time, when it is woken, when the last look said that there is more to do, and
 * at least every `everyMs`, so that every node finds what another one left. What is due, and which node does it, the
 * database decides; a timer that comes early or late changes nothing but the time.
 */
export interface SweepOptions {
  /** Does what is due, and gives the time until there is more to do, ms; null: not known. */
  look: () => Promise<number | null>
  /** The longest time between two looks, ms. */
  everyMs?: number | undefined
  /** A look failed; there will be another. */
  onError: (error: unknown) => void
}

const EVERY_MS = 30_000
const RETRY_MS = 5_000
/** The least time between two looks: another node may be doing what is due. */
const PAUSE_MS = 20

export class Sweep {
  readonly #options: SweepOptions
  readonly #everyMs: number
  #running = false
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined
  #again = false
  #dueAt = Number.POSITIVE_INFINITY

  constructor(options: SweepOptions) {
    this.#options = options
    this.#everyMs = options.everyMs ?? EVERY_MS
  }

  start(): void {
    this.#running = true
    this.wake()
  }
  /** Waits for the look in hand. */
  async stop(): Promise<void> {
    this.#running = false
    clearTimeout(this.#timer)
    this.#dueAt = Number.POSITIVE_INFINITY
    await this.#looking
  }

  /** There may be something to do in so many milliseconds. */
  wake(inMs = 0): void {
    if (!this.#running) return
    const dueAt = performance.now() + inMs
    if (dueAt >= this.#dueAt) return
    clearTimeout(this.#timer)
    this.#dueAt = dueAt
    this.#timer = setTimeout(() => this.#look(), inMs)
  }

  /** Whatever is asked for during a look makes it look once more. */
  #look(): void {
    const { look, onError } = this.#options
    this.#dueAt = Number.POSITIVE_INFINITY
    this.#again = this.#looking !== undefined
    this.#looking ??= look()
      .catch((error: unknown) => {
        onError(error)
        return RETRY_MS
      })
      .then((nextMs) => {
        this.#looking = undefined
        const wanted = this.#again ? 0 : (nextMs ?? this.#everyMs)
        this.wake(Math.min(Math.max(wanted, PAUSE_MS), this.#everyMs))
      })
  }
}
