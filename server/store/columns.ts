/**
 * Columns of a table for a hand-written statement, with the decoder of that stretch of a row. Names and types come from
 * schema.ts, so a changed column is seen by the compiler in every noun that reads it.
 */
import { getTableColumns } from 'drizzle-orm'
import type { PgTable } from 'drizzle-orm/pg-core'
import type { Conversation, Member, Message, Reaction, Wishes } from '../../shared/model.ts'
import { conversations, members, messages, users } from './schema.ts'

/** The values of `width` columns from `start` on; null when the first is, as of a left join without a match. */
export interface Columns<T> {
  readonly text: string
  readonly width: number
  read(row: readonly unknown[], start: number): T | null
}

/** One expression of SQL. The statement gives what is said here: nothing checks it but the tests. */
export const value = <T>(text: string): Columns<T> => ({ text, width: 1, read: (row, start) => row[start] as T })

/** These columns of a table, then `more`: expressions, or columns again. */
export function columns<
  T extends PgTable,
  const K extends readonly (keyof T['$inferSelect'] & string)[],
  M extends object,
>(
  table: T,
  alias: string,
  keys: K,
  more: { readonly [P in keyof M]: Columns<M[P]> },
): Columns<{ [P in K[number]]: T['$inferSelect'][P] } & M> {
  const all = getTableColumns(table)
  const parts = Object.entries<Columns<unknown>>({
    ...Object.fromEntries(keys.map((key) => [key, value(`${alias}.${all[key]?.name}`)])),
    ...more,
  })
  // Begun with all its keys: an object that grows key by key takes five times as long.
  const empty: Readonly<Record<string, unknown>> = Object.fromEntries(parts.map(([key]) => [key, null]))
  return {
    text: parts.map(([, { text }]) => text).join(', '),
    width: parts.reduce((sum, [, { width }]) => sum + width, 0),
    read(row, start) {
      if (row[start] === null) return null
      const found = { ...empty }
      let at = start
      for (const [key, part] of parts) {
        found[key] = part.read(row, at)
        at += part.width
      }
      // The one place where a row gets its type: the statement selected exactly these columns, in this order.
      return found as { [P in K[number]]: T['$inferSelect'][P] } & M
    },
  }
}

export const userColumns = columns(
  users,
  'u',
  ['id', 'name', 'role', 'email', 'avatar', 'schoolId', 'classIds', 'active', 'createdAt', 'updatedAt'],
  {},
)

export const profileColumns = columns(users, 'u', ['id', 'name', 'role', 'avatar'], {})

/** The last message of conversation `c`, as `msg`; there may be none. */
export const lastMessage = `left join lateral (
  select x.* from messages x where x.conversation_id = c.id order by x.seq desc limit 1
) msg on true`

const CONVERSATION = [
  'id',
  'kind',
  'title',
  'context',
  'joinPolicy',
  'historyVisible',
  'createdBy',
  'createdAt',
  'updatedAt',
] as const
const LAST = { lastSeq: value<number>('coalesce(msg.seq, 0)'), lastMessageAt: value<Date | null>('msg.created_at') }

/** Of conversation `c` with its last message (see `lastMessage`), then `more`. */
export const conversationWith = <M extends object>(more: { readonly [P in keyof M]: Columns<M[P]> }) =>
  columns(conversations, 'c', CONVERSATION, { ...LAST, ...more })

export const conversationColumns: Columns<Conversation> = conversationWith({})

/**
 * The reactions of message `msg`: one probe of an index where there are none (`offset`: and never a look at all of them). The
 * statement that deletes them with the message still sees them, hence the condition.
 */
const REACTIONS = `case when msg.deleted_at is null and exists (select from reactions r where r.message_id = msg.id offset 0) then (
  select json_agg(
    json_build_object('reaction', kind.reaction, 'count', kind.count, 'userIds', kind.user_ids) order by kind.since, kind.reaction
  )
  from (
    select r.reaction, count(*) as count, min(r.created_at) as since,
      to_json((array_agg(r.user_id order by r.created_at, r.user_id))[1:10]) as user_ids
    from reactions r where r.message_id = msg.id group by r.reaction
  ) kind
) else '[]' end`

/** One probe of an index where there are none. */
const REPLIES = '(select count(*) from messages r where r.reply_to = msg.id and r.deleted_at is null)'

const MESSAGE = [
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
  'originalContent',
  'deletedAt',
  'deletedBy',
] as const

/** Of message `msg` as it is now, with what is counted for it; also after `returning`. */
export const messageColumns: Columns<Message> = columns(messages, 'msg', MESSAGE, {
  mentions: value<string[]>("coalesce(msg.mentions, '[]')"),
  replyCount: value<number>(REPLIES),
  reactions: value<Reaction[]>(REACTIONS),
})

/** Whether a user has hidden message `msg`, an expression of SQL: one probe of an index, `offset` keeps it so; not for null. */
export const hiddenFrom = (user: string) =>
  `exists (select from hidden h where h.user_id = ${user} and h.message_id = msg.id offset 0)`

/** How many messages a user has in a conversation up to a seq: expressions of SQL. */
export const sentUntil = (conversation: string, user: string, seq: string) => `coalesce((
  select x.sender_seq from messages x
  where x.conversation_id || chr(10) || x.sender_id = ${conversation} || chr(10) || ${user} and x.seq <= ${seq}
  order by x.seq desc limit 1
), 0)`

/** What member `m` has not read: messages after the mark, without their own. `msg` is the last message. */
export const unread = `(coalesce(msg.seq, 0) - m.last_read_seq) -
  (${sentUntil('m.conversation_id', 'm.user_id', 'msg.seq')} - m.sent_at_read)`

/** How many of these name the member, or everyone. */
export const mentioned = `(
  select count(distinct x.seq) from mentions x
  where x.conversation_id = m.conversation_id and x.user_id in (m.user_id, '') and x.seq > m.last_read_seq
    and x.sender_id <> m.user_id
)`

/** A count that is looked up only where there is something unread. */
export const ifUnread = (count: string) => value<number>(`case when msg.seq > m.last_read_seq then ${count} else 0 end`)

/** Of member `m` who is user `u`; `msg` is the last message. */
export const memberColumns: Columns<Member> = columns(
  members,
  'm',
  [
    ...(['userId', 'role', 'joinedAt', 'lastReadSeq', 'lastDeliveredSeq'] as const),
    ...(['lastViewedAt', 'lastReadAt', 'lastDeliveredAt'] as const),
  ],
  { unread: ifUnread(unread), mentions: ifUnread(mentioned), profile: profileColumns },
)

/** What member `m` wants of the conversation, three columns. */
export const wishes = 'm.muted_until, m.archived_at is not null, m.pinned_at is not null'
export type WishRow = [mutedUntil: Date | null, archived: boolean, pinned: boolean]
export const toWishes = ([mutedUntil, archived, pinned]: readonly [...WishRow, ...unknown[]]): Wishes => ({
  mutedUntil,
  archived,
  pinned,
})
