/**
 * Everything of the actor, from a cursor on, for as long as it is wanted: one `sync.events` subscription and its feed. A drop
 * is resumed by the calls' link with the last id seen, which is the feed's cursor. A refusal that may be tried again is, from
 * the cursor, after a jittered while. A cursor that cannot be continued costs a snapshot: it is delivered as a `reset`, and
 * the stream goes on from there. Any other refusal ends the stream and is said once.
 */
import type { Unsubscribable } from '@trpc/server/observable'
import type { Output } from '../shared/commands.ts'
import type { Event } from '../shared/events.ts'
import { type Backoff, Pause } from './backoff.ts'
import { ParleyError, toParleyError } from './errors.ts'
import { BrokenPage, Feed } from './feed.ts'

export type Snapshot = Output<'sync.snapshot'>

/** The log could not be continued (`epoch`: another database; otherwise too old): what is known now is the snapshot. */
export interface Reset {
  readonly name: 'reset'
  readonly reason: string
  readonly snapshot: Snapshot
}

export type Item = Event | Reset

/** Where a stream comes from: the two procedures, or what a test puts in their place. */
export interface Source {
  subscribe(
    cursor: string | undefined,
    observer: {
      started(): void
      page(cursor: string, events: readonly Event[]): void
      error(error: unknown): void
      complete(): void
    },
  ): Unsubscribable
  snapshot(): Promise<Snapshot>
}

/** Who takes it. Nothing is called once the stream was stopped. */
export interface Taker {
  /** `cursor` is the place to go on from once the item is dealt with. */
  item(item: Item, cursor: string): void
  /** All before the cursor has been delivered. */
  reached(cursor: string): void
  failed(error: ParleyError): void
}

export class Stream {
  readonly #source: Source
  readonly #taker: Taker
  readonly #backoff: Backoff
  readonly #feed: Feed
  readonly #pause = new Pause()
  #subscription: Unsubscribable | null = null
  #attempt = 0
  #stopped = false

  constructor(source: Source, taker: Taker, backoff: Backoff, cursor?: string) {
    this.#source = source
    this.#taker = taker
    this.#backoff = backoff
    this.#feed = new Feed(cursor)
  }

  get cursor(): string | undefined {
    return this.#feed.cursor
  }

  start(): void {
    this.#subscribe()
  }

  stop(): void {
    this.#stopped = true
    this.#pause.wake()
    this.#leave()
  }

  #leave(): void {
    this.#subscription?.unsubscribe()
    this.#subscription = null
  }

  #subscribe(): void {
    let take = this.#feed.open()
    let over = false
    const end = (error: ParleyError) => {
      if (over) return
      over = true
      this.#leave()
      void this.#recover(error)
    }
    this.#subscription = this.#source.subscribe(this.#feed.cursor, {
      started: () => {
        take = this.#feed.open()
      },
      page: (cursor, events) => {
        if (over || this.#stopped) return
        try {
          const steps = take({ cursor, events })
          this.#attempt = 0
          for (const step of steps) if (!this.#stopped) this.#taker.item(step.event, step.cursor)
          if (!this.#stopped && this.#feed.cursor !== undefined) this.#taker.reached(this.#feed.cursor)
        } catch (error) {
          end(error instanceof BrokenPage ? broken(error) : toParleyError(error))
        }
      },
      error: (error) => end(toParleyError(error)),
      complete: () => end(new ParleyError('UNAVAILABLE', 'The server ended the stream')),
    })
    // A source may refuse before it returns.
    if (over || this.#stopped) this.#leave()
  }

  async #recover(error: ParleyError): Promise<void> {
    if (this.#stopped) return
    try {
      if (error.code === 'RESET') await this.#reset(String(error.details.reason ?? 'unknown'), this.#attempt++)
      else if (error.retry) await this.#pause.wait(this.#backoff(this.#attempt++))
      else return this.#fail(error)
    } catch (failure) {
      return this.#fail(toParleyError(failure))
    }
    if (!this.#stopped) this.#subscribe()
  }

  async #reset(reason: string, attempt: number): Promise<void> {
    // At once, unless the last try brought nothing.
    if (attempt > 0) await this.#pause.wait(this.#backoff(attempt))
    const snapshot = await this.#snapshot()
    if (snapshot === null) return
    this.#feed.reset(snapshot.cursor)
    this.#taker.item({ name: 'reset', reason, snapshot }, snapshot.cursor)
  }

  /** Null once stopped. */
  async #snapshot(): Promise<Snapshot | null> {
    while (!this.#stopped) {
      try {
        const snapshot = await this.#source.snapshot()
        return this.#stopped ? null : snapshot
      } catch (error) {
        const failure = toParleyError(error)
        if (!failure.retry) throw failure
        await this.#pause.wait(this.#backoff(this.#attempt++))
      }
    }
    return null
  }

  #fail(error: ParleyError): void {
    if (this.#stopped) return
    this.#stopped = true
    this.#taker.failed(error)
  }
}

/** A page of another log is a cursor that cannot be continued; a page out of order is asked for again. */
const broken = (error: BrokenPage) =>
  error.reason === 'epoch'
    ? new ParleyError('RESET', error.message, { details: { reason: 'epoch' } })
    : new ParleyError('UNAVAILABLE', error.message)
