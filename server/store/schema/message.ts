/** Messages and what belongs to them. */
import { sql } from 'drizzle-orm'
import { boolean, index, jsonb, pgTable, primaryKey, text, unique, uniqueIndex } from 'drizzle-orm/pg-core'
import type { Message } from '../../../shared/model.ts'
import { at, id, int8, tsvector } from './column.ts'

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
