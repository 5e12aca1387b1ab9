/**
 * One reader of the log on this node: a user in one wording and scope, with one cursor and any number of sockets. The cursor says:
 * everything before has been received by one of them. So a socket moves it only if it has heard everything since the cursor,
 * and no further than every socket of its connection has come. Of those that come at once one replays, with all sockets of
 * its connection that come within ten seconds (a client listens on one of its namespaces); the others begin at the present,
 * unless the one that replays does not answer: it may be the newcomer's own, which nobody has missed yet. A namespace that
 * is left and entered again goes on where it was. Before a newcomer replays, the connections that are there are asked for
 * a fence, so that it is not told what they have.
 */
import { within } from '../deadline.ts'
import type { Backlog } from './backlog.ts'
import { type Cursors, type Key, positionOf } from './cursors.ts'
import type { Fence } from './fence.ts'
import type { Place } from './place.ts'

export interface Start {
  /** Where the log goes on; the present if missing. */
  readonly cursor?: string
  /** What comes before that, from the offline queue, which then says where the log goes on. */
  readonly backlog?: Backlog
  /** The user has no cursor that could be continued, so it begins here. */
  readonly first?: boolean
}
interface Begun {
  readonly at: number
  readonly start: Start
  /** By namespace that was left, what it had received. */
  readonly left: Map<string, number>
}
const PRESENT: Start = {}
/** Before everything. */
export const NOWHERE = -1

const TOGETHER_MS = 10_000
/** How long a newcomer waits for the fences of those that are there; who takes longer may not be there any more. */
const PATIENCE_MS = 300

export class Reader {
  readonly key: Key
  readonly places = new Set<Place>()
  readonly #cursors: Cursors
  /** The cursor, as far as this node knows; undefined if it is not known. */
  #reached: number | undefined
  /** The connection that replays. */
  #holder: Fence | undefined
  readonly #begun = new Map<Fence, Begun>()

  constructor(key: Key, cursors: Cursors) {
    this.key = key
    this.#cursors = cursors
  }

  /** Where a socket begins; with `first` if there is no cursor. */
  async start(place: Place, first: () => Start): Promise<Start> {
    const { fence, namespace } = place
    const begun = this.#begun.get(fence)
    const left = begun?.left.get(namespace) ?? NOWHERE
    if (left !== NOWHERE) return { cursor: this.#cursors.cursorAt(left) }
    if (begun) return performance.now() - begun.at < TOGETHER_MS ? begun.start : PRESENT
    // Who has gone gives nothing back.
    if (!(await this.#isFree(fence)) || !this.places.has(place)) return PRESENT
    this.#holder = fence
    await this.#fencesOfOthers(fence)
    const cursor = await this.#cursors.load(this.key)
    if (cursor !== null) this.#reached = Math.max(this.#reached ?? NOWHERE, positionOf(cursor))
    const known = this.#reached !== undefined && this.#reached !== NOWHERE
    const start = known ? { cursor: this.#cursors.cursorAt(this.#reached ?? NOWHERE) } : first()
    if (this.places.has(place)) this.#begin(fence, start)
    return start
  }
  /** The cursor cannot be continued: what all sockets of the connection begin with instead. */
  restart({ fence }: Place, start: Start): void {
    this.#reached = undefined
    this.#begin(fence, start)
  }
  /** The reader begins there, having no cursor; it has one once this resolves. */
  async begin(position: number): Promise<void> {
    if (this.#reached !== undefined) return
    this.#reached = position
    if (position === NOWHERE) return
    this.#cursors.move(this.key, position)
    await this.#cursors.save(true)
  }

  /** A socket has received what was written to it. */
  advance(place: Place, quiet: boolean): void {
    // Also those that have come and not begun.
    const holds = (other: Place) => other !== place && other.fence === place.fence && (other.open || !other.begun)
    const others = [...this.places].filter(holds)
    const position = Math.min(place.received, ...others.map(({ received }) => received))
    if (this.#reached === undefined || place.base > this.#reached || position <= this.#reached) return
    this.#reached = position
    this.#cursors.move(this.key, position, quiet)
  }
  /** The connection has caught up, or is gone. */
  release(fence: Fence): void {
    if (this.#holder === fence) this.#holder = undefined
  }
  leave(place: Place): void {
    this.places.delete(place)
    if ([...this.places].some((other) => other.fence === place.fence)) {
      this.#begun.get(place.fence)?.left.set(place.namespace, place.received)
      return
    }
    this.release(place.fence)
    this.#begun.delete(place.fence)
    this.#cursors.settle(this.key)
  }

  #begin(fence: Fence, start: Start): void {
    this.#begun.set(fence, { at: performance.now(), start, left: new Map() })
  }
  /** Nobody else replays, or who does gives no answer. */
  async #isFree(fence: Fence): Promise<boolean> {
    for (let holder = this.#holder; holder && holder !== fence; holder = this.#holder) {
      const answers = await within(PATIENCE_MS, holder.now())
      if (this.#holder === holder) return !answers
    }
    return true
  }
  async #fencesOfOthers(fence: Fence): Promise<void> {
    const fences = new Set([...this.places].map((place) => place.fence))
    const open = [...fences].filter((other) => other !== fence && !other.quiet)
    if (open.length > 0) await within(PATIENCE_MS, Promise.all(open.map((other) => other.now())))
  }
}
