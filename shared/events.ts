/**
 * Everything that can have happened: the one outward vocabulary. A durable event has a position in the log and is delivered
 * to everyone concerned even if they were away; an ephemeral one has none and reaches only those who are attached.
 * A payload is typed where the event is made, from input that was parsed; it is not parsed again, and never changes after that.
 */
import { z } from 'zod'
import {
  Conversation,
  Id,
  JsonObject,
  Lock,
  Member,
  MemberRole,
  Message,
  MessageType,
  Metadata,
  Profile,
  ReactionKind,
  Seq,
  Wishes,
} from './model.ts'

type Row = { kind: 'durable' | 'ephemeral'; topic: 'conversation' | 'user' | 'either'; payload: z.ZodType }

const conversationId = Id

export const events = {
  'user.updated': { kind: 'durable', topic: 'user', payload: z.object({ profile: Profile, active: z.boolean() }) },
  'conversation.created': {
    kind: 'durable',
    topic: 'conversation',
    payload: z.object({ conversation: Conversation, members: z.array(Member) }),
  },
  'conversation.updated': { kind: 'durable', topic: 'conversation', payload: z.object({ conversation: Conversation }) },
  /** For the actor's own devices: when they last looked at the conversation. */
  'conversation.viewed': {
    kind: 'durable',
    topic: 'user',
    payload: z.object({ conversationId, userId: Id, at: z.date() }),
  },
  /** For the actor's own devices: what they want of the conversation from now on, all of it. */
  'conversation.configured': {
    kind: 'durable',
    topic: 'user',
    payload: z.object({ conversationId, userId: Id, ...Wishes.shape }),
  },
  /** The first event of the conversation that the new members see. */
  'member.added': {
    kind: 'durable',
    topic: 'conversation',
    payload: z.object({ conversationId, members: z.array(Member) }),
  },
  'member.updated': {
    kind: 'durable',
    topic: 'conversation',
    payload: z.object({ conversationId, userId: Id, role: MemberRole }),
  },
  /** The last event of the conversation that the removed member sees. */
  'member.removed': {
    kind: 'durable',
    topic: 'conversation',
    payload: z.object({ conversationId, userId: Id, reason: z.enum(['left', 'removed']) }),
  },
  'message.created': { kind: 'durable', topic: 'conversation', payload: z.object({ message: Message }) },
  'message.updated': { kind: 'durable', topic: 'conversation', payload: z.object({ message: Message }) },
  'message.deleted': { kind: 'durable', topic: 'conversation', payload: z.object({ message: Message }) },
  /** `userId` gave a reaction (`on`) or took it back; `count` is how many of this kind the message has now. */
  'message.reacted': {
    kind: 'durable',
    topic: 'conversation',
    payload: z.object({
      conversationId,
      messageId: Id,
      userId: Id,
      reaction: ReactionKind,
      on: z.boolean(),
      count: z.number().int().min(0),
    }),
  },
  /** `userId` has received everything up to `seq`; before it was `fromSeq`. */
  'receipt.delivered': {
    kind: 'durable',
    topic: 'conversation',
    payload: z.object({ conversationId, userId: Id, fromSeq: Seq, seq: Seq, at: z.date() }),
  },
  /**
   * `userId` has read everything up to `seq`; `messageId` is the newest of it, `changed` how many from others were unread
   * before, `unread` what is left.
   */
  'receipt.read': {
    kind: 'durable',
    topic: 'conversation',
    payload: z.object({
      conversationId,
      userId: Id,
      fromSeq: Seq,
      seq: Seq,
      messageId: Id.nullable(),
      changed: z.number().int(),
      unread: z.number().int(),
      at: z.date(),
    }),
  },
  /** For the actor's own devices: their read mark went back from `fromSeq` to `seq`; `changed` are unread again, `unread` in all. */
  'receipt.unread': {
    kind: 'durable',
    topic: 'user',
    payload: z.object({
      conversationId,
      userId: Id,
      fromSeq: Seq,
      seq: Seq,
      changed: z.number().int(),
      unread: z.number().int(),
    }),
  },
  /** A new holding; renewing it is not told. It lasts `remainingMs` from the event's time unless renewed. */
  'lock.acquired': { kind: 'durable', topic: 'conversation', payload: Lock },
  /** Told once. `gone`: its holder (last connection, membership), or the message. */
  'lock.released': {
    kind: 'durable',
    topic: 'conversation',
    payload: Lock.omit({ remainingMs: true }).extend({ reason: z.enum(['released', 'expired', 'gone']) }),
  },
  /** Told to all but who types, when it begins and when it ends: by a stop, a message, silence, or their going. */
  'typing.changed': {
    kind: 'ephemeral',
    topic: 'conversation',
    payload: z.object({ conversationId, userId: Id, name: z.string(), typing: z.boolean() }),
  },
  /** Shown before the commit; followed by `message.created` with the same `clientId`, or by `message.failed`. */
  'message.accepted': {
    kind: 'ephemeral',
    topic: 'conversation',
    payload: z.object({
      conversationId,
      clientId: Id,
      sender: Profile.extend({ email: z.string().nullable() }),
      type: MessageType,
      content: z.string(),
      metadata: Metadata.nullable(),
      at: z.date(),
    }),
  },
  'message.failed': {
    kind: 'ephemeral',
    topic: 'conversation',
    payload: z.object({ conversationId, clientId: Id, senderId: Id, error: z.string() }),
  },
  /** Another connection of the same user arrived. */
  'connection.opened': {
    kind: 'ephemeral',
    topic: 'user',
    payload: z.object({ userId: Id, connectionId: Id, previousConnectionId: Id }),
  },
  'call.signaled': {
    kind: 'ephemeral',
    topic: 'user',
    payload: z.object({
      signal: z.enum(['offer', 'answer', 'ice-candidate', 'renegotiation-needed']),
      from: Id,
      to: Id,
      data: JsonObject(64_000),
    }),
  },
  /** An administrator tries the wires. */
  'admin.tested': {
    kind: 'ephemeral',
    topic: 'either',
    payload: z.object({ conversationId: Id.nullable(), message: z.string(), at: z.date() }),
  },
} as const satisfies Record<string, Row>

export type Events = typeof events
export type EventName = keyof Events
export type DurableName = { [E in EventName]: Events[E]['kind'] extends 'durable' ? E : never }[EventName]
export type EphemeralName = Exclude<EventName, DurableName>
export type Payload<E extends EventName> = z.output<Events[E]['payload']>
export type Topic = `user:${string}` | `conversation:${string}`

/** What every subscription yields. `origin` is the connection that caused it, so that a client can tell its own echo. */
export type Event<E extends EventName = EventName> = {
  [K in E]: {
    readonly name: K
    readonly topic: Topic
    readonly position?: K extends DurableName ? number : never
    readonly at: Date
    readonly actorId: string | null
    readonly origin: string | null
    readonly payload: Payload<K>
  }
}[E]

/** A stretch of the log for one reader: `cursor` is the place to go on from once `events` are taken. */
export interface Page {
  readonly cursor: string
  readonly events: readonly Event[]
}

/** A durable event as published: its position is there. */
export type Durable = Event<DurableName> & { readonly position: number }

export const isDurable = (event: Event): event is Durable => events[event.name].kind === 'durable'
