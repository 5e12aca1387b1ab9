/**
 * The tables. Drizzle makes the migrations and the row types from this page; the statements are written by hand beside
 * the noun they serve (columns.ts takes their columns and types from here). Ids are text, `collate "C"`: opaque, compared
 * by bytes. Times have milliseconds, as a Date has, so that a time read is the time compared. int8 is read as a number.
 * A send only inserts: the end of a conversation and the count of a sender are found by index, not kept in a row. Rows that
 * every send updates would leave a dead version each, and a snapshot held open (a backup) would make all sends slower by it.
 * A probe of a send or of the log has exactly one index that can serve it (hence indexes on expressions, and a predicate that
 * is always true): a plan may be made while the tables are empty, and any prefix of any index then looks as good.
 * `messages` and `events` have no foreign keys on purpose: only append_messages and append_events insert there, they hold
 * the lock on the conversation, and a check by row would cost the batch a third of its rate.
 */
import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  check,
  customType,
  index,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
  unique,
  uniqueIndex,
} from 'drizzle-orm/pg-core'
import type { Conversation, MemberRole, Message, Notification, Status } from '../../shared/model.ts'

const id = customType<{ data: string }>({ dataType: () => 'text collate "C"' })
const at = (name: string) => timestamp(name, { withTimezone: true, precision: 3 })
/** Lexemes for full-text search. */
const tsvector = customType<{ data: string }>({ dataType: () => 'tsvector' })
const int8 = (name: string) => bigint(name, { mode: 'number' })

export const users = pgTable('users', {
  id: id('id').primaryKey(),
  name: text('name').notNull(),
  role: text('role').notNull().default('user'),
  email: text('email'),
  avatar: text('avatar'),
  schoolId: id('school_id'),
  classIds: jsonb('class_ids').$type<string[]>().notNull().default([]),
  active: boolean('active').notNull().default(true),
  /** What they have chosen to appear as while connected; a custom status counts until it expires. */
  status: text('status').$type<Status>().notNull().default('online'),
  statusMessage: text('status_message'),
  statusEmoji: text('status_emoji'),
  statusExpiresAt: at('status_expires_at'),
  /** When their last connection went. */
  lastSeenAt: at('last_seen_at'),
  /** Types of notifications that they do not want. */
  mutedTypes: jsonb('muted_types').$type<Notification['type'][]>().notNull().default([]),
  /** Tokens issued up to then are refused. */
  tokensAfter: at('tokens_after'),
  createdAt: at('created_at').notNull().default(sql`clock_timestamp()`),
  updatedAt: at('updated_at').notNull().default(sql`clock_timestamp()`),
})

export const conversations = pgTable('conversations', {
  id: id('id').primaryKey(),
  kind: text('kind').$type<Conversation['kind']>().notNull(),
  /** The two members of a direct conversation, sorted; serves conversations.direct and makes find-or-create atomic. */
  pair: id('pair').unique(),
  title: text('title'),
  context: jsonb('context').$type<Conversation['context']>(),
  joinPolicy: text('join_policy').$type<Conversation['joinPolicy']>().notNull(),
  historyVisible: boolean('history_visible').notNull(),
  createdBy: id('created_by').notNull(),
  /** Direct: one of the two has blocked the other, so nothing can be sent (see `blocks`). */
  blocked: boolean('blocked').notNull().default(false),
  createdAt: at('created_at').notNull().default(sql`clock_timestamp()`),
  updatedAt: at('updated_at').notNull().default(sql`clock_timestamp()`),
})

/** One row for everybody who ever was a member; `left_at` is null while they are. */
export const members = pgTable(
  'members',
  {
    conversationId: id('conversation_id')
      .notNull()
      .references(() => conversations.id),
    userId: id('user_id')
      .notNull()
      .references(() => users.id),
    role: text('role').$type<MemberRole>().notNull(),
    joinedAt: at('joined_at').notNull().default(sql`clock_timestamp()`),
    joinedSeq: int8('joined_seq').notNull(),
    leftAt: at('left_at'),
    lastReadSeq: int8('last_read_seq').notNull(),
    lastDeliveredSeq: int8('last_delivered_seq').notNull(),
    /** Own messages with seq <= last_read_seq: unread is a subtraction (see columns.ts). */
    sentAtRead: int8('sent_at_read').notNull(),
    lastViewedAt: at('last_viewed_at'),
    /** The member's own wishes for the conversation; they outlast leaving and coming back. */
    mutedUntil: at('muted_until'),
    archivedAt: at('archived_at'),
    pinnedAt: at('pinned_at'),
  },
  (table) => [
    /** The membership check of append_messages, members.standing, members.list, every change of a member. */
    primaryKey({ columns: [table.conversationId, table.userId] }),
    /** conversations.list and snapshot, messages.missed: the conversations of a user. */
    index('members_user').on(table.userId, table.conversationId).where(sql`left_at is null`),
    /** conversations.detail: the first hundred by time of joining, and how many there are. */
    index('members_joined')
      .on(table.conversationId, table.joinedAt, table.userId)
      .where(sql`left_at is null and joined_seq >= 0`),
  ],
)

/** When somebody could see a conversation, in positions of the log, both ends included; `to_position` is null while open. */
export const intervals = pgTable(
  'intervals',
  {
    userId: id('user_id').notNull(),
    conversationId: id('conversation_id').notNull(),
    fromPosition: int8('from_position').notNull(),
    toPosition: int8('to_position'),
  },
  /** Log.page and Log.memberships (by user, or user and conversation), closing an interval. */
  (table) => [primaryKey({ columns: [table.userId, table.conversationId, table.fromPosition] })],
)

export const messages = pgTable(
  'messages',
  {
    id: id('id').primaryKey(),
    conversationId: id('conversation_id').notNull(),
    seq: int8('seq').notNull(),
    senderId: id('sender_id').notNull(),
    /** How many messages its sender has in the conversation, this one included. */
    senderSeq: int8('sender_seq').notNull(),
    clientId: id('client_id').notNull(),
    type: text('type').$type<Message['type']>().notNull(),
    content: text('content').notNull(),
    originalContent: text('original_content'),
    /** 1 when sent, one more with each edit. */
    version: int8('version').notNull().default(1),
    metadata: jsonb('metadata').$type<Message['metadata']>(),
    replyTo: id('reply_to'),
    /** Users that it names; null if none. */
    mentions: jsonb('mentions').$type<string[]>(),
    mentionsEveryone: boolean('mentions_everyone').notNull().default(false),
    createdAt: at('created_at').notNull(),
    editedAt: at('edited_at'),
    deletedAt: at('deleted_at'),
    deletedBy: id('deleted_by'),
  },
  (table) => [
    /** messages.range, the last message of a conversation (so its last seq and time), the search by time of messages.missed. */
    unique('messages_seq').on(table.conversationId, table.seq),
    /** The duplicate probe of append_messages, messages.byClientId. */
    uniqueIndex('messages_client').on(sql`(conversation_id || chr(10) || sender_id || chr(10) || client_id)`),
    /** How many messages somebody has sent up to a seq: unread counts, receipts, the next sender_seq. */
    index('messages_sender').on(sql`(conversation_id || chr(10) || sender_id)`, table.seq),
    /** messages.replies, and how many there are. */
    index('messages_replies').on(table.replyTo, table.seq).where(sql`reply_to is not null`),
  ],
)

/** Who is named by a message, for the counts of unread mentions. A mention of everyone has the empty user id. */
export const mentions = pgTable(
  'mentions',
  {
    conversationId: id('conversation_id').notNull(),
    userId: id('user_id').notNull(),
    seq: int8('seq').notNull(),
    senderId: id('sender_id').notNull(),
  },
  /** Mentions of a user after a mark; those of a message that is edited or deleted. */
  (table) => [primaryKey({ columns: [table.conversationId, table.userId, table.seq] })],
)

/** Messages that a user has deleted for themselves. */
export const hidden = pgTable(
  'hidden',
  { userId: id('user_id').notNull(), messageId: id('message_id').notNull() },
  /** Whether a message is hidden from its reader. */
  (table) => [primaryKey({ columns: [table.userId, table.messageId] })],
)

/** What search looks at: filled from the log, behind the sends (see `log.indexed`). `words` also holds the conversation. */
export const searches = pgTable(
  'searches',
  {
    messageId: id('message_id').primaryKey(),
    /** Of its `message.created`: newest first is by falling position. */
    position: int8('position').notNull(),
    words: tsvector('words').notNull(),
  },
  /** message.search. */
  (table) => [index('searches_words').using('gin', table.words)],
)

/** What a user is told of. Text about a message is not kept here: it is read from the message. */
export const notifications = pgTable(
  'notifications',
  {
    id: id('id').primaryKey(),
    userId: id('user_id').notNull(),
    type: text('type').$type<Notification['type']>().notNull(),
    priority: text('priority').$type<Notification['priority']>().notNull(),
    title: text('title').notNull(),
    body: text('body').notNull(),
    data: jsonb('data').$type<Notification['data']>(),
    actionUrl: text('action_url'),
    messageId: id('message_id'),
    /** Never two for one cause. */
    cause: id('cause').notNull(),
    silent: boolean('silent').notNull(),
    createdAt: at('created_at').notNull(),
    readAt: at('read_at'),
  },
  (table) => [
    /** add_notifications: once for each cause. */
    unique('notifications_cause').on(table.userId, table.cause),
    /** notifications.list: newest first. */
    index('notifications_user').on(table.userId, table.id),
    /** How many are unread. */
    index('notifications_unread').on(table.userId).where(sql`read_at is null`),
    /** Those that were read long ago. */
    index('notifications_read').on(table.readAt).where(sql`read_at is not null`),
  ],
)

/** Who wants nothing from whom. */
export const blocks = pgTable(
  'blocks',
  {
    userId: id('user_id').notNull(),
    blockedId: id('blocked_id').notNull(),
    createdAt: at('created_at').notNull().default(sql`clock_timestamp()`),
  },
  (table) => [
    /** Whom a user has blocked, in order of id. */
    primaryKey({ columns: [table.userId, table.blockedId] }),
    /** Who has blocked a user. */
    index('blocks_blocked').on(table.blockedId, table.userId),
  ],
)

/** When somebody, or everybody (`user_id` null), is told what. */
export const schedules = pgTable(
  'schedules',
  {
    id: id('id').primaryKey(),
    ownerId: id('owner_id').notNull(),
    userId: id('user_id'),
    name: text('name').notNull(),
    /** A time of day on some weekdays, or a cron expression; in `time_zone`. */
    kind: text('kind').$type<'bedtime' | 'cron'>().notNull(),
    time: text('time'),
    weekdays: jsonb('weekdays').$type<number[]>(),
    cron: text('cron'),
    timeZone: text('time_zone').notNull(),
    priority: text('priority').$type<Notification['priority']>().notNull(),
    title: text('title').notNull(),
    body: text('body').notNull(),
    data: jsonb('data').$type<Notification['data']>(),
    actionUrl: text('action_url'),
    enabled: boolean('enabled').notNull(),
    /** Null: never again, or not enabled. */
    nextRunAt: at('next_run_at'),
    lastRunAt: at('last_run_at'),
    createdAt: at('created_at').notNull().default(sql`clock_timestamp()`),
    updatedAt: at('updated_at').notNull().default(sql`clock_timestamp()`),
  },
  (table) => [
    /** Which are due, and when the next one is. */
    index('schedules_due').on(table.nextRunAt).where(sql`next_run_at is not null`),
    /** schedules.list. */
    index('schedules_owner').on(table.ownerId, table.id),
  ],
)

/** A notification to everybody on its way: those up to `after_user_id` have it. */
export const broadcasts = pgTable(
  'broadcasts',
  {
    id: id('id').primaryKey(),
    type: text('type').$type<Notification['type']>().notNull(),
    priority: text('priority').$type<Notification['priority']>().notNull(),
    title: text('title').notNull(),
    body: text('body').notNull(),
    data: jsonb('data').$type<Notification['data']>(),
    actionUrl: text('action_url'),
    /** Who sent it. */
    by: id('by'),
    afterUserId: id('after_user_id').notNull().default(''),
    createdAt: at('created_at').notNull().default(sql`clock_timestamp()`),
    doneAt: at('done_at'),
  },
  /** Those that are not done. */
  (table) => [index('broadcasts_open').on(table.id).where(sql`done_at is null`)],
)

/** What a message said before each edit; deleted with its text. */
export const versions = pgTable(
  'versions',
  {
    messageId: id('message_id').notNull(),
    version: int8('version').notNull(),
    content: text('content').notNull(),
    /** When this text was written. */
    writtenAt: at('written_at').notNull(),
  },
  /** messages.versions, in order. */
  (table) => [primaryKey({ columns: [table.messageId, table.version] })],
)

/** One of a kind per user and message. */
export const reactions = pgTable(
  'reactions',
  {
    messageId: id('message_id').notNull(),
    reaction: text('reaction').notNull(),
    userId: id('user_id').notNull(),
    createdAt: at('created_at').notNull().default(sql`clock_timestamp()`),
  },
  /** The reactions of a message, by kind; adding and taking back one. */
  (table) => [primaryKey({ columns: [table.messageId, table.reaction, table.userId] })],
)

/** Who edits a message now. The row stays when a lock ends, so that tokens only rise. */
export const locks = pgTable(
  'locks',
  {
    messageId: id('message_id').primaryKey(),
    conversationId: id('conversation_id').notNull(),
    holderId: id('holder_id').notNull(),
    token: int8('token').notNull(),
    /** By the database's clock; a lock that was released expired at that moment. */
    expiresAt: at('expires_at').notNull(),
    /** The expiry that has been announced. */
    announcedAt: at('announced_at'),
  },
  (table) => [
    /** locks.held: those of a conversation. */
    index('locks_conversation').on(table.conversationId),
    /** Which locks ended without being announced; those of a holder whose last connection went. */
    index('locks_expiry').on(table.expiresAt).where(sql`announced_at is null`),
    index('locks_holder').on(table.holderId).where(sql`announced_at is null`),
  ],
)

/** The log. Rows of `message.*` name their message; the payload is then its state at the time of reading. */
export const events = pgTable(
  'events',
  {
    /** Log.page of everything, the end of the log, prune. */
    position: int8('position').primaryKey(),
    conversationId: id('conversation_id'),
    userId: id('user_id'),
    name: text('name').notNull(),
    actorId: id('actor_id'),
    origin: text('origin'),
    payload: jsonb('payload'),
    messageId: id('message_id'),
    createdAt: at('created_at').notNull(),
  },
  (table) => [
    /** Log.page: catch-up by conversation. */
    index('events_conversation').on(table.conversationId, sql`(position + 0)`).where(sql`conversation_id is not null`),
    /** Log.page: a user's own topic. */
    index('events_user').on(table.userId, sql`(position + 0)`).where(sql`user_id is not null`),
    check('events_topic', sql`(conversation_id is null) <> (user_id is null)`),
  ],
)

/** Up to where a legacy client is known to have received, by user, dialect and what it follows. */
export const cursors = pgTable(
  'cursors',
  {
    userId: id('user_id').notNull(),
    dialect: text('dialect').notNull(),
    scope: id('scope').notNull(),
    position: int8('position').notNull(),
  },
  /** The one look-up there is: the cursor of this user, dialect and scope. */
  (table) => [primaryKey({ columns: [table.userId, table.dialect, table.scope] })],
)

/** One row. `epoch` names this history, `floor` is the last position pruned, `identity` the database it was seen in. */
export const log = pgTable(
  'log',
  {
    one: boolean('one').primaryKey().default(true),
    epoch: text('epoch').notNull(),
    floor: int8('floor').notNull().default(0),
    /** Search knows what happened up to this position. */
    indexed: int8('indexed').notNull().default(0),
    identity: text('identity'),
  },
  () => [check('log_one', sql`one`)],
)
