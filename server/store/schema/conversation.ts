/** Conversations, who is in them, and who could see them when. */
import { sql } from 'drizzle-orm'
import { boolean, index, jsonb, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
import type { Conversation, MemberRole } from '../../../shared/model.ts'
import { at, id, int8 } from './column.ts'
import { users } from './people.ts'

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
    /** When the marks moved last. */
    lastReadAt: at('last_read_at'),
    lastDeliveredAt: at('last_delivered_at'),
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
