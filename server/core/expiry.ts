/**
 * Locks that end by themselves: their time is over, or the holder's last connection went, on whatever node, and none came back
 * within the grace (attendance.ts says so). One timer for the next expiry known here, at most `sweepMs` ahead, so that every node finds what
 * another one took and died with. The store gives each end to one node alone, with the events in the same transaction.
 * Holders without a subscription are not missed: their locks last their time.
 */
import type { Hub } from './hub.ts'
import { released } from './lock.ts'
import type { LockFilter, Store } from './ports.ts'
import { Sweep } from './sweep.ts'

export interface ExpiryOptions {
  store: Store
  hub: Pick<Hub, 'publish'>
  /** Whether the user is connected, on whatever node. */
  online: (userId: string) => boolean
  /** How long a lock is held, ms. */
  lockMs: number
  /** The longest time between two looks, ms. */
  sweepMs?: number | undefined
  /** A look failed; there will be another. */
  onError: (error: unknown) => void
}

const PAGE = 500

export class Expiry {
  readonly lockMs: number
  readonly #options: ExpiryOptions
  readonly #sweep: Sweep
  #gone: string[] = []

  constructor(options: ExpiryOptions) {
    this.lockMs = options.lockMs
    this.#options = options
    const { sweepMs, onError } = options
    this.#sweep = new Sweep({ look: () => this.#end(), everyMs: sweepMs, onError })
  }

  start(): void {
    this.#sweep.start()
  }
  /** Waits for what is being ended. */
  stop(): Promise<void> {
    return this.#sweep.stop()
  }

  /** A lock will end in so many milliseconds. */
  expect(inMs: number): void {
    this.#sweep.wake(inMs)
  }

  /** These users have left; what they hold ends, unless they are back by then. */
  gone(userIds: readonly string[]): void {
    this.#gone.push(...userIds)
    this.expect(0)
  }

  /** Gives the time until there is more to do, ms. */
  async #end(): Promise<number | null> {
    const { store, online } = this.#options
    const gone = this.#gone.slice(0, PAGE)
    const holderIds = await store.reads.locks.holding(gone.filter((userId) => !online(userId)))
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
