/** What operators ask about one message: the log of its conversation, its members, its notifications. */
import type { Happened } from '../core/ports/admin.ts'
import type { Reads } from '../core/ports.ts'
import { conversationColumns, lastMessage } from './columns.ts'
import type { Query } from './driver.ts'

const HAPPENED = `
select e.name, e.position, e.created_at, e.actor_id, e.origin from events e
where e.conversation_id = $1 and e.message_id = $2
  and e.name in ('message.created', 'message.updated', 'message.deleted')
order by e.position + 0 limit $3`

/** A receipt tells everybody, or above 100 members the reader's own devices: `receipt.marked` is in the log of the user. */
const TOLD = `
with page as materialized (
  select m.user_id, m.last_delivered_seq >= $2::bigint as delivered, m.last_read_seq >= $2::bigint as read from members m
  where m.conversation_id = $1 and m.user_id > $4 and m.user_id <> $3 and m.left_at is null and m.joined_seq < $2::bigint
  order by m.user_id limit $5
),
said as materialized (
  select e.payload #>> '{json,userId}' as user_id, min(e.created_at) as delivered_at,
    min(e.created_at) filter (where e.name = 'receipt.read') as read_at
  from events e
  where e.conversation_id = $1 and e.position + 0 > $6 and e.name in ('receipt.delivered', 'receipt.read')
    and (e.payload #>> '{json,seq}')::bigint >= $2::bigint
  group by 1
)
select page.user_id, page.delivered, page.read, least(said.delivered_at, marked.delivered_at),
  least(said.read_at, marked.read_at)
from page
left join said on said.user_id = page.user_id
left join lateral (
  select min(e.created_at) as delivered_at,
    min(e.created_at) filter (where (e.payload #>> '{json,readSeq}')::bigint >= $2::bigint) as read_at
  from events e
  where e.user_id = page.user_id and e.position + 0 > $6 and e.name = 'receipt.marked'
    and e.payload #>> '{json,conversationId}' = $1 and (e.payload #>> '{json,deliveredSeq}')::bigint >= $2::bigint
) marked on true
order by page.user_id`

/** Only members, also former ones, are told of a message: their notifications have an index, those of a message have none. */
const NOTIFIED = `
select n.type, count(*) from notifications n
where n.message_id = $1 and n.user_id in (select m.user_id from members m where m.conversation_id = $2)
group by n.type order by n.type`

/** The page first, by the primary key alone, then what it shows. */
const ALL = `
select ${conversationColumns.text}
from (select x.* from conversations x order by x.id desc limit $1 offset $2) c
${lastMessage}
order by c.id desc`

type Told = [userId: string, delivered: boolean, read: boolean, deliveredAt: Date | null, readAt: Date | null]

export function adminReads(query: Query): Reads['admin'] {
  return {
    async position() {
      const [row] = await query<[number]>('select coalesce(max(position), 0) from events')
      return row?.[0] ?? 0
    },
    async conversations({ skip, limit }) {
      const [count] = await query<[number]>('select count(*) from conversations')
      const rows = await query(ALL, [limit, skip])
      return { conversations: rows.flatMap((row) => conversationColumns.read(row, 0) ?? []), total: count?.[0] ?? 0 }
    },
    async happened({ id, conversationId }, limit) {
      const rows = await query<[Happened['name'], number, Date, string | null, string | null]>(HAPPENED, [
        ...[conversationId, id],
        limit,
      ])
      return rows.map(([name, position, at, actorId, origin]) => ({ name, position, at, actorId, origin }))
    },
    async told({ conversationId, seq, senderId }, { from, after, limit }) {
      const rows = await query<Told>(TOLD, [conversationId, seq, senderId, after ?? '', limit + 1, from])
      const members = rows
        .slice(0, limit)
        .map(([userId, delivered, read, deliveredAt, readAt]) => ({ userId, delivered, read, deliveredAt, readAt }))
      return { members, next: rows.length > limit ? (members.at(-1)?.userId ?? null) : null }
    },
    async notified({ id, conversationId }) {
      const rows = await query<[string, number]>(NOTIFIED, [id, conversationId])
      return rows.map(([type, count]) => ({ type, count }))
    },
  }
}
