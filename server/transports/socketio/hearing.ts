/**
 * One subscription of one socket in one wording. Opened in two steps: `open` authorises and reads up to the present, `start`
 * goes live within one tick, so that a socket can be live the moment it learns that it is connected. Joining and leaving the
 * adapter rooms keeps its turn among the events of a conversation. A topic can be muted: the socket leaves its room.
 */
import type { Event, Topic } from '../../../shared/events.ts'
import type { Actor, Core, Feed, Scope, Sink } from '../../../shared/ports.ts'
import type { Cards } from './cards.ts'
import type { Seat, Wording } from './wording.ts'

interface Parts {
  readonly core: Core
  readonly cards: Cards
  readonly actor: Actor
  readonly seat: Seat
  readonly wording: Wording
  readonly scope: Scope
  /** Where to go on from; the present if missing. */
  readonly cursor?: string
  /** Whether the socket hears a topic in this wording by another subscription: they share one adapter room. */
  readonly elsewhere: (own: Hearing, topic: Topic) => boolean
  /** The actor may not hear this any more. */
  readonly onEnd: () => void
}

export class Hearing implements Sink {
  readonly entrance = 'socketio'
  readonly channel: Wording
  readonly scope: Scope
  readonly topics = new Set<Topic>()
  readonly #muted = new Set<Topic>()
  readonly #parts: Parts
  #feed: Feed | undefined
  #closed = false
  /** What was missed, read but not yet told. */
  #missed: Event[] = []

  constructor(parts: Parts) {
    this.#parts = parts
    this.channel = parts.wording
    this.scope = parts.scope
  }

  async open(): Promise<void> {
    const { core, actor, scope, cursor } = this.#parts
    this.#feed = await core.subscribe(actor, scope, cursor)
    await this.#read()
  }
  /** Live from now on, or closed; false if so much happened since `open` that `reopen` must read on. */
  start(): boolean {
    if (this.#closed) return true
    for (const event of this.#missed.splice(0)) this.push(event)
    return this.#feed?.attach(this) ?? false
  }
  async reopen(): Promise<void> {
    do await this.#read()
    while (!this.start())
  }
  close(): void {
    this.#closed = true
    this.#feed?.detach()
    for (const topic of [...this.topics]) this.unfollow(topic)
  }

  get closed(): boolean {
    return this.#closed
  }
  hears(topic: Topic): boolean {
    return this.topics.has(topic) && !this.#muted.has(topic)
  }
  mute(topic: Topic): void {
    if (!this.hears(topic)) return
    this.#muted.add(topic)
    this.channel.silent(topic, 1)
    this.#inTurn(topic, () => this.#parts.seat.leave(this.channel.roomOf(topic)))
  }
  unmute(topic: Topic): void {
    if (this.#unsilence(topic)) this.#enter(topic)
  }

  push(event: Event): void {
    if (!this.#muted.has(event.topic)) this.#parts.wording.tell(event, this.#parts.seat)
  }
  end(): void {
    this.close()
    this.#parts.onEnd()
  }
  follow(topic: Topic): void {
    if (this.topics.has(topic)) return
    this.topics.add(topic)
    const id = conversationOf(topic)
    if (id !== null) this.#parts.cards.hold(id)
    this.#enter(topic)
  }
  unfollow(topic: Topic): void {
    if (!this.topics.delete(topic)) return
    this.#unsilence(topic)
    this.#inTurn(topic, () => {
      if (this.topics.has(topic) || this.#parts.elsewhere(this, topic)) return
      this.#parts.seat.leave(this.channel.roomOf(topic))
      this.channel.left(topic)
    })
    const id = conversationOf(topic)
    if (id !== null) this.#parts.cards.release(id)
  }

  #unsilence(topic: Topic): boolean {
    const muted = this.#muted.delete(topic)
    if (muted) this.channel.silent(topic, -1)
    return muted
  }
  #enter(topic: Topic): void {
    const { seat, wording } = this.#parts
    this.#inTurn(topic, () => {
      if (!seat.connected || !this.hears(topic)) return
      seat.join(wording.roomOf(topic))
      const id = conversationOf(topic)
      if (id !== null) wording.welcome(id, seat)
    })
  }
  #inTurn(topic: Topic, run: () => void): void {
    const id = conversationOf(topic)
    if (id === null) run()
    else this.#parts.cards.inTurn(id, run)
  }
  async #read(): Promise<void> {
    for await (const page of this.#feed?.replay() ?? []) this.#missed.push(...page.events)
  }
}

function conversationOf(topic: Topic): string | null {
  return topic.startsWith('conversation:') ? topic.slice('conversation:'.length) : null
}
