/**
 * What one subscription missed, in order: first what waits in the offline queue if it begins with that, then the log up to the present.
 * It is read a page at a time, with the conversation cards that it needs, and told no faster than the client reads. A cursor that
 * cannot be continued begins anew, where `restart` says.
 */
import { setImmediate as breath } from 'node:timers/promises'
import { AppError } from '../../../shared/errors.ts'
import type { Event } from '../../../shared/events.ts'
import type { Actor, Core, Feed, Scope } from '../../../shared/ports.ts'
import { type Backlog, created } from './backlog.ts'
import { type Cards, conversationOf, senderOf } from './cards.ts'
import { positionOf } from './cursors.ts'
import type { Fence } from './fence.ts'
import { NOWHERE, type Start } from './reader.ts'

interface Parts {
  readonly core: Core
  readonly cards: Cards
  readonly actor: Actor
  readonly scope: Scope
  readonly fence: Fence
  readonly start: Start
  readonly restart: () => Start
  /** It begins after this position. */
  readonly onBegin: (position: number, first: boolean) => Promise<void>
  readonly tell: (event: Event) => void
}
interface Stretch {
  readonly events: readonly Event[]
  /** Told up to here once they are. */
  readonly upTo: number
}

/** So many are told at once; beyond, the client has to keep up. */
const FEW = 50
const AT_ONCE = 16

export class Replay {
  /** Told up to here. */
  reached = NOWHERE
  readonly #parts: Parts
  #feed: Feed | undefined
  #stretches: AsyncGenerator<Stretch> | undefined
  /** Read, but not yet told. */
  #ahead: Stretch[] = []
  readonly #held = new Set<string>()
  #closed = false

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Authorises and reads the first of it. */
  async open(): Promise<void> {
    await this.#safely(() => this.#begin(this.#parts.start))
  }
  /** The subscription, at the place that has been read. */
  get feed(): Feed | undefined {
    return this.#feed
  }

  /** Tells what was read if that is all there is: else false. */
  tellFew(): boolean {
    if (this.#stretches) return false
    for (const { events, upTo } of this.#ahead.splice(0)) {
      for (const event of events) this.#tell(event)
      this.reached = upTo
    }
    return true
  }
  /** Tells everything up to the present. */
  async tellAll(): Promise<void> {
    const { fence } = this.#parts
    if (!this.#stretches) this.#stretches = this.#log()
    while (this.#stretches || this.#ahead.length > 0) {
      for (const { events, upTo } of this.#ahead.splice(0)) {
        for (const [number, event] of events.entries()) {
          if (this.#closed) return
          if (number % AT_ONCE === 0) await fence.room()
          this.#tell(event)
        }
        this.reached = upTo
        await breath()
      }
      if (this.#closed) return
      await this.#safely(() => this.#readAhead())
    }
  }
  close(): void {
    this.#closed = true
    this.finish()
    this.#feed?.detach()
  }
  /** Everything has been told. */
  finish(): void {
    for (const conversationId of this.#held) this.#parts.cards.release(conversationId)
    this.#held.clear()
  }

  async #begin(start: Start): Promise<void> {
    const { core, actor, scope, onBegin } = this.#parts
    const { backlog } = start
    const first = await backlog?.first()
    this.#feed = await core.subscribe(actor, scope, first?.cursor ?? start.cursor)
    this.reached = first ? NOWHERE : positionOf(this.#feed.cursor)
    await onBegin(this.reached, start.first === true)
    this.#stretches = backlog && first ? this.#queue(backlog, first) : this.#log()
    await this.#readAhead()
  }
  async #safely(read: () => Promise<void>): Promise<void> {
    try {
      await read()
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'RESET') throw error
      await this.#begin(this.#parts.restart())
    }
  }

  async *#queue(backlog: Backlog, first: Awaited<ReturnType<Backlog['first']>>): AsyncGenerator<Stretch> {
    yield { events: first.messages.map(created), upTo: NOWHERE }
    for await (const { messages } of backlog.rest(first)) yield { events: messages.map(created), upTo: NOWHERE }
    yield { events: [], upTo: positionOf(first.cursor) }
    yield* this.#log()
  }
  async *#log(): AsyncGenerator<Stretch> {
    for await (const { events, cursor } of this.#feed?.replay() ?? []) yield { events, upTo: positionOf(cursor) }
  }

  async #readAhead(): Promise<void> {
    while (this.#stretches && this.#ahead.reduce((sum, { events }) => sum + events.length, 0) < FEW) {
      const next = await this.#stretches.next()
      if (next.done) this.#stretches = undefined
      else {
        this.#ahead.push(next.value)
        await this.#prepare(next.value.events)
      }
    }
  }
  /** Events wait for a card that is not there, and would be overtaken by those of other conversations. */
  async #prepare(events: readonly Event[]): Promise<void> {
    const { cards } = this.#parts
    const needs = new Map<string, readonly [conversationId: string, userId: string | null]>()
    for (const event of events) {
      const conversationId = conversationOf(event.topic)
      const userId = senderOf(event)
      if (conversationId !== null) needs.set(`${conversationId}\n${userId}`, [conversationId, userId])
    }
    const all = [...needs.values()]
    for (let at = 0; at < all.length && !this.#closed; at += AT_ONCE) {
      await Promise.all(
        all.slice(at, at + AT_ONCE).map(([conversationId, userId]) => {
          if (!this.#held.has(conversationId)) cards.hold(conversationId)
          this.#held.add(conversationId)
          return cards.loaded(conversationId, userId)
        }),
      )
    }
    if (this.#closed) this.finish()
  }
  #tell(event: Event): void {
    this.#parts.tell(event)
    if (event.position !== undefined) this.reached = event.position
  }
}
