/**
 * A user's conversations as a list: newest activity first, by keyset (activity, id), each page one statement that also
 * reads the end of the log, so that a snapshot's position is exactly as old as its conversations.
 */
import { AppError } from '../../shared/errors.ts'
import { type ConversationSummary, Moment } from '../../shared/model.ts'
import type { Reads, SummaryPage } from '../core/ports.ts'
import {
  conversationColumns,
  lastMessage,
  messageColumns,
  profileColumns,
  unread,
  type WishRow,
  wishes,
} from './columns.ts'
import type { Query } from './driver.ts'

const PAGE = `
with page as (
  select c.id, coalesce(msg.created_at, c.created_at) as activity
  from members m join conversations c on c.id = m.conversation_id ${lastMessage}
  where m.user_id = $1 and m.left_at is null and ($2::text is null or c.kind = $2)
    and ($6::boolean is null or (m.archived_at is not null) = $6)
    and ($3::timestamptz is null or (coalesce(msg.created_at, c.created_at), c.id) < ($3, $4::text collate "C"))
  order by activity desc, c.id desc limit $5
)
select tail.position, page.activity, ${unread}, m.last_read_seq, c.history_visible or msg.seq > m.joined_seq, ${wishes},
  ${conversationColumns.text}, ${messageColumns.text}, ${profileColumns.text}
from (select coalesce(max(position), 0) as position from events) tail
left join page on true
left join conversations c on c.id = page.id
left join members m on m.conversation_id = c.id and m.user_id = $1
${lastMessage}
left join lateral (
  select x.user_id from members x where c.kind = 'direct' and x.conversation_id = c.id and x.user_id <> $1 limit 1
) peer on true
left join users u on u.id = peer.user_id
order by page.activity desc, page.id desc`

type Row = [
  position: number,
  activity: Date,
  unread: number,
  lastReadSeq: number,
  visible: boolean,
  ...WishRow,
  ...unknown[],
]

/** `<milliseconds>.<id>` of the last conversation of a page. */
function parseAfter(after: string): [Date, string] {
  const [, time, id] = /^(\d{1,15})\.(.+)$/s.exec(after) ?? []
  const activity = Moment.safeParse(new Date(Number(time)))
  if (!activity.success || id === undefined) throw new AppError('INVALID_INPUT', 'after: not given by a page')
  return [activity.data, id]
}

export async function listConversations(
  query: Query,
  userId: string,
  page: Parameters<Reads['conversations']['list']>[1],
): Promise<SummaryPage & { position: number }> {
  const [activity, id] = page.after === undefined ? [null, null] : parseAfter(page.after)
  const rows = await query<Row>(PAGE, [userId, page.kind ?? null, activity, id, page.limit + 1, page.archived ?? null])
  const shown = rows.slice(0, page.limit)
  const last = shown.at(-1)
  const conversations = shown.flatMap((row) => toSummary(row) ?? [])
  const lastId = conversations.at(-1)?.id
  return {
    position: rows[0]?.[0] ?? 0,
    conversations,
    next: rows.length > page.limit && last ? `${last[1].getTime()}.${lastId}` : null,
  }
}

function toSummary(row: Row): ConversationSummary | null {
  const conversation = conversationColumns.read(row, 8)
  if (!conversation) return null
  const message = 8 + conversationColumns.width
  return {
    ...conversation,
    unread: row[2],
    lastReadSeq: row[3],
    mutedUntil: row[5],
    archived: row[6],
    pinned: row[7],
    lastMessage: row[4] ? messageColumns.read(row, message) : null,
    peer: profileColumns.read(row, message + messageColumns.width),
  }
}
