/** The log, and who has read how far. */
import { sql } from 'drizzle-orm'
import { boolean, check, index, jsonb, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
import { at, id, int8 } from './column.ts'

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
