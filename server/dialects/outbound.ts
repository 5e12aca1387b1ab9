/**
 * The outward half of a dialect: each event of the contract becomes wire events for an audience. The table has one entry for
 * every event there is, so an event is dropped on purpose or the build breaks. Mappers are pure.
 */
import type { z } from 'zod'
import { type Event, type EventName, type Events, events, type Payload } from '../../shared/events.ts'
import type { Conversation, Member, Message, Profile } from '../../shared/model.ts'

/** The wire events a dialect may emit: name to the schema of its one payload. */
export type Wire = Readonly<Record<string, z.ZodType>>
export type Emit<W extends Wire> = { [K in keyof W & string]: readonly [name: K, payload: z.input<W[K]>] }[keyof W &
  string]
/** Any wire's emit, its types worn off. */
export type Sent = readonly [name: string, payload: unknown]
/** A conversation as mappers see it, true at the event that is being translated; later for one that waited for the card. */
export interface Card {
  readonly conversation: Conversation
  /** The first hundred. */
  readonly members: ReadonlyMap<string, Member>
  readonly memberCount: number
  readonly lastMessage: Message | null
  readonly profile: (userId: string) => Profile
}

/** Who hears it. Audiences are served in the order in which they are written. */
export interface Audience<E extends Sent = Sent> {
  /** What it is about, for sockets that want none of some kinds. */
  readonly kind?: string
  /** Everyone who follows the topic. */
  readonly all?: readonly E[]
  /** All but the connection that caused the event. */
  readonly rest?: readonly E[]
  /** Only the connection that caused it. */
  readonly origin?: readonly E[]
  /** All but the actor's own connections. */
  readonly others?: readonly E[]
  /** Every member of the conversation, whether or not the socket hears the conversation itself. */
  readonly members?: readonly E[]
  /** By user: these alone, each on all their sockets; members of the conversation, if the event is about one. */
  readonly users?: Readonly<Record<string, readonly E[]>>
}

/** What each sender is told of their own of these messages. */
export function toSenders<E extends Sent, T extends { readonly senderId: string }>(
  messages: readonly T[],
  words: (own: readonly T[]) => readonly E[],
): Audience<E> {
  const senders = new Set(messages.map(({ senderId }) => senderId))
  return {
    users: Object.fromEntries(
      [...senders].map((sender) => [sender, words(messages.filter(({ senderId }) => senderId === sender))]),
    ),
  }
}

export interface Scene {
  readonly at: Date
  readonly actorId: string | null
  readonly origin: string | null
}
export interface ConversationScene extends Scene {
  readonly card: Card
  /** The optimistic form of this message, if this node has shown it in this wording. */
  readonly shown: Payload<'message.accepted'> | null
}

export type ConversationName = { [E in EventName]: Events[E]['topic'] extends 'conversation' ? E : never }[EventName]
type OtherName = Exclude<EventName, ConversationName>
export type Outbound<S extends Sent = Sent> = {
  readonly [E in ConversationName]: (payload: Payload<E>, scene: ConversationScene) => Audience<S>
} & { readonly [E in OtherName]: (payload: Payload<E>, scene: Scene) => Audience<S> }

/** An event that this wire has no word for. */
export const drop = (): Record<string, never> => ({})
type Noun = EventName extends `${infer N}.${string}` ? N : never
type Verb<N extends Noun> = EventName extends infer E ? (E extends `${N}.${infer V}` ? V : never) : never
type Nouns = { readonly [N in Noun]?: readonly Verb<N>[] }
type NamesOf<D extends Nouns> = {
  [N in keyof D & Noun]: D[N] extends readonly (infer V extends string)[] ? `${N}.${V}` : never
}[keyof D & Noun]
/** Many of them, by noun. Last in a table, so that one that has a word after all does not compile. */
export function dropped<const D extends Nouns>(nouns: D) {
  const names = Object.entries<readonly string[]>(nouns).flatMap(([noun, verbs]) =>
    verbs.map((verb) => `${noun}.${verb}`),
  )
  // Object.fromEntries forgets which names it was given.
  return Object.fromEntries(names.map((name) => [name, drop])) as { readonly [E in NamesOf<D>]: typeof drop }
}

export const aboutConversation = (event: Event): event is Event<ConversationName> =>
  events[event.name].topic === 'conversation'

export function translateOther<E extends OtherName>(
  table: { readonly [K in E]: (payload: Payload<K>, scene: Scene) => Audience },
  event: { readonly name: E; readonly payload: Payload<E> } & Scene,
): Audience {
  return table[event.name](event.payload, event)
}
export function translateConversation<E extends ConversationName>(
  table: { readonly [K in E]: (payload: Payload<K>, scene: ConversationScene) => Audience },
  event: { readonly name: E; readonly payload: Payload<E> },
  scene: ConversationScene,
): Audience {
  return table[event.name](event.payload, scene)
}
