/**
 * One subscription of one socket in one wording. What was missed is told first (replay.ts), then what happens. Opened in two steps:
 * `open` authorises and reads ahead, `start` goes live within one tick if little was missed, so that a socket can be live the
 * moment it learns that it is connected; else `catchUp` does. Joining and leaving the adapter rooms keeps its turn among the
 * events of a conversation. A topic can be muted: the socket leaves its room.
 */
import type { Event, Topic } from '../../../shared/events.ts'
import type { Message } from '../../../shared/model.ts'
import type { Actor, Core, Scope, Sink } from '../../../shared/ports.ts'
import { type Cards, conversationOf } from './cards.ts'
import type { Fence } from './fence.ts'
import type { Place } from './place.ts'
import type { Start } from './reader.ts'
import { Replay } from './replay.ts'
import type { Seat, Wording } from './wording.ts'

/** What the socket was told in these words by another hearing: what came after `after`, up to `upTo`. */
export interface Heard {
  readonly after: number
  readonly upTo: number
  /** By conversation, the seqs of the first and the last message of others. */
  readonly messages: ReadonlyMap<string, readonly [first: number, last: number]>
}

interface Parts {
  readonly core: Core
  readonly cards: Cards
  readonly actor: Actor
  readonly seat: Seat
  readonly fence: Fence
  readonly wording: Wording
  readonly scope: Scope
  readonly start: Start
  /** Where it begins instead if that cannot be continued. */
  readonly restart: () => Start
  /** Keeps account of what was told; without it nothing is resumed. */
  readonly place: Place | undefined
  readonly heard: Heard | undefined
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
  readonly #replay: Replay
  readonly #place: Place | undefined
  /** It hears what comes after this. */
  #since = 0
  /** As `Heard` has it. */
  readonly #messages = new Map<string, readonly [first: number, last: number]>()
  /** Told, but waiting for a conversation card; oldest first. */
  readonly #waiting = new Set<{ readonly position: number }>()
  #silent = true
  #live = false
  #deaf = false
  #closed = false

  constructor(parts: Parts) {
    this.#parts = parts
    this.channel = parts.wording
    this.scope = parts.scope
    this.#place = parts.place
    this.#replay = new Replay({
      ...parts,
      tell: (event) => this.#tell(event),
      onBegin: async (position, first) => {
        this.#since = position
        await parts.place?.begin(this, position, first)
      },
    })
  }

  open(): Promise<void> {
    return this.#replay.open()
  }
  /** Live from now on, or closed; false if `catchUp` has to go on. */
  start(): boolean {
    return this.#closed || (this.#replay.tellFew() && this.#attach())
  }
  async catchUp(): Promise<void> {
    do await this.#replay.tellAll()
    while (!this.#closed && !this.#attach())
  }
  close(): void {
    this.#place?.leave()
    this.#closed = true
    this.#replay.close()
    for (const topic of [...this.topics]) this.unfollow(topic)
  }

  get closed(): boolean {
    return this.#closed
  }
  get live(): boolean {
    return this.#live
  }
  /** Outside of a delivery: up to where everything has been written to the socket. */
  get written(): number {
    const [oldest] = this.#waiting
    const position = this.#live ? this.#parts.cards.delivered(this.topics) : this.#replay.reached
    return oldest ? Math.min(position, oldest.position - 1) : position
  }
  /** What it has told until now, which a hearing that takes over need not tell again. */
  get heard(): Heard {
    this.#parts.fence.settle()
    return { after: this.#since, upTo: this.#parts.cards.delivered(new Set()), messages: this.#messages }
  }
  hears(topic: Topic): boolean {
    return !this.#deaf && this.topics.has(topic) && !this.#muted.has(topic)
  }
  mute(topic: Topic): void {
    if (!this.hears(topic)) return
    this.#muted.add(topic)
    this.channel.silent(topic, 1)
    this.#inTurn(topic, () => {
      this.channel.unlisten(topic, this)
      this.#parts.seat.leave(this.channel.roomOf(topic))
    })
  }
  unmute(topic: Topic): void {
    if (this.#unsilence(topic)) this.#enter(topic)
  }
  /** Hears nothing more, and still counts as there. */
  deafen(): void {
    for (const topic of this.topics) this.mute(topic)
    this.#deaf = true
  }

  push(event: Event): void {
    if (!this.#muted.has(event.topic) && !this.#deaf) this.#tell(event)
  }
  tick(): void {
    this.#place?.quiet()
  }
  end(): void {
    this.close()
    this.#parts.onEnd()
  }
  telling(message: Message | null): void {
    if (this.#place) this.#place.telling(message)
    else {
      // A place that comes later counts on it.
      this.#parts.fence.writing()
      if (message) this.#note(message)
    }
  }
  told(messages: readonly Message[]): void {
    if (this.#place) this.#place.told(messages)
    else {
      this.#parts.fence.wrote()
      for (const message of messages) this.#note(message)
    }
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
      if (this.topics.has(topic)) return
      this.channel.unlisten(topic, this)
      if (this.#parts.elsewhere(this, topic)) return
      this.#parts.seat.leave(this.channel.roomOf(topic))
      this.channel.left(topic)
    })
    const id = conversationOf(topic)
    if (id !== null) this.#parts.cards.release(id)
  }

  #attach(): boolean {
    if (!this.#replay.feed?.attach(this)) return false
    this.#live = !this.#closed
    this.#replay.finish()
    this.#place?.caughtUp(this.#silent)
    return true
  }
  #tell(event: Event): void {
    const { wording, seat, heard } = this.#parts
    if (heard && isHeard(heard, event)) return
    const waiting = { position: event.position ?? 0 }
    this.#waiting.add(waiting)
    wording.tell(event, seat, this, () => this.#waiting.delete(waiting))
    this.#silent = false
  }

  /** The undecided socket is told a message of somebody else. */
  #note({ senderId, conversationId, seq }: Message): void {
    if (senderId === this.#parts.actor.userId) return
    const [first = seq] = this.#messages.get(conversationId) ?? []
    this.#messages.set(conversationId, [first, seq])
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
      wording.listen(topic, this)
      const id = conversationOf(topic)
      if (id !== null) wording.welcome(id, seat)
    })
  }
  #inTurn(topic: Topic, run: () => void): void {
    const id = conversationOf(topic)
    if (id === null) run()
    else this.#parts.cards.inTurn(id, run)
  }
}

function isHeard({ after, upTo, messages }: Heard, event: Event): boolean {
  const { position } = event
  if (position !== undefined) return position > after && position <= upTo
  if (event.name !== 'message.created') return false
  const { conversationId, seq } = event.payload.message
  const [first = Number.POSITIVE_INFINITY, last = 0] = messages.get(conversationId) ?? []
  return seq >= first && seq <= last
}
