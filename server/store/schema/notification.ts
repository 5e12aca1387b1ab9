/** What users are told of, and when. */
import { sql } from 'drizzle-orm'
import { boolean, index, jsonb, pgTable, text, unique } from 'drizzle-orm/pg-core'
import type { Notification } from '../../../shared/model.ts'
import { at, id } from './column.ts'

/** What every notification says, made or to be made. */
const said = () => ({
  priority: text('priority').$type<Notification['priority']>().notNull(),
  title: text('title').notNull(),
  body: text('body').notNull(),
  data: jsonb('data').$type<Notification['data']>(),
  actionUrl: text('action_url'),
})

/** What a user is told of. Text about a message is not kept here: it is read from the message. */
export const notifications = pgTable(
  'notifications',
  {
    id: id('id').primaryKey(),
    userId: id('user_id').notNull(),
    type: text('type').$type<Notification['type']>().notNull(),
    ...said(),
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
    ...said(),
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
    ...said(),
    /** Who sent it. */
    by: id('by'),
    afterUserId: id('after_user_id').notNull().default(''),
    createdAt: at('created_at').notNull().default(sql`clock_timestamp()`),
    doneAt: at('done_at'),
  },
  /** Those that are not done. */
  (table) => [index('broadcasts_open').on(table.id).where(sql`done_at is null`)],
)
