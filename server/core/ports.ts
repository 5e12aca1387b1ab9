/**
 * What the core asks of the world outside it: a store that remembers, a broker that rings. Each member states its law;
 * one contract test runs on every implementation.
 */
import type { Durable, DurableName, Event, Payload, Topic } from '../../shared/events.ts'
import type {
  Conversation,
  ConversationDetail,
  ConversationKind,
  ConversationSummary,
  Lock,
  Member,
  MemberRole,
  Message,
  Profile,
  User,
  Version,
  Wishes,
} from '../../shared/model.ts'

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

export interface SendDraft {
  readonly id: string
  readonly conversationId: string
  readonly senderId: string
  readonly clientId: string
  readonly type: Message['type']
  readonly content: string
  readonly metadata: Message['metadata']
  readonly replyTo: string | null
  readonly origin: string | null
}

/** `position` is null when `clientId` was known: `message` is then the first one's present state. */
export interface Sent {
  readonly message: Message
  readonly position: number | null
}

/** What a policy needs to know of somebody in a conversation. */
export interface Standing {
  readonly kind: ConversationKind
  readonly role: MemberRole
  /** Messages up to this seq were written before the member (last) joined. */
  readonly joinedSeq: number
  readonly historyVisible: boolean
}

export interface SummaryPage {
  readonly conversations: ConversationSummary[]
  readonly next: string | null
}

/** All that is given must match; `overdue`: those whose time is over. */
export interface LockFilter {
  readonly messageId?: string
  readonly conversationId?: string
  readonly holderIds?: readonly string[]
  readonly token?: number
  readonly overdue?: true
}
export type EndedLock = Omit<Lock, 'remainingMs'>

/** Reading. Each call is one statement and sees only what is committed (inside a write: that, and the write itself). */
export interface Reads {
  readonly users: {
    get(id: string): Promise<User | null>
    /** Those that exist, in no order. */
    existing(ids: readonly string[]): Promise<User[]>
    /** The first of `ids` that exists. */
    first(ids: readonly string[]): Promise<User | null>
  }
  readonly conversations: {
    get(id: string): Promise<Conversation | null>
    direct(a: string, b: string): Promise<Conversation | null>
    detail(id: string, forUser: string): Promise<ConversationDetail | null>
    /** Newest activity first, keyset pages. INVALID_INPUT for an `after` that no page gave. */
    list(
      userId: string,
      page: {
        after?: string | undefined
        limit: number
        kind?: ConversationKind | undefined
        /** Only what the user has archived, or only the rest. */
        archived?: boolean | undefined
      },
    ): Promise<SummaryPage>
  }
  readonly members: {
    /** Null when not a member now (or there is no such conversation). */
    standing(conversationId: string, userId: string): Promise<Standing | null>
    list(conversationId: string, userIds: readonly string[]): Promise<Member[]>
    /** Who owns the conversation without this user: another owner, else the admin, else the member who joined first. */
    heir(conversationId: string, userId: string): Promise<{ userId: string; role: MemberRole } | null>
    /** Whether somebody is a member for whom what is at `seq` is hidden, because they joined later. */
    latecomers(conversationId: string, seq: number): Promise<boolean>
  }
  readonly messages: {
    get(id: string): Promise<Message | null>
    byClientId(conversationId: string, senderId: string, clientId: string): Promise<Message | null>
    /** In order of seq; at most `limit` with `fromSeq <= seq <= toSeq`, the last ones if `newest`. */
    range(
      conversationId: string,
      range: { fromSeq: number; toSeq: number; limit: number; newest: boolean },
    ): Promise<Message[]>
    /** What a message said before its edits, by rising version, beyond `after`; nothing once it is deleted. */
    versions(id: string, after: number, limit: number): Promise<Version[]>
    /** From others, oldest first, in conversations of which the user is a member. */
    missed(userId: string, since: Date, limit: number): Promise<Message[]>
  }
  readonly receipts: {
    /** Members to whom the message is delivered, by user id; not its sender, nor who joined after it. Keyset pages. */
    readers(
      message: Pick<Message, 'conversationId' | 'seq' | 'senderId'>,
      page: { after?: string | undefined; limit: number },
    ): Promise<{ readers: { userId: string; profile: Profile; read: boolean }[]; next: string | null }>
    /**
     * Every member of the next `limit` conversations in order of id: how many, and for how many the unread of the subtraction
     * is not that of counting the messages, or not `0 <= read <= delivered <= last`.
     */
    audit(page: {
      after?: string | undefined
      limit: number
    }): Promise<{ checked: number; drift: number; next: string | null }>
  }
  readonly locks: {
    /** Who holds the lock on a message now; null if nobody does, or for too long. */
    get(messageId: string): Promise<Lock | null>
    /** Held now, of messages with `seq >= fromSeq`, in order of seq. */
    list(conversationId: string, fromSeq: number, limit: number): Promise<Lock[]>
    /** Which of these users hold a lock whose end is not announced. */
    holding(userIds: readonly string[]): Promise<string[]>
    /** Milliseconds until the next lock is overdue, 0 if one is; null if none is held. */
    nextExpiry(): Promise<number | null>
  }
  /** One statement: `position` is exactly as old as the page. */
  snapshot(userId: string, limit: number): Promise<SummaryPage & { position: number }>
  stats(): Promise<{ users: number; conversations: number; messages: number; position: number }>
}

/**
 * One write. Lock order, without exception: users, conversations (in order of id), members, messages, the rest, the log.
 * So a write first says `lock`, then reads what it decides on, then changes, then appends its events.
 */
export interface Tx extends Reads {
  /** Locks these conversations until the commit. Unknown ids are passed over. Call it once, before any change. */
  lock(conversationIds: readonly string[]): Promise<void>
  upsertUser(
    user: { id: string } & Partial<Omit<User, 'id' | 'createdAt' | 'updatedAt'>>,
  ): Promise<{ user: User; changed: boolean }>
  /** Null when the id, or for a direct conversation its pair, is taken (also by a write that is still running: it waits). */
  createConversation(conversation: {
    id: string
    kind: ConversationKind
    title: string | null
    context: Conversation['context']
    historyVisible: boolean
    joinPolicy: Conversation['joinPolicy']
    createdBy: string
    pair: readonly [string, string] | null
  }): Promise<Conversation | null>
  updateConversation(
    id: string,
    change: Partial<Pick<Conversation, 'title' | 'context' | 'historyVisible' | 'joinPolicy'>>,
  ): Promise<Conversation>
  /** Those who were not members; they see the log from the event that reports them (`conversation.created` or `member.added`). */
  addMembers(conversationId: string, userIds: readonly string[], role: MemberRole): Promise<Member[]>
  /** False if not a member. They see the log up to and including the `member.removed` that reports it. */
  removeMember(conversationId: string, userId: string): Promise<boolean>
  setRole(conversationId: string, userId: string, role: MemberRole): Promise<void>
  view(conversationId: string, userId: string): Promise<Date>
  /** Sets what is given of a member's own wishes. FORBIDDEN if not a member. */
  configure(
    conversationId: string,
    userId: string,
    change: { readonly [K in keyof Wishes]?: Wishes[K] | undefined },
  ): Promise<{ wishes: Wishes; changed: boolean }>
  /** Moves a receipt forward, never back nor beyond the end. Reading also delivers. Null if nothing moved. */
  advance(
    receipt: 'delivered' | 'read',
    conversationId: string,
    userId: string,
    seq: number,
  ): Promise<{
    fromSeq: number
    seq: number
    changed: number
    unread: number
    messageId: string | null
    at: Date
  } | null>
  /**
   * Moves the read mark back to just before `seq`, never forward nor to before the member joined; the delivered mark stays.
   * Null if nothing moved.
   */
  retreat(
    conversationId: string,
    userId: string,
    seq: number,
  ): Promise<{ fromSeq: number; seq: number; changed: number; unread: number } | null>
  /** Stores a message in a locked conversation and gives it its seq; the caller checks membership and appends the event. */
  createMessage(draft: SendDraft): Promise<Message>
  /** Keeps what it said before as a version. Its conversation is locked. NOT_FOUND if it is deleted. */
  editMessage(id: string, content: string): Promise<Message>
  /** Soft: the row stays; its content and metadata, every version of it and its reactions go. */
  deleteMessage(id: string, by: string): Promise<Message>
  /**
   * Takes the lock on a message of a locked conversation for so long, or renews the holder's own under the same token. Nothing
   * changes while another user holds it: `holderId` is then theirs. `isNew`: a new holding, with a token above all before.
   * `overdue`: whose holding ended by this without having been announced; the caller appends both events.
   */
  takeLock(wish: { messageId: string; conversationId: string; holderId: string; forMs: number }): Promise<{
    holderId: string
    token: number
    remainingMs: number
    isNew: boolean
    overdue: string | null
  }>
  /** What remains, ms; null if this holding has ended or is overdue. */
  renewLock(lock: { messageId: string; holderId: string; token: number; forMs: number }): Promise<number | null>
  /**
   * Ends what is held and matches, at most `limit` (500), and gives what ended: each holding once, whichever nodes ask. The
   * caller appends the events. Needs no conversation locked.
   */
  endLocks(which: LockFilter, limit?: number): Promise<EndedLock[]>
  /** Gives a reaction or takes it back, in a locked conversation. `count`: how many of this kind the message has then. */
  react(messageId: string, userId: string, reaction: string, on: boolean): Promise<{ changed: boolean; count: number }>
  /** Events get their positions at the commit, in this order. */
  append(event: EventDraft): void
}

/** Whose log is read. Null: everything (the server's own parts). */
export type Reader = { readonly userId: string; readonly conversationId?: string } | null

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

export interface Store {
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
