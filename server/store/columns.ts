/**
 * Columns of a table for a hand-written statement, with the decoder of that stretch of a row. Names and types come from
 * schema.ts, so a changed column is seen by the compiler in every noun that reads it.
 */
import { getTableColumns } from 'drizzle-orm'
import type { PgTable } from 'drizzle-orm/pg-core'
import type { Conversation, Message, Reaction, Wishes } from '../../shared/model.ts'
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

/** The last message of conversation `c`, as `msg`; there may be none. */
export const lastMessage = `left join lateral (
  select x.* from messages x where x.conversation_id = c.id order by x.seq desc limit 1
) msg on true`

const ownConversationColumns = columns(conversations, 'c', [
  'id',
  'kind',
  'title',
  'context',
  'joinPolicy',
  'historyVisible',
  'createdBy',
  'createdAt',
  'updatedAt',
])

/** Of conversation `c` with its last message: see `lastMessage`. */
export const conversationColumns: Columns<Conversation> = {
  text: `${ownConversationColumns.text}, msg.seq, msg.created_at`,
  width: ownConversationColumns.width + 2,
  read(row, start) {
    const conversation = ownConversationColumns.read(row, start)
    const last = lastColumns.read(row, start + ownConversationColumns.width)
    return conversation && { ...conversation, lastSeq: last?.seq ?? 0, lastMessageAt: last?.createdAt ?? null }
  },
}

const lastColumns = columns(messages, 'msg', ['seq', 'createdAt'])

export const memberColumns = columns(members, 'm', [
  'userId',
  'role',
  'joinedAt',
  'lastReadSeq',
  'lastDeliveredSeq',
  'lastViewedAt',
])

const ownMessageColumns = columns(messages, 'msg', [
  'id',
  'conversationId',
  'seq',
  'senderId',
  'clientId',
  'type',
  'content',
  'metadata',
  'replyTo',
  'mentionsEveryone',
  'createdAt',
  'version',
  'editedAt',
  'deletedAt',
  'deletedBy',
])

/**
 * The reactions of message `msg`: one probe of an index where there are none. The statement that deletes them with the
 * message still sees them, hence the condition.
 */
const REACTIONS = `case when msg.deleted_at is null then (
  select coalesce(jsonb_agg(
    jsonb_build_object('reaction', kind.reaction, 'count', kind.count, 'userIds', kind.user_ids) order by kind.since, kind.reaction
  ), '[]')
  from (
    select r.reaction, count(*) as count, min(r.created_at) as since,
      to_jsonb((array_agg(r.user_id order by r.created_at, r.user_id))[1:10]) as user_ids
    from reactions r where r.message_id = msg.id group by r.reaction
  ) kind
) else '[]' end as reactions`

/** One probe of an index where there are none. */
const REPLIES = '(select count(*) from messages r where r.reply_to = msg.id and r.deleted_at is null) as reply_count'

/** Of message `msg` as it is now, with what is counted for it; also after `returning`. */
export const messageColumns: Columns<Message> = {
  text: `${ownMessageColumns.text}, coalesce(msg.mentions, '[]'), ${REPLIES}, ${REACTIONS}`,
  width: ownMessageColumns.width + 3,
  read(row, start) {
    const message = ownMessageColumns.read(row, start)
    const counted = start + ownMessageColumns.width
    // The three expressions above give exactly these.
    const [mentions, replyCount, reactions] = row.slice(counted) as [string[], number, Reaction[]]
    return message && { ...message, mentions, replyCount, reactions }
  },
}

/** How many messages a user has in a conversation up to a seq: expressions of SQL. */
export const sentUntil = (conversation: string, user: string, seq: string) => `coalesce((
  select x.sender_seq from messages x
  where x.conversation_id || chr(10) || x.sender_id = ${conversation} || chr(10) || ${user} and x.seq <= ${seq}
  order by x.seq desc limit 1
), 0)`

/** What member `m` has not read: messages after the mark, without their own. `msg` is the last message. */
export const unread = `(coalesce(msg.seq, 0) - m.last_read_seq) -
  (${sentUntil('m.conversation_id', 'm.user_id', 'msg.seq')} - m.sent_at_read)`

/** What member `m` wants of the conversation, three columns. */
export const wishes = 'm.muted_until, m.archived_at is not null, m.pinned_at is not null'
export type WishRow = [mutedUntil: Date | null, archived: boolean, pinned: boolean]
export const toWishes = ([mutedUntil, archived, pinned]: readonly [...WishRow, ...unknown[]]): Wishes => ({
  mutedUntil,
  archived,
  pinned,
})
