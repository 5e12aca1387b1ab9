/**
 * The offline queue, read from messages and delivered marks. Conversations where only the user wrote since the mark are left out
 * by a subtraction; in the others messages_seq gives the next ones from the mark, or from the first that is young enough.
 */
import type { Reads } from '../core/ports.ts'
import { hiddenFrom, lastMessage, messageColumns, sentUntil } from './columns.ts'
import type { Query } from './driver.ts'

/** The first messages of a conversation from a seq on that may wait for user $1. */
const eligible = (of: 'mine' | 'next', limit: '1' | '$3') => `
    select msg.id as message_id, msg.conversation_id, msg.seq, msg.created_at from messages msg
    where msg.conversation_id = ${of}.id and msg.seq >= ${of}.seq and msg.sender_id <> $1 and msg.deleted_at is null
      and not ${hiddenFrom('$1')}
    order by msg.seq limit ${limit}`

/** At most $3 messages that wait for user $1 and are not older than $2 seconds. Whoever joined has everything before delivered. */
const WAITING = `
since as (select statement_timestamp() - $2::int * interval '1 s' as at),
mine as materialized (
  select c.id, case when first.created_at > since.at then first.seq else first_seq_after(c.id, since.at, msg.seq) end as seq
  from since cross join members m join conversations c on c.id = m.conversation_id ${lastMessage}
  join messages first on first.conversation_id = c.id and first.seq = m.last_delivered_seq + 1
  where m.user_id = $1 and m.left_at is null and msg.created_at > since.at and msg.seq - m.last_delivered_seq >
    ${sentUntil('m.conversation_id', 'm.user_id', 'msg.seq')} - ${sentUntil('m.conversation_id', 'm.user_id', 'm.last_delivered_seq')}
),
next as materialized (
  select mine.id, first.seq from mine cross join lateral (${eligible('mine', '1')}) first
  order by first.created_at, mine.id limit $3
),
waiting as (select found.* from next cross join lateral (${eligible('next', '$3')}) found)`

const PAGE = `
with ${WAITING},
page as materialized (select w.* from waiting w order by w.created_at, w.conversation_id, w.seq limit $3)
select tail.position, ${messageColumns.text}
from (select coalesce(max(position), 0) as position from events) tail
left join page on true left join messages msg on msg.id = page.message_id
order by page.created_at, page.conversation_id, page.seq`

const SIZE = `with ${WAITING} select count(*) from (select from waiting limit $3) w`

export function queueReads(query: Query): Reads['queue'] {
  return {
    async page(userId, seconds, limit) {
      const rows = await query<[position: number, ...unknown[]]>(PAGE, [userId, seconds, limit])
      const messages = rows.flatMap((row) => messageColumns.read(row, 1) ?? [])
      return { messages, position: rows[0]?.[0] ?? 0 }
    },
    async size(userId, seconds, limit) {
      const [row] = await query<[number]>(SIZE, [userId, seconds, limit])
      return row?.[0] ?? 0
    },
  }
}
