/**
 * A user's conversations as a list: pinned ones first, newest activity first, by keyset (pinned, activity, id), each page one
 * statement that also reads the end of the log, so that a snapshot's position is exactly as old as its conversations. What costs
 * a probe of an index is looked up for the page alone, and what is unread only where something is.
 */
import { AppError } from '../../shared/errors.ts'
import { type ConversationSummary, type Message, Moment, type Profile } from '../../shared/model.ts'
import type { ListFilter, Reads, SummaryPage } from '../core/ports.ts'
import {
  type Columns,
  conversationWith,
  hiddenFrom,
  ifUnread,
  mentioned,
  messageColumns,
  unread,
  value,
} from './columns.ts'
import type { Query } from './driver.ts'

const PEER = `case when c.kind = 'direct' then (
  select json_build_object('id', u.id, 'name', u.name, 'role', u.role, 'avatar', u.avatar) from users u where u.id = (
    select x.user_id from members x where x.conversation_id = c.id and x.user_id <> m.user_id limit 1
  )
) end`

const summaryColumns: Columns<ConversationSummary> = conversationWith({
  unread: ifUnread(unread),
  mentions: ifUnread(mentioned),
  lastReadSeq: value<number>('m.last_read_seq'),
  mutedUntil: value<Date | null>('m.muted_until'),
  archived: value<boolean>('m.archived_at is not null'),
  pinned: value<boolean>('m.pinned_at is not null'),
  lastMessage: messageColumns as Columns<Message | null>,
  peer: value<Profile | null>(PEER),
})

/** Activity of a conversation: its last message, or its creation. */
const ACTIVITY = 'coalesce(last.created_at, c.created_at)'

/** Which conversations of user $1: of a kind, archived or not. */
const LISTED = `m.user_id = $1 and m.left_at is null and ($2::text is null or c.kind = $2)
    and ($3::boolean is null or (m.archived_at is not null) = $3)`

const COUNT = `select count(*) from members m join conversations c on c.id = m.conversation_id where ${LISTED}`

/** Which rows make the page, narrow while they are sorted, then the same rows one by one (`offset`) by their place (`ctid`): within one statement it stays. */
export const LIST = `
select tail.position, (c.history_visible or msg.seq > m.joined_seq) and not ${hiddenFrom('m.user_id')}, ${summaryColumns.text}
from (select coalesce(max(position), 0) as position from events) tail
left join (
  select m.ctid as member, c.ctid as conversation, last.ctid as message, m.pinned_at is not null as pinned, ${ACTIVITY} as activity, c.id
  from members m join conversations c on c.id = m.conversation_id left join lateral (
    select x.ctid, x.created_at from messages x where x.conversation_id = c.id order by x.seq desc limit 1
  ) last on true
  where ${LISTED}
    and ($4::boolean is null or (m.pinned_at is not null, ${ACTIVITY}, c.id) < ($4, $5::timestamptz, $6::text collate "C"))
  order by pinned desc, activity desc, c.id desc limit $7 offset $8
) page on true
left join lateral (select x.* from members x where x.ctid = page.member offset 0) m on true
left join lateral (select x.* from conversations x where x.ctid = page.conversation offset 0) c on true
left join lateral (select x.* from messages x where x.ctid = page.message offset 0) msg on true
order by page.pinned desc, page.activity desc, page.id desc`

type Row = [position: number, visible: boolean, ...unknown[]]

/** `<1 if pinned, else 0>.<milliseconds>.<id>` of the last conversation of a page. */
const afterOf = ({ pinned, lastMessageAt, createdAt, id }: ConversationSummary) =>
  `${pinned ? 1 : 0}.${(lastMessageAt ?? createdAt).getTime()}.${id}`

function parseAfter(after: string): [boolean, Date, string] {
  const [, pinned, time, id] = /^([01])\.(\d{1,15})\.(.+)$/s.exec(after) ?? []
  const activity = Moment.safeParse(new Date(Number(time)))
  if (!activity.success || id === undefined) throw new AppError('INVALID_INPUT', 'after: not given by a page')
  return [pinned === '1', activity.data, id]
}

export async function countConversations(
  query: Query,
  userId: string,
  { kind, archived }: ListFilter,
): Promise<number> {
  const [row] = await query<[number]>(COUNT, [userId, kind ?? null, archived ?? null])
  return row?.[0] ?? 0
}

export async function listConversations(
  query: Query,
  userId: string,
  page: Parameters<Reads['conversations']['list']>[1],
): Promise<SummaryPage & { position: number }> {
  const after = page.after === undefined ? [null, null, null] : parseAfter(page.after)
  const which = [page.kind ?? null, page.archived ?? null]
  const rows = await query<Row>(LIST, [userId, ...which, ...after, page.limit + 1, page.skip ?? 0])
  const conversations = rows.slice(0, page.limit).flatMap((row) => toSummary(row) ?? [])
  const last = conversations.at(-1)
  return {
    position: rows[0]?.[0] ?? 0,
    conversations,
    next: rows.length > page.limit && last ? afterOf(last) : null,
  }
}

function toSummary(row: Row): ConversationSummary | null {
  const summary = summaryColumns.read(row, 2)
  if (summary && !row[1]) summary.lastMessage = null
  return summary
}
