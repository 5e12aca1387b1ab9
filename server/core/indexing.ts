/**
 * Keeps the index of search behind the log, so that no send waits for it: woken by messages that pass the tail, and once at
 * the start for what was left, it takes the log up page by page. A page is what takes some 50 ms (the embedded database does
 * nothing else meanwhile), and after each it rests three times as long as it worked: under load search falls behind, not the sends. Several nodes may do this: the store lets one at a time,
 * from where the last one ended. A failure is reported once until it works again, and tried again later.
 */
import type { Hub } from './hub.ts'
import type { SearchIndex } from './ports.ts'

export interface IndexingOptions {
  store: SearchIndex
  hub: Pick<Hub, 'watch'>
  onError: (error: unknown) => void
  /** The least time before a page, ms: messages gather in it. */
  pauseMs?: number | undefined
  /** Time before another try after a failure, ms. */
  retryMs?: number | undefined
}

const PAUSE_MS = 100
const RETRY_MS = 5_000
/** A page, events, and the time that it is to take, ms. */
const FEWEST = 50
const MOST = 1_000
const WORK_MS = 50
const REST = 3
const NAMES: ReadonlySet<string> = new Set(['message.created', 'message.updated', 'message.deleted'])

export class Indexing {
  readonly #options: IndexingOptions
  #unwatch: (() => void) | undefined
  #timer: NodeJS.Timeout | undefined
  #working: Promise<void> | undefined
  #woken = false
  #healthy = true
  #size = 100
  #restMs: number

  constructor(options: IndexingOptions) {
    this.#options = options
    this.#restMs = options.pauseMs ?? PAUSE_MS
  }

  start(): void {
    this.#unwatch = this.#options.hub.watch({ passed: ({ name }) => NAMES.has(name) && this.#wake() })
    this.#wake()
  }
  /** Waits for the page that is being taken up. */
  async stop(): Promise<void> {
    this.#unwatch?.()
    this.#unwatch = undefined
    clearTimeout(this.#timer)
    await this.#working
  }

  #wake(): void {
    if (!this.#unwatch) return
    if (this.#working) this.#woken = true
    else this.#timer ??= setTimeout(() => this.#work(), this.#restMs)
  }
  #work(): void {
    this.#timer = undefined
    this.#woken = false
    this.#working = this.#page().then((more) => {
      this.#working = undefined
      if (more || this.#woken) this.#wake()
    })
  }
  /** Whether something waits for another page, or may. */
  async #page(): Promise<boolean> {
    const { store, onError, pauseMs = PAUSE_MS, retryMs = RETRY_MS } = this.#options
    const start = performance.now()
    try {
      const state = await store.index(this.#size)
      const took = performance.now() - start
      this.#healthy = true
      this.#restMs = state === 'more' ? REST * took : pauseMs
      if (state === 'more') this.#size = Math.round(Math.min(Math.max((this.#size * WORK_MS) / took, FEWEST), MOST))
      return state !== 'done'
    } catch (error) {
      if (this.#healthy) onError(error)
      this.#healthy = false
      this.#restMs = retryMs
      return true
    }
  }
}
