/**
 * Receipts besides moving forward (see member.ts): who has a message, the way back, and the audit. `sent_at_read` is always
 * counted anew for the mark it belongs to, so unread stays a subtraction; the audit compares that with counting messages.
 */
import type { Reads, Tx } from '../core/ports.ts'
import { lastMessage, mentioned, profileColumns, sentUntil, unread } from './columns.ts'
import { array, type Query } from './driver.ts'

/** The page first: joined as a whole, the planner walks all users beside it. */
const READERS = `
with page as materialized (
  select m.user_id, m.last_read_seq >= $2::bigint as read from members m
  where m.conversation_id = $1 and m.user_id > $4 and m.user_id <> $3 and m.left_at is null
    and m.joined_seq < $2::bigint and m.last_delivered_seq >= $2::bigint
  order by m.user_id limit $5
)
select page.user_id, page.read, ${profileColumns.text} from page join users u on u.id = page.user_id order by page.user_id`

/** Messages after a mark are counted once for all marks of a conversation, own ones by member: as long as both lists, no more. */
const AUDIT = `
with page as materialized (select c.id from conversations c where c.id > $1 order by c.id limit $2),
marks as materialized (
  select m.*, ${unread} as unread, coalesce(msg.seq, 0) as last_seq
  from page join conversations c on c.id = page.id ${lastMessage}
  join members m on m.conversation_id = c.id and m.left_at is null
),
rest as materialized (
  select x.conversation_id, x.seq, count(*) over (partition by x.conversation_id order by x.seq desc) as count
  from (select m.conversation_id, min(m.last_read_seq) as mark from marks m group by m.conversation_id) low
  join messages x on x.conversation_id = low.conversation_id and x.seq > low.mark
)
select page.id, count(m.user_id), count(m.user_id) filter (where m.unread <> coalesce(rest.count, 0) - own.count
  or not (0 <= m.last_read_seq and m.last_read_seq <= m.last_delivered_seq and m.last_delivered_seq <= m.last_seq))
from page
left join marks m on m.conversation_id = page.id
left join rest on rest.conversation_id = m.conversation_id and rest.seq = m.last_read_seq + 1
left join lateral (
  select count(*) from messages x
  where x.conversation_id || chr(10) || x.sender_id = m.conversation_id || chr(10) || m.user_id and x.seq > m.last_read_seq
) own on true
group by page.id order by page.id`

const AUTHORS = `
select x.sender_id, max(x.seq) from (
  select m.sender_id, m.seq from messages m
  where m.conversation_id = $1 and m.seq > $2 and m.seq <= $3 order by m.seq desc limit 100
) x where x.sender_id <> $4 group by x.sender_id`

/** The members once, by their marks, which most share; the author's own marks are then taken off. */
const COUNTS = `
with marks as materialized (
  select m.joined_seq, m.last_delivered_seq, m.last_read_seq, count(*) as count from members m
  where m.conversation_id = $1 and m.left_at is null group by m.joined_seq, m.last_delivered_seq, m.last_read_seq
)
select msg.sender_id, msg.id, msg.seq,
  coalesce(sum(marks.count) filter (where marks.last_delivered_seq >= msg.seq), 0)::bigint
    - (own.joined_seq < msg.seq and own.last_delivered_seq >= msg.seq)::int,
  coalesce(sum(marks.count) filter (where marks.last_read_seq >= msg.seq), 0)::bigint
    - (own.joined_seq < msg.seq and own.last_read_seq >= msg.seq)::int
from unnest($2::text[], $3::bigint[]) as i (user_id, seq)
join messages msg on msg.conversation_id = $1 and msg.seq = i.seq and msg.sender_id = i.user_id
join members own on own.conversation_id = $1 and own.user_id = i.user_id and own.left_at is null
left join marks on marks.joined_seq < msg.seq
group by msg.sender_id, msg.id, msg.seq, own.joined_seq, own.last_delivered_seq, own.last_read_seq
order by msg.sender_id`

export function receiptReads(query: Query): Reads['receipts'] {
  return {
    async readers({ conversationId, seq, senderId }, { after, limit }) {
      const rows = await query<[userId: string, read: boolean, ...unknown[]]>(READERS, [
        ...[conversationId, seq, senderId],
        ...[after ?? '', limit + 1],
      ])
      const readers = rows.slice(0, limit).flatMap((row) => {
        const profile = profileColumns.read(row, 2)
        return profile ? [{ userId: row[0], profile, read: row[1] }] : []
      })
      return { readers, next: rows.length > limit ? (readers.at(-1)?.userId ?? null) : null }
    },
    async authors(conversationId, { fromSeq, seq, readerId }) {
      const rows = await query<[string, number]>(AUTHORS, [conversationId, fromSeq, seq, readerId])
      return rows.map(([userId, seq]) => ({ userId, seq }))
    },
    async counts(conversationId, messages) {
      const rows = await query<[string, string, number, number, number]>(COUNTS, [
        conversationId,
        array(messages.map(({ userId }) => userId)),
        array(messages.map(({ seq }) => seq)),
      ])
      return rows.map(([userId, messageId, seq, delivered, read]) => ({ userId, messageId, seq, delivered, read }))
    },
    async audit({ after, limit }) {
      const rows = await query<[id: string, members: number, wrong: number]>(AUDIT, [after ?? '', limit])
      const sum = (of: 1 | 2) => rows.reduce((total, row) => total + row[of], 0)
      return { checked: sum(1), drift: sum(2), next: rows.length < limit ? null : (rows.at(-1)?.[0] ?? null) }
    },
  }
}

const RETREAT = `
with was as (
  select m.*, coalesce(msg.seq, 0) as last_seq, greatest($3::bigint - 1, m.joined_seq) as target
  from members m join conversations c on c.id = m.conversation_id ${lastMessage}
  where m.conversation_id = $1 and m.user_id = $2 and m.left_at is null
),
n as materialized (
  select was.*, ${sentUntil('$1::text', '$2::text', 'was.target')} as sent_now,
    ${sentUntil('$1::text', '$2::text', 'was.last_seq')} as sent
  from was where was.target < was.last_read_seq
)
update members m set last_read_seq = n.target, sent_at_read = n.sent_now
from n where m.conversation_id = n.conversation_id and m.user_id = n.user_id
returning n.last_read_seq, n.target, (n.last_read_seq - n.target) - (n.sent_at_read - n.sent_now),
  (n.last_seq - n.target) - (n.sent - n.sent_now), ${mentioned}`

type Retreated = [fromSeq: number, seq: number, changed: number, unread: number, mentions: number]

export function receiptWrites(query: Query): Pick<Tx, 'retreat'> {
  return {
    async retreat(conversationId, userId, seq) {
      const [row] = await query<Retreated>(RETREAT, [conversationId, userId, seq])
      if (!row) return null
      const [fromSeq, mark, changed, left, mentions] = row
      return { fromSeq, seq: mark, changed, unread: left, mentions }
    },
  }
}
