/**
 * Keeps the index of search behind the log, so that a send pays nothing for it: woken by messages that pass the tail, and once
 * at the start for what was left, it takes the log up page by page with a pause before each. One statement in flight; what
 * comes meanwhile waits for the next. Several nodes may do this: the store lets one at a time, from where the last one ended.
 * A failure is reported once until it works again, and tried again later: search finds the newest messages all the same.
 */
import type { Hub } from './hub.ts'
import type { SearchIndex } from './ports.ts'

export interface IndexingOptions {
  store: SearchIndex
  hub: Pick<Hub, 'watch'>
  onError: (error: unknown) => void
  /** Time before each page, ms: messages gather in it, and sends have the database to themselves. */
  pauseMs?: number | undefined
  /** Time before another try after a failure, ms. */
  retryMs?: number | undefined
}

const PAUSE_MS = 100
const RETRY_MS = 5_000
const PAGE = 1_000
const NAMES: ReadonlySet<string> = new Set(['message.created', 'message.updated', 'message.deleted'])

export class Indexing {
  readonly #options: IndexingOptions
  #unwatch: (() => void) | undefined
  #timer: NodeJS.Timeout | undefined
  #working: Promise<void> | undefined
  #woken = false
  #healthy = true

  constructor(options: IndexingOptions) {
    this.#options = options
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

  #wake(inMs = this.#options.pauseMs ?? PAUSE_MS): void {
    if (!this.#unwatch) return
    if (this.#working) this.#woken = true
    else this.#timer ??= setTimeout(() => this.#work(), inMs)
  }
  #work(): void {
    this.#timer = undefined
    this.#woken = false
    this.#working = this.#page().then((nextMs) => {
      this.#working = undefined
      if (nextMs !== null || this.#woken) this.#wake(nextMs ?? undefined)
    })
  }
  /** Gives the time until the next page, ms; null if nothing waits. */
  async #page(): Promise<number | null> {
    const { store, onError, pauseMs = PAUSE_MS, retryMs = RETRY_MS } = this.#options
    try {
      const state = await store.index(PAGE)
      this.#healthy = true
      return state === 'done' ? null : pauseMs
    } catch (error) {
      if (this.#healthy) onError(error)
      this.#healthy = false
      return retryMs
    }
  }
}
