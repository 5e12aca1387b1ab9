/**
 * Locks that end by themselves: their time is over, or the holder's last connection to this node went and did not come back
 * within the grace. One timer for the next expiry known here, at most `sweepMs` ahead, so that every node finds what
 * another one took and died with. The store gives each end to one node alone, with the events in the same transaction.
 * Holders without a subscription are not missed: their locks last their time.
 */
import type { Hub } from './hub.ts'
import { released } from './lock.ts'
import type { LockFilter, Store } from './ports.ts'
import { Sweep } from './sweep.ts'

export interface ExpiryOptions {
  store: Store
  hub: Pick<Hub, 'watch' | 'connections' | 'publish'>
  /** How long a lock is held, ms. */
  lockMs: number
  /** Time for a reconnect, ms. */
  graceMs?: number | undefined
  /** The longest time between two looks, ms. */
  sweepMs?: number | undefined
  /** A look failed; there will be another. */
  onError: (error: unknown) => void
}

/** How long a user may be without a connection before their locks end. */
const GRACE_MS = 5_000
const PAGE = 500

export class Expiry {
  readonly lockMs: number
  readonly #options: ExpiryOptions
  readonly #sweep: Sweep
  readonly #leaving = new Map<string, NodeJS.Timeout>()
  #gone: string[] = []
  #unwatch: (() => void) | undefined

  constructor(options: ExpiryOptions) {
    this.lockMs = options.lockMs
    this.#options = options
    const { sweepMs, onError } = options
    this.#sweep = new Sweep({ look: () => this.#end(), everyMs: sweepMs, onError })
  }

  start(): void {
    this.#unwatch = this.#options.hub.watch({ gone: (userId) => this.#left(userId) })
    this.#sweep.start()
  }
  /** Waits for what is being ended. Who leaves from now on, or left within the grace, keeps their locks for their time. */
  async stop(): Promise<void> {
    this.#unwatch?.()
    this.#unwatch = undefined
    for (const timer of this.#leaving.values()) clearTimeout(timer)
    this.#leaving.clear()
    await this.#sweep.stop()
  }

  /** A lock will end in so many milliseconds. */
  expect(inMs: number): void {
    this.#sweep.wake(inMs)
  }

  #left(userId: string): void {
    const known = this.#leaving.get(userId)
    if (known) known.refresh()
    else
      this.#leaving.set(
        userId,
        setTimeout(() => this.#missed(userId), this.#options.graceMs ?? GRACE_MS),
      )
  }
  #missed(userId: string): void {
    this.#leaving.delete(userId)
    if (this.#options.hub.connections(userId).length > 0) return
    this.#gone.push(userId)
    this.expect(0)
  }

  /** Gives the time until there is more to do, ms. */
  async #end(): Promise<number | null> {
    const { store, hub } = this.#options
    const gone = this.#gone.slice(0, PAGE)
    const holderIds = await store.reads.locks.holding(gone.filter((userId) => hub.connections(userId).length === 0))
    if (holderIds.length === 0 || (await this.#write({ holderIds }, 'gone')) < PAGE) this.#gone.splice(0, gone.length)
    if ((await store.reads.locks.nextExpiry()) === 0) await this.#write({ overdue: true }, 'expired')
    return this.#gone.length > 0 ? 0 : store.reads.locks.nextExpiry()
  }
  async #write(which: LockFilter, reason: 'gone' | 'expired'): Promise<number> {
    const { store, hub } = this.#options
    const { events } = await store.write(async (tx) => {
      for (const ended of await tx.endLocks(which, PAGE)) tx.append(released(null, ended, reason))
    })
    await hub.publish(events)
    return events.length
  }
}
