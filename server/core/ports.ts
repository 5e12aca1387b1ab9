/**
 * What the core asks of the world outside it: a store that remembers, a broker that rings. Each member states its law;
 * one contract test runs on every implementation.
 */
import type { Durable, DurableName, Event, Payload, Topic } from '../../shared/events.ts'
import type { AccountReads, AccountWrites } from './ports/account.ts'
import type { AdminReads } from './ports/admin.ts'
import type { BlockReads, BlockWrites } from './ports/block.ts'
import type {
  ConversationReads,
  ConversationWrites,
  MemberReads,
  MemberWrites,
  SummaryPage,
} from './ports/conversation.ts'
import type { CursorReads, CursorWrites } from './ports/cursor.ts'
import type { LockReads, LockWrites } from './ports/lock.ts'
import type { MessageReads, MessageWrites, SendDraft, Sent } from './ports/message.ts'
import type { NotificationReads, NotificationWrites } from './ports/notification.ts'
import type { PresenceNews, PresenceReads, PresenceWrites } from './ports/presence.ts'
import type { QueueReads } from './ports/queue.ts'
import type { ReceiptReads, ReceiptWrites } from './ports/receipt.ts'
import type { ScheduleReads, ScheduleWrites } from './ports/schedule.ts'
import type { SearchIndex, SearchReads } from './ports/search.ts'
import type { UserReads, UserWrites } from './ports/user.ts'

export type * from './ports/account.ts'
export type * from './ports/admin.ts'
export type * from './ports/block.ts'
export type * from './ports/conversation.ts'
export type * from './ports/cursor.ts'
export type * from './ports/lock.ts'
export type * from './ports/message.ts'
export type * from './ports/notification.ts'
export type * from './ports/presence.ts'
export type * from './ports/queue.ts'
export type * from './ports/receipt.ts'
export type * from './ports/schedule.ts'
export type * from './ports/search.ts'
export type * from './ports/user.ts'

/** A durable event before the commit gives it its position and time. */
export type EventDraft<E extends DurableName = DurableName> = {
  [K in E]: {
    readonly name: K
    readonly topic: Topic
    readonly actorId: string | null
    readonly origin: string | null
    readonly payload: Payload<K>
  }
}[E]

/** Reading. Each call is one statement and sees only what is committed (inside a write: that, and the write itself). */
export interface Reads {
  readonly users: UserReads
  readonly accounts: AccountReads
  readonly conversations: ConversationReads
  readonly members: MemberReads
  readonly messages: MessageReads
  readonly receipts: ReceiptReads
  readonly locks: LockReads
  readonly searches: SearchReads
  readonly admin: AdminReads
  readonly blocks: BlockReads
  readonly notifications: NotificationReads
  readonly schedules: ScheduleReads
  readonly presence: PresenceReads
  readonly queue: QueueReads
  readonly cursors: CursorReads
  /** One statement: `position` is exactly as old as the page. */
  snapshot(userId: string, limit: number): Promise<SummaryPage & { position: number }>
  stats(): Promise<{ users: number; conversations: number; messages: number; position: number }>
}

/**
 * One write. Lock order, without exception: users, conversations (in order of id), members, messages, the rest, the log.
 * So a write first says `lock`, then reads what it decides on, then changes, then appends its events.
 */
export interface Tx
  extends Reads,
    UserWrites,
    AccountWrites,
    ConversationWrites,
    MemberWrites,
    MessageWrites,
    ReceiptWrites,
    LockWrites,
    BlockWrites,
    ScheduleWrites,
    CursorWrites,
    PresenceWrites,
    NotificationWrites {
  /** Events get their positions at the commit, in this order. */
  append(event: EventDraft): void
}

/** Whose log is read. `only`: of the user's own topic, or of one conversation. Null: everything (the server's own parts). */
export type Reader = { readonly userId: string; readonly only?: 'own' | { readonly conversationId: string } } | null

export interface Log {
  /** Position of the last event and of the last one that was pruned; 0 when there is none. */
  tail(): Promise<{ position: number; floor: number }>
  /** What a reader may see beyond `after`, by membership intervals, in order; complete up to `upTo`. RESET as in `check`. */
  page(reader: Reader, after: number, limit: number): Promise<{ events: Durable[]; upTo: number }>
  /** Conversations that the user was a member of just after `position`. */
  memberships(userId: string, position: number): Promise<string[]>
  /** Forgets events older than `before`, in batches; the last event always stays. Gives the new floor. */
  prune(before: Date): Promise<number>
}

export interface Store extends SearchIndex {
  /** Names this history of the log; another database, or a restored one, has another. */
  readonly epoch: string
  readonly reads: Reads
  readonly log: Log
  /**
   * Durable when it resolves. Sends of one sender to one conversation keep their order. Refuses with FORBIDDEN (not a member),
   * NOT_FOUND (conversation, or the message replied to: not there or not to be seen by the sender), OVERLOADED (queue full),
   * UNAVAILABLE. A draft in doubt (connection lost while committing) is sent again by itself: `clientId` makes that safe.
   */
  send(draft: SendDraft): Promise<Sent>
  /** Sends waiting or in flight. */
  readonly queued: number
  /** One transaction; its events are durable and have positions when it resolves. Thrown errors roll back. */
  write<T>(run: (tx: Tx) => Promise<T>): Promise<{ result: T; events: Durable[] }>
  /** Forgets notifications that were read before then, in batches, and broadcasts that were done; gives how many of the first. */
  forgetNotifications(before: Date): Promise<number>
  /** Throws UNAVAILABLE unless the database answers. */
  ping(): Promise<void>
  /** Waits for writes in flight. */
  close(): Promise<void>
}

/** What nodes share. A ring may be lost, late or doubled; nobody may depend on it for more than speed. */
export interface Broker {
  /** Says that the log now reaches `position`. Never throws, never waits. */
  ring(position: number): void
  onRing(listener: (position: number) => void): () => void
  /** Carries an ephemeral event to the other nodes, at most once. */
  cast(event: Event): void
  onCast(listener: (event: Event) => void): () => void
  /** Tells the other nodes of presence: at most once, what one node says in its order. Never throws, never waits. */
  share(news: PresenceNews): void
  onShare(listener: (news: PresenceNews) => void): () => void
  /** Throws if the nodes cannot hear each other now. */
  ping(): Promise<void>
  close(): Promise<void>
}

/** The parts of the world that tests replace. */
export interface World {
  now(): number
  /** 24 hex digits, rising with time. */
  newId(): string
}
