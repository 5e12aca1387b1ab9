/**
 * One way to word events, on this node: the channel that all its sockets share. An event is translated once and carried to
 * adapter rooms; a socket that is catching up, or comes while a message is on its way, is told alone. Adapter rooms bear the
 * name of the wording and the kind of the topic, so that no id that a client chose can reach another room.
 */
import type { Server } from 'socket.io'
import type { Event, Topic } from '../../../shared/events.ts'
import type { Channel } from '../../../shared/ports.ts'
import {
  type Audience,
  aboutConversation,
  type Card,
  drop,
  type Outbound,
  type Sent,
  translateConversation,
  translateOther,
} from '../../dialects/outbound.ts'
import type { Cards } from './cards.ts'
import { Seen } from './seen.ts'

/** One socket, as far as hearing goes. */
export interface Seat {
  /** Also the name of the adapter room that is this socket alone. */
  readonly id: string
  readonly userId: string
  readonly connectionId: string
  readonly connected: boolean
  emit(name: string, payload: unknown): void
  /** Rooms of the adapter. */
  has(room: string): boolean
  join(room: string): void
  leave(room: string): void
  /** Something that this socket caused has gone out. */
  spoke(): void
}

interface Parts {
  readonly name: string
  readonly outbound: Outbound
  readonly namespaces: readonly string[]
  readonly io: Server
  readonly cards: Cards
  /** The socket on this node whose connection this is. */
  readonly seatOf: (connectionId: string | null) => Seat | undefined
}

export class Wording implements Channel {
  readonly #parts: Parts
  readonly #seen = new Seen()
  readonly #silent = new Map<Topic, number>()

  constructor(parts: Parts) {
    this.#parts = parts
  }

  roomOf(topic: Topic): string {
    return `${this.#parts.name}|${topic.replace(':', '|')}`
  }

  push(event: Event, _cursor: string, except: ReadonlySet<string> | null): void {
    const { cards, outbound } = this.#parts
    cards.apply(event)
    if (outbound[event.name] === drop) return
    this.#translate(event, (audience, card) => this.#carry(event, audience, card, except), true)
  }

  /** Tells one socket what it has missed. */
  tell(event: Event, seat: Seat): void {
    if (this.#parts.outbound[event.name] === drop) return
    this.#translate(event, (audience) => this.#say(event, audience, seat), false)
  }

  /**
   * Shows a newcomer the messages that are on their way, so that it hears of no confirmation without them. At once, not in
   * turn: the confirmations may be waiting behind the newcomer.
   */
  welcome(conversationId: string, seat: Seat): void {
    const card = this.#parts.cards.get(conversationId)
    if (!card) return
    for (const event of this.#seen.pending(conversationId)) {
      const scene = { at: event.at, actorId: event.actorId, origin: event.origin, card, shown: event.payload }
      this.#say(event, translateConversation(this.#parts.outbound, event, scene), seat)
    }
  }

  /** Sockets that follow a topic, in the core's eyes, but have left its room. */
  silentOn(topic: Topic): number {
    return this.#silent.get(topic) ?? 0
  }
  silent(topic: Topic, change: 1 | -1): void {
    const count = this.silentOn(topic) + change
    if (count > 0) this.#silent.set(topic, count)
    else this.#silent.delete(topic)
  }

  /** Somebody has left a topic. */
  left(topic: Topic): void {
    const { namespaces, io } = this.#parts
    const room = this.roomOf(topic)
    // Without a listener the channel hears nothing either, so what was on its way would stay so for ever.
    if (!namespaces.some((name) => io.of(name).adapter.rooms.has(room))) this.#seen.forget(conversationOf(topic))
  }

  #translate(event: Event, use: (audience: Audience, card: Card | null) => void, live: boolean): void {
    const { cards, outbound } = this.#parts
    if (!aboutConversation(event)) {
      use(translateOther(outbound, event), null)
      return
    }
    const { at, actorId, origin } = event
    cards.withCard(conversationOf(event.topic), senderOf(event), (card) => {
      const shown = live ? this.#seen.meet(event) : null
      use(translateConversation(outbound, event, { at, actorId, origin, card, shown }), card)
    })
  }

  #carry(event: Event, audience: Audience, card: Card | null, except: ReadonlySet<string> | null): void {
    const deaf = [...(except ?? [])].map((userId) => this.roomOf(`user:${userId}`))
    const topic = this.roomOf(event.topic)
    const origin = this.#parts.seatOf(event.origin)
    for (const [to, emits, userId] of audiences(audience)) {
      switch (to) {
        case 'all':
          this.#emit(emits, [topic], deaf)
          break
        case 'rest':
          this.#emit(emits, [topic], origin ? [origin.id, ...deaf] : deaf)
          break
        case 'others':
          this.#emit(emits, [topic], event.actorId === null ? deaf : [this.roomOf(`user:${event.actorId}`), ...deaf])
          break
        case 'members':
          this.#emit(emits, [topic, ...[...(card?.members.keys() ?? [])].map((id) => this.roomOf(`user:${id}`))], deaf)
          break
        case 'users':
          // Who has left the conversation hears nothing more of it.
          if (!card || card.members.has(userId)) this.#emit(emits, [this.roomOf(`user:${userId}`)], deaf)
          break
        case 'origin':
          if (origin?.has(topic)) for (const [name, payload] of emits) origin.emit(name, payload)
      }
    }
    origin?.spoke()
  }

  #emit(emits: readonly Sent[], rooms: string[], except: string[]): void {
    if (emits.length === 0) return
    for (const namespace of this.#parts.namespaces) {
      const nsp = this.#parts.io.of(namespace)
      // Encoding comes before the adapter looks for sockets: do not encode for nobody.
      if (!rooms.some((room) => nsp.adapter.rooms.has(room))) continue
      const operator = nsp.local.to(rooms).except(except)
      for (const [name, payload] of emits) operator.emit(name, payload)
    }
  }

  #say(event: Event, audience: Audience, seat: Seat): void {
    for (const [to, emits, userId] of audiences(audience)) {
      if (to === 'users' && userId !== seat.userId) continue
      if (to === 'origin' && event.origin !== seat.connectionId) continue
      if (to === 'rest' && event.origin === seat.connectionId) continue
      if (to === 'others' && event.actorId === seat.userId) continue
      for (const [name, payload] of emits) seat.emit(name, payload)
    }
  }
}

type Part = readonly [to: keyof Audience, emits: readonly Sent[], userId: string]
const NAMES = new Set<string>(['all', 'rest', 'origin', 'others', 'members', 'users'] satisfies (keyof Audience)[])
const isName = (key: string): key is keyof Audience => NAMES.has(key)

/** In the order in which the mapper wrote them; `users` one by one. */
function audiences(audience: Audience): Part[] {
  return Object.keys(audience).flatMap((to): Part[] => {
    if (!isName(to)) return []
    if (to !== 'users') return [[to, audience[to] ?? [], '']]
    return Object.entries(audience.users ?? {}).map(([userId, emits]) => ['users', emits, userId])
  })
}

const conversationOf = (topic: Topic) => topic.slice('conversation:'.length)
/** Whose profile the words will name. */
const senderOf = (event: Event) => (event.name === 'message.created' ? event.payload.message.senderId : null)
