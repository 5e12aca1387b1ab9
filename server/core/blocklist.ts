/**
 * Between whom there is a block, in memory, for the users who are connected here: read before they hear anything, moved by the
 * log, forgotten with their last connection. What is durable is decided in the database (see block.ts); this is for what is told
 * to those who listen. Somebody who is not connected here has an empty set: ask `of`.
 */
import type { Event } from '../../shared/events.ts'
import type { BlockReads } from './ports.ts'

type Change = Event<'user.blocked'>['payload']
const NOBODY: ReadonlySet<string> = new Set()
/** Users who were read and have not attached: more than so many gave up. */
const ARRIVING = 1_000

/** One user's: whom they have blocked, who has blocked them, and both. */
class Entry {
  all = NOBODY
  readonly #userId: string
  readonly #mine: Set<string>
  readonly #theirs: Set<string>

  constructor(userId: string, { mine, theirs }: Awaited<ReturnType<BlockReads['around']>>) {
    this.#userId = userId
    this.#mine = new Set(mine)
    this.#theirs = new Set(theirs)
    this.#unite()
  }
  move({ userId, blockedId, on }: Change): void {
    const [side, other] = userId === this.#userId ? [this.#mine, blockedId] : [this.#theirs, userId]
    if (on) side.add(other)
    else side.delete(other)
    this.#unite()
  }
  #unite(): void {
    this.all = new Set([...this.#mine, ...this.#theirs])
  }
}

interface Reading {
  readonly done: Promise<void>
  /** What has happened meanwhile. */
  readonly changes: Change[]
}

export class Blocklist {
  readonly #reads: Pick<BlockReads, 'around'>
  readonly #known = new Map<string, Entry>()
  readonly #reading = new Map<string, Reading>()
  readonly #arriving = new Set<string>()

  constructor(reads: Pick<BlockReads, 'around'>) {
    this.#reads = reads
  }

  /** With whom the user, who is connected here, has a block in either direction. */
  with(userId: string): ReadonlySet<string> {
    return this.#known.get(userId)?.all ?? NOBODY
  }
  /** The same for anybody. */
  async of(userId: string): Promise<ReadonlySet<string>> {
    const known = this.#known.get(userId)
    return known?.all ?? new Entry(userId, await this.#reads.around(userId)).all
  }

  knows(userId: string): boolean {
    return this.#known.has(userId)
  }
  load(userId: string): Promise<void> {
    if (this.#known.has(userId)) return Promise.resolve()
    const reading = this.#reading.get(userId)
    if (reading) return reading.done
    const changes: Change[] = []
    const done = this.#read(userId, changes).finally(() => this.#reading.delete(userId))
    this.#reading.set(userId, { done, changes })
    return done
  }
  passed(event: Event): void {
    if (event.name !== 'user.blocked') return
    for (const userId of [event.payload.userId, event.payload.blockedId]) {
      this.#known.get(userId)?.move(event.payload)
      this.#reading.get(userId)?.changes.push(event.payload)
    }
  }
  came(userId: string): void {
    this.#arriving.delete(userId)
  }
  gone(userId: string): void {
    this.#known.delete(userId)
  }

  async #read(userId: string, changes: readonly Change[]): Promise<void> {
    const entry = new Entry(userId, await this.#reads.around(userId))
    // Some of them may have been read already; after the last one all is as it is.
    for (const change of changes) entry.move(change)
    if (this.#arriving.size >= ARRIVING) {
      for (const other of this.#arriving) this.#known.delete(other)
      this.#arriving.clear()
    }
    this.#known.set(userId, entry)
    this.#arriving.add(userId)
  }
}
