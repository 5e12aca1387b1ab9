/**
 * The tail of the log on this node. Guarantees: every durable event is passed once, in order of position, without a gap,
 * whatever the broker loses, doubles or delays. The next event is passed at once; one that is ahead of its turn is held a
 * moment for its predecessors, then the log is read; a tick compares with the end of the log, since nobody rings when the
 * last ring is lost. Recent events stay in a ring for those who come back, who get no text from it that was erased meanwhile.
 */
import type { Durable } from '../../shared/events.ts'
import type { Message } from '../../shared/model.ts'
import type { Broker, Log } from './ports.ts'

export interface TailOptions {
  log: Log
  broker: Broker
  /** Called for each event, in order; must not throw. */
  pass: (event: Durable) => void
  /** The log could not be read; reported once until it can be again. */
  onError: (error: unknown) => void
  /** Events kept for those who come back. */
  ringSize?: number | undefined
  /** How long an event waits for its predecessors before the log is read, ms. */
  holdMs?: number | undefined
  /** How often the end of the log is compared, ms. */
  tickMs?: number | undefined
}

const PAGE = 1_000

export class Tail {
  readonly #options: TailOptions
  readonly #ringSize: number
  readonly #ahead = new Map<number, Durable>()
  readonly #waiting = new Set<{ position: number; done: () => void }>()
  readonly #stop: (() => void)[] = []
  #ring: Durable[] = []
  /** Messages whose deletion is in the ring, by id, as they are since. */
  readonly #erased = new Map<string, Message>()
  #position = 0
  #hold: NodeJS.Timeout | undefined
  #reading: Promise<void> | undefined
  #readAgain = false
  #healthy = true
  /** Events that were passed are no longer in the log: others will take their positions, and only a restart can see them. */
  #forked = false

  constructor(options: TailOptions) {
    this.#options = options
    this.#ringSize = options.ringSize ?? 10_000
  }

  /** Begins at the end of the log. */
  async start(): Promise<void> {
    const { broker, log, tickMs = 500 } = this.#options
    this.#position = (await log.tail()).position
    const tick = setInterval(() => void this.#compare(), tickMs)
    this.#stop.push(
      broker.onRing((position) => position > this.#position && this.#read()),
      () => clearInterval(tick),
    )
  }

  async stop(): Promise<void> {
    for (const stop of this.#stop.splice(0)) stop()
    clearTimeout(this.#hold)
    await this.#reading
    for (const waiter of this.#waiting) waiter.done()
  }

  /** The last position that was passed. */
  get position(): number {
    return this.#position
  }
  /** False while the log cannot be read, and for good if it has lost what was passed. */
  get healthy(): boolean {
    return this.#healthy
  }

  /** Takes events that this node committed, in any order. */
  offer(events: readonly Durable[]): void {
    for (const event of events) if (event.position > this.#position) this.#ahead.set(event.position, event)
    this.#drain()
    if (this.#ahead.size > 0) this.#hold ??= setTimeout(() => this.#read(), this.#options.holdMs ?? 5)
  }

  /** Resolves when `position` has been passed here, or after `timeoutMs`: by then the tail has trouble of its own. */
  passed(position: number, timeoutMs = 2_000): Promise<void> {
    if (position <= this.#position) return Promise.resolve()
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        this.#waiting.delete(waiter)
        resolve()
      }
      const waiter = { position, done }
      const timer = setTimeout(done, timeoutMs)
      this.#waiting.add(waiter)
    })
  }

  /** Whether everything after `position` is in the ring. */
  holds(position: number): boolean {
    return position <= this.#position && position >= this.#position - this.#ring.length
  }
  /** The ring after `position`, at most `limit` events, without the text of messages that are deleted by now. */
  since(position: number, limit: number): readonly Durable[] {
    const start = this.#ring.length - (this.#position - position)
    return this.#ring.slice(start, start + limit).map((event) => withoutErased(event, this.#erased))
  }

  #drain(): void {
    for (let next = this.#ahead.get(this.#position + 1); next; next = this.#ahead.get(this.#position + 1)) {
      this.#ahead.delete(next.position)
      this.#position = next.position
      this.#keep(next)
      this.#options.pass(next)
    }
    if (this.#ahead.size === 0) {
      clearTimeout(this.#hold)
      this.#hold = undefined
    }
    for (const waiter of this.#waiting) if (waiter.position <= this.#position) waiter.done()
  }

  #keep(event: Durable): void {
    this.#ring.push(event)
    if (event.name === 'message.deleted') this.#erased.set(event.payload.message.id, event.payload.message)
    // Cut in large steps: shifting one by one would move the whole array for every event.
    if (this.#ring.length < this.#ringSize * 2) return
    for (const old of this.#ring.splice(0, this.#ring.length - this.#ringSize))
      if (old.name === 'message.deleted') this.#erased.delete(old.payload.message.id)
  }

  /** Reads the log to its end. One reading at a time; a call meanwhile makes it look once more. */
  #read(): void {
    clearTimeout(this.#hold)
    this.#hold = undefined
    this.#readAgain = true
    this.#reading ??= this.#readOn().finally(() => {
      this.#reading = undefined
    })
  }
  async #readOn(): Promise<void> {
    while (this.#readAgain) {
      this.#readAgain = false
      try {
        const page = await this.#options.log.page(null, this.#position, PAGE)
        this.#healthy = !this.#forked
        for (const event of page.events) if (event.position > this.#position) this.#ahead.set(event.position, event)
        for (const position of this.#ahead.keys()) if (position <= this.#position) this.#ahead.delete(position)
        this.#drain()
        if (page.upTo > this.#position) this.#readAgain = true
      } catch (error) {
        this.#trouble(error)
      }
    }
  }
  async #compare(): Promise<void> {
    const passed = this.#position
    try {
      const { position } = await this.#options.log.tail()
      if (position < passed) this.#forked = true
      if (this.#forked) throw new Error('The log has lost events that were passed here: restart this node')
      if (position > this.#position) this.#read()
      else this.#healthy = true
    } catch (error) {
      this.#trouble(error)
    }
  }
  #trouble(error: unknown): void {
    if (this.#healthy) this.#options.onError(error)
    this.#healthy = false
  }
}

/** As the log gives it: what is said of a deleted message is what it is now. */
function withoutErased(event: Durable, erased: ReadonlyMap<string, Message>): Durable {
  if (event.name === 'message.created' || event.name === 'message.updated') {
    const message = erased.get(event.payload.message.id)
    return message ? { ...event, payload: { message } } : event
  }
  if (event.name !== 'notification.created') return event
  const { notification } = event.payload
  if (notification.messageId === null || !erased.has(notification.messageId)) return event
  return { ...event, payload: { notification: { ...notification, body: '' } } }
}
