/**
 * Resuming for clients that know nothing of it. What a socket has received is known by fences (fence.ts); the cursor of its user,
 * wording and scope (reader.ts, cursors.ts) moves behind them, and the next socket is told what lies beyond it (replay.ts).
 * Nothing is lost; after an abrupt cut what came after the last fence is told again. A client that says goodbye with nothing on
 * its way has received everything (farewell.ts); when the server stops, the fences outstanding are waited for a moment.
 */
import type { Actor, Core } from '../../../shared/ports.ts'
import { within } from '../deadline.ts'
import type { Cards } from './cards.ts'
import type { Connection } from './connection.ts'
import { Cursors, type Key, keyOf } from './cursors.ts'
import { Deliveries } from './delivery.ts'
import { Fence } from './fence.ts'
import { Ledger } from './flow.ts'
import type { BridgeLog } from './log.ts'
import { type Arrival, Place } from './place.ts'
import { Reader } from './reader.ts'
import { Ticker } from './ticker.ts'

/** How long a stop waits for fences, and for the delivered marks that follow from them. */
const PATIENCE_MS = 1_000
/** Members of a crowded conversation. */
const CROWD = 100

export class Resume {
  readonly log: BridgeLog
  readonly cursors: Cursors
  readonly #deliveries: Deliveries
  readonly #fences = new Map<Connection, Fence>()
  readonly #readers = new Map<string, Reader>()
  readonly ledger: Ledger
  readonly #ticker = new Ticker()

  constructor(core: Core, system: Actor, cards: Pick<Cards, 'epoch' | 'get'>, log: BridgeLog) {
    this.log = log
    this.ledger = new Ledger(this.#ticker)
    this.cursors = new Cursors(core, system, log, () => cards.epoch)
    this.#deliveries = new Deliveries(core, (id) => (cards.get(id)?.memberCount ?? 0) > CROWD)
  }

  fence(connection: Connection): Fence {
    const known = this.#fences.get(connection)
    if (known) return known
    const fence = new Fence(connection, this.ledger)
    this.#fences.set(connection, fence)
    connection.once('close', () => this.#fences.delete(connection))
    return fence
  }
  /** A socket comes to hear what this reader hears. It must be given back to `depart`. */
  arrive(key: Key, arrival: Arrival): Place {
    const name = keyOf(key)
    const reader = this.#readers.get(name) ?? new Reader(key, this.cursors)
    this.#readers.set(name, reader)
    return new Place(reader, arrival, this.#deliveries)
  }
  /** The socket goes. `clean`: its client said so. */
  depart(place: Place, clean: boolean): void {
    place.end(clean)
    const { reader } = place
    const name = keyOf(reader.key)
    if (reader.places.size === 0 && this.#readers.get(name) === reader) this.#readers.delete(name)
  }

  async drain(): Promise<void> {
    const fences = Promise.all([...this.#fences.values()].map((fence) => fence.now()))
    await within(PATIENCE_MS, fences)
    await within(PATIENCE_MS, this.#deliveries.idle())
    await this.cursors.save()
  }
  close(): void {
    this.#ticker.close()
    this.#deliveries.close()
    this.cursors.close()
  }
}
