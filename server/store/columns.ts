/**
 * Columns of a table for a hand-written statement, with the decoder of that stretch of a row. Names and types come from
 * schema.ts, so a changed column is seen by the compiler in every noun that reads it.
 */
import { getTableColumns } from 'drizzle-orm'
import type { PgTable } from 'drizzle-orm/pg-core'
import { conversations, members, messages, users } from './schema.ts'

/** The values of `width` columns from `start` on; null when the first is, as of a left join without a match. */
export interface Columns<T> {
  readonly text: string
  readonly width: number
  read(row: readonly unknown[], start: number): T | null
}

function columns<T extends PgTable, const K extends readonly (keyof T['$inferSelect'] & string)[]>(
  table: T,
  alias: string,
  keys: K,
): Columns<{ [P in K[number]]: T['$inferSelect'][P] }> {
  const all = getTableColumns(table)
  return {
    text: keys.map((key) => `${alias}.${all[key]?.name}`).join(', '),
    width: keys.length,
    read(row, start) {
      if (row[start] === null) return null
      const value: Record<string, unknown> = {}
      for (let index = 0; index < keys.length; index++) value[keys[index] ?? ''] = row[start + index]
      // The one place where a row gets its type: the statement selected exactly these columns, in this order.
      return value as { [P in K[number]]: T['$inferSelect'][P] }
    },
  }
}

export const userColumns = columns(users, 'u', [
  'id',
  'name',
  'role',
  'email',
  'avatar',
  'schoolId',
  'classIds',
  'active',
  'createdAt',
  'updatedAt',
])

export const profileColumns = columns(users, 'u', ['id', 'name', 'role', 'avatar'])

export const conversationColumns = columns(conversations, 'c', [
  'id',
  'kind',
  'title',
  'context',
  'joinPolicy',
  'historyVisible',
  'createdBy',
  'createdAt',
  'updatedAt',
  'lastSeq',
  'lastMessageAt',
])

export const memberColumns = columns(members, 'm', [
  'userId',
  'role',
  'joinedAt',
  'lastReadSeq',
  'lastDeliveredSeq',
  'lastViewedAt',
])

export const messageColumns = columns(messages, 'msg', [
  'id',
  'conversationId',
  'seq',
  'senderId',
  'clientId',
  'type',
  'content',
  'metadata',
  'replyTo',
  'createdAt',
  'editedAt',
  'deletedAt',
  'deletedBy',
])

/** What somebody has not read: messages after the mark, without their own. `c` and `m` as above. */
export const unread = '(c.last_seq - m.last_read_seq) - (m.sent - m.sent_at_read)'
