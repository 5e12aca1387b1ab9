/** Users, their passwords if they registered here, and who wants nothing from whom. */
import { sql } from 'drizzle-orm'
import { boolean, index, jsonb, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
import type { Notification, Status } from '../../../shared/model.ts'
import { at, id } from './column.ts'

export const users = pgTable(
  'users',
  {
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
  },
  /** members.called: whom a text names, in conversations too large to be kept in memory. */
  (table) => [index('users_name').on(sql`lower(${table.name})`)],
)

/** Passwords of those who registered here (DEV_AUTH). A login is an e-mail address or a name, in lower case. */
export const accounts = pgTable(
  'accounts',
  {
    login: text('login').primaryKey(),
    userId: id('user_id')
      .notNull()
      .references(() => users.id),
    passwordHash: text('password_hash').notNull(),
    createdAt: at('created_at').notNull().default(sql`clock_timestamp()`),
  },
  /** The logins of a user. */
  (table) => [index('accounts_user').on(table.userId)],
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
