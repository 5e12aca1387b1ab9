/**
 * The audit of unread counts by itself: `admin.audit`'s recount, a page of conversations at a time with a pause between, from the
 * first conversation to the last and again. `last` is the last whole pass; a drift other than 0 is reported once at its end.
 * Each node audits on its own. A page that cannot be read is tried again after the pause: `finishedAt` tells how old `last` is.
 */
import type { Store } from './ports.ts'

export interface Audited {
  /** Members looked at, and how many of them have another unread than their messages say. */
  readonly checked: number
  readonly drift: number
  readonly finishedAt: Date
}

export interface AuditorOptions {
  store: Pick<Store, 'reads'>
  /** Between two pages, ms; 0: never. */
  everyMs: number
  /** A pass found drift. */
  onDrift: (audited: Audited) => void
  /** A page could not be read; reported once until one can be again. */
  onError: (error: unknown) => void
}

const PAGE = 20

export class Auditor {
  last: Audited | null = null
  readonly #options: AuditorOptions
  #timer: NodeJS.Timeout | undefined
  #stopped = true
  #working: Promise<void> = Promise.resolve()
  #healthy = true
  #after: string | null = null
  #checked = 0
  #drift = 0

  constructor(options: AuditorOptions) {
    this.#options = options
  }

  start(): void {
    this.#stopped = this.#options.everyMs === 0
    this.#wait()
  }
  /** Waits for the page that is being read. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#working
  }

  #wait(): void {
    if (this.#stopped) return
    this.#timer = setTimeout(() => {
      this.#working = this.#page().then(() => this.#wait())
    }, this.#options.everyMs)
  }
  async #page(): Promise<void> {
    const { store, onDrift, onError } = this.#options
    try {
      const page = await store.reads.receipts.audit({ after: this.#after ?? undefined, limit: PAGE })
      this.#healthy = true
      this.#checked += page.checked
      this.#drift += page.drift
      this.#after = page.next
    } catch (error) {
      if (this.#healthy) onError(error)
      this.#healthy = false
      return
    }
    if (this.#after !== null) return
    this.last = { checked: this.#checked, drift: this.#drift, finishedAt: new Date() }
    this.#checked = 0
    this.#drift = 0
    if (this.last.drift > 0) onDrift(this.last)
  }
}
