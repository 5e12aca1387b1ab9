/**
 * A feed as pages for one subscription: a ready page with the cursor, what was missed, then live. Over WebSocket live events
 * go by a lane; over HTTP (SSE) they wait in a bounded queue for the reader, and who falls behind is cut off, reading or not,
 * and comes back with its cursor. Both end when the signal does or when the actor may not see more; both detach whatever happens.
 */
import { tracked } from '@trpc/server'
import type { Event, Page } from '../../shared/events.ts'
import type { Feed, Sink } from '../../shared/ports.ts'
import { toTrpcError } from '../../shared/router/failure.ts'
import type { Pages } from '../../shared/router/trpc.ts'
import { at } from './deadline.ts'
import { Lane } from './lane.ts'
import type { Why } from './revocations.ts'
import type { TypedSocket } from './socket.ts'

/** Characters of what is sent at once. A slow line gets that through, and answers of calls fit in between. */
const PART = 256 * 1024

/** A page of large events goes in parts, each with the cursor of its last event. */
function* partsOf(page: Page): Generator<Page> {
  const [epoch] = page.cursor.split('.')
  let events: Event[] = []
  let size = 0
  for (const event of page.events) {
    events.push(event)
    size += JSON.stringify(event).length
    if (size < PART || event.position === undefined) continue
    yield { cursor: `${epoch}.${event.position}`, events }
    events = []
    size = 0
  }
  if (events.length > 0) yield { cursor: page.cursor, events }
}

/** `done` is called when it has ended by itself; the signal tells the rest. */
export async function* byLane(feed: Feed, signal: AbortSignal, socket: TypedSocket, done: () => void): Pages {
  const lane = new Lane(socket)
  signal.addEventListener('abort', () => lane.end(), { once: true })
  try {
    yield tracked(feed.cursor, lane.marker)
    // Not bound: the socket was closing and the marker was not sent.
    while (lane.bound && !signal.aborted) {
      for await (const page of feed.replay()) {
        for (const { cursor, events } of partsOf(page)) {
          yield tracked(cursor, events)
          await socket.flushed()
          if (signal.aborted) return
        }
      }
      if (signal.aborted || feed.attach(lane)) break
    }
    if (lane.bound && !signal.aborted) await lane.closed
  } catch (error) {
    throw toTrpcError(error)
  } finally {
    feed.detach()
    done()
  }
}

/** Events on the way to one reader, and the sink of its feed. `ended`: nothing more will come; `cut`: the reader is to come back. */
class Queue implements Sink {
  readonly entrance = 'sse'
  state: 'open' | 'ended' | 'cut' = 'open'
  readonly #bound: number
  readonly #hangUp: () => void
  #events: Event[] = []
  #cursor: string | undefined
  #wake: () => void = () => undefined

  constructor(bound: number, hangUp: () => void) {
    this.#bound = bound
    this.#hangUp = hangUp
  }

  push(event: Event, cursor: string): void {
    if (this.#events.length >= this.#bound) this.cut()
    if (this.state === 'cut') return
    this.#events.push(event)
    this.tick(cursor)
  }
  tick(cursor: string): void {
    this.#cursor = cursor
    this.#wake()
  }
  end(): void {
    if (this.state === 'open') this.state = 'ended'
    this.#wake()
  }
  /** Ends where it is read; where it is not, its connection does. */
  complete(): void {
    this.end()
    this.#hangUp()
  }
  cut(): void {
    if (this.state === 'cut') return
    this.state = 'cut'
    this.#events = []
    this.#wake()
    this.#hangUp()
  }

  /** What has come since the last time, in one page. */
  take() {
    if (this.#cursor === undefined) return undefined
    const page = tracked<readonly Event[]>(this.#cursor, this.#events)
    this.#events = []
    this.#cursor = undefined
    return page
  }
  more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }
}

interface Until {
  /** When the server stops. */
  stopping: AbortSignal
  /** When the reader is to go: to be refused on coming back, or not to come back by itself. Returns how to stop listening. */
  onSentAway: (leave: (why: Why) => void) => () => void
  /** When the reader's token ends, ms since 1970. */
  expiresAt: number | null
  /** Events that may wait for the reader. */
  bound: number
  /** Called when the reader is to go, which it may not notice. */
  hangUp: () => void
}

export async function* byQueue(
  feed: Feed,
  signal: AbortSignal,
  { stopping, onSentAway, expiresAt, bound, hangUp }: Until,
): Pages {
  const queue = new Queue(bound, hangUp)
  const cut = () => queue.cut()
  for (const over of [signal, stopping]) over.addEventListener('abort', cut, { once: true })
  // A stream that is completed is not opened again by its client.
  const leave = (why: Why) => (why === 'kicked' ? queue.complete() : cut())
  const forget = [at(expiresAt, cut), onSentAway(leave)]
  if (signal.aborted || stopping.aborted) cut()
  try {
    yield tracked<readonly Event[]>(feed.cursor, [])
    do {
      for await (const page of feed.replay()) {
        for (const { cursor, events } of partsOf(page)) yield tracked(cursor, events)
      }
    } while (queue.state === 'open' && !feed.attach(queue))
    while (queue.state !== 'cut') {
      const page = queue.take()
      if (page) yield page
      else if (queue.state === 'ended') return
      else await queue.more()
    }
  } catch (error) {
    throw toTrpcError(error)
  } finally {
    stopping.removeEventListener('abort', cut)
    for (const off of forget) off()
    feed.detach()
  }
  // Breaks the connection without a last word, which is what makes an EventSource reconnect; `return` would complete it.
  throw new DOMException('come back', 'AbortError')
}
