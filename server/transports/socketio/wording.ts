/**
 * One way to word events, on this node: the channel that all its sockets share. An event is translated once and carried to
 * adapter rooms; a socket that is catching up, or comes while a message is on its way, is told alone. Adapter rooms bear the
 * name of the wording and the kind of the topic, so that no id that a client chose can reach another room.
 */
import type { Server } from 'socket.io'
import { type Event, isDurable, type Topic } from '../../../shared/events.ts'
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
import { type Cards, senderOf } from './cards.ts'
import { Flow, type Ledger, type Listener } from './flow.ts'
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
  readonly ledger: Ledger
  /** The socket on this node whose connection this is. */
  readonly seatOf: (connectionId: string | null) => Seat | undefined
}

export class Wording implements Channel {
  readonly #parts: Parts
  readonly #seen = new Seen()
  readonly #silent = new Map<Topic, number>()
  /** By adapter room. */
  readonly #flows = new Map<string, Flow>()

  constructor(parts: Parts) {
    this.#parts = parts
  }

  get name(): string {
    return this.#parts.name
  }
  /** Whether it has words for new messages. */
  get tellsMessages(): boolean {
    return this.#parts.outbound['message.created'] !== drop
  }
  /** In how many namespaces it is heard. */
  get namespaces(): number {
    return this.#parts.namespaces.length
  }
  listen(topic: Topic, listener: Listener): void {
    const room = this.roomOf(topic)
    const flow = this.#flows.get(room) ?? new Flow(this.#parts.ledger)
    this.#flows.set(room, flow)
    flow.add(listener)
  }
  unlisten(topic: Topic, listener: Listener): void {
    const room = this.roomOf(topic)
    const flow = this.#flows.get(room)
    flow?.delete(listener)
    if (flow?.empty) this.#flows.delete(room)
  }

  roomOf(topic: Topic): string {
    return `${this.#parts.name}|${topic.replace(':', '|')}`
  }

  push(event: Event, _cursor: string, except: ReadonlySet<string> | null): void {
    const { cards, outbound } = this.#parts
    cards.apply(event)
    if (outbound[event.name] === drop) return
    this.#translate(
      event,
      (audience, card) => {
        if (audience) this.#carry(event, audience, card, except)
      },
      true,
    )
  }

  /** Tells one socket what it has missed; `done` once that is written, or cannot be. */
  tell(event: Event, seat: Seat, listener: Listener, done: () => void): void {
    if (this.#parts.outbound[event.name] === drop) {
      done()
      return
    }
    this.#translate(
      event,
      (audience) => {
        if (audience) {
          listener.telling(messageOf(event))
          this.#say(event, audience, seat)
        }
        done()
      },
      false,
    )
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
    if (!namespaces.some((name) => io.of(name).adapter.rooms.has(room))) this.#seen.forget(idOf(topic))
  }

  /** Without an audience if the conversation cannot be had. */
  #translate(event: Event, use: (audience: Audience | null, card: Card | null) => void, live: boolean): void {
    const { cards, outbound } = this.#parts
    if (!aboutConversation(event)) {
      cards.attempt(() =>
        settle(
          () => translateOther(outbound, event),
          (audience) => use(audience, null),
        ),
      )
      return
    }
    const { at, actorId, origin } = event
    cards.withCard(idOf(event.topic), senderOf(event), (card) => {
      const shown = live ? this.#seen.meet(event) : null
      settle(
        () => (card ? translateConversation(outbound, event, { at, actorId, origin, card, shown }) : null),
        (audience) => use(audience, card ?? null),
      )
    })
  }

  #carry(event: Event, audience: Audience, card: Card | null, except: ReadonlySet<string> | null): void {
    const deaf = [...(except ?? [])].map((userId) => this.roomOf(`user:${userId}`))
    if (audience.kind !== undefined) deaf.push(refusalOf(audience.kind))
    const topic = this.roomOf(event.topic)
    const origin = this.#parts.seatOf(event.origin)
    const account = this.#accountant(event, topic)
    const emit = (emits: readonly Sent[], rooms: string[], except: string[]) => {
      if (emits.length === 0) return
      account(rooms)
      this.#emit(emits, rooms, except)
    }
    for (const [to, emits, userId] of audiences(audience)) {
      switch (to) {
        case 'all':
          emit(emits, [topic], deaf)
          break
        case 'rest':
          emit(emits, [topic], origin ? [origin.id, ...deaf] : deaf)
          break
        case 'others':
          emit(emits, [topic], event.actorId === null ? deaf : [this.roomOf(`user:${event.actorId}`), ...deaf])
          break
        case 'members':
          emit(emits, [topic, ...[...(card?.members.keys() ?? [])].map((id) => this.roomOf(`user:${id}`))], deaf)
          break
        case 'users':
          // Who has left the conversation hears nothing more of it.
          if (!card || card.members.has(userId)) emit(emits, [this.roomOf(`user:${userId}`)], deaf)
          break
        case 'origin':
          if (!origin?.has(topic)) break
          account([topic])
          for (const [name, payload] of emits) origin.emit(name, payload)
      }
    }
    origin?.spoke()
  }

  /** To be told of rooms before an event is written there, counts it once in each; of what is not durable nobody keeps account. */
  #accountant(event: Event, topic: string): (rooms: readonly string[]) => void {
    if (!isDurable(event)) return () => {}
    const message = messageOf(event)
    const knowing = new Set<string>()
    return (rooms) => {
      for (const room of rooms) {
        if (knowing.has(room)) continue
        knowing.add(room)
        this.#flows.get(room)?.writing(room === topic ? message : null)
      }
    }
  }
  #emit(emits: readonly Sent[], rooms: string[], except: string[]): void {
    for (const namespace of this.#parts.namespaces) {
      const nsp = this.#parts.io.of(namespace)
      // Encoding comes before the adapter looks for sockets: do not encode for nobody.
      if (!rooms.some((room) => nsp.adapter.rooms.has(room))) continue
      const operator = nsp.local.to(rooms).except(except)
      for (const [name, payload] of emits) operator.emit(name, payload)
    }
  }

  #say(event: Event, audience: Audience, seat: Seat): void {
    if (audience.kind !== undefined && seat.has(refusalOf(audience.kind))) return
    for (const [to, emits, userId] of audiences(audience)) {
      if (to === 'users' && userId !== seat.userId) continue
      if (to === 'origin' && event.origin !== seat.connectionId) continue
      if (to === 'rest' && event.origin === seat.connectionId) continue
      if (to === 'others' && event.actorId === seat.userId) continue
      for (const [name, payload] of emits) seat.emit(name, payload)
    }
  }
}

/** The room of the sockets that want none of a kind. */
export const refusalOf = (kind: string): string => `refused|${kind}`

type Name = Exclude<keyof Audience, 'kind'>
type Part = readonly [to: Name, emits: readonly Sent[], userId: string]
const NAMES = new Set<string>(['all', 'rest', 'origin', 'others', 'members', 'users'] satisfies Name[])
const isName = (key: string): key is Name => NAMES.has(key)

/** In the order in which the mapper wrote them; `users` one by one. */
function audiences(audience: Audience): Part[] {
  return Object.keys(audience).flatMap((to): Part[] => {
    if (!isName(to)) return []
    if (to !== 'users') return [[to, audience[to] ?? [], '']]
    return Object.entries(audience.users ?? {}).map(([userId, emits]) => ['users', emits, userId])
  })
}

const messageOf = (event: Event) => (event.name === 'message.created' ? event.payload.message : null)
/** Of a topic that is a conversation. */
const idOf = (topic: Topic) => topic.slice('conversation:'.length)
/** Uses what is made, or nothing if that fails, which is still a failure. */
function settle<T>(make: () => T | null, use: (made: T | null) => void): void {
  let made: T | null = null
  try {
    made = make()
  } finally {
    use(made)
  }
}
