/**
 * The offline queue, read from messages and delivered marks. Conversations where only the user wrote since the mark are left out
 * by a subtraction; in the others messages_seq gives the next ones from the mark, or from the first that is young enough. Its
 * order is (time, conversation, seq). A page after another goes on from a time, to just before what the log has beyond the first
 * page, which the events of each conversation tell.
 */
import { AppError } from '../../shared/errors.ts'
import { Id, type Message, Moment, Position } from '../../shared/model.ts'
import type { Reads } from '../core/ports.ts'
import { hiddenFrom, lastMessage, messageColumns, sentUntil } from './columns.ts'
import type { Param, Query } from './driver.ts'

/** The first messages of a conversation from a seq on that may wait for user $1. */
const eligible = (of: 'mine' | 'next', limit: '1' | '$3') => `
    select msg.id as message_id, msg.conversation_id, msg.seq, msg.created_at from messages msg
    where msg.conversation_id = ${of}.id and msg.seq >= ${of}.seq and msg.seq < ${of}.until and msg.sender_id <> $1
      and msg.deleted_at is null and not ${hiddenFrom('$1')}
      and ($4::timestamptz is null or (msg.created_at, msg.conversation_id, msg.seq) > ($4, $5::text collate "C", $6::bigint))
    order by msg.seq limit ${limit}`

/** The first message of conversation `c` that the log has beyond position $7. */
const LATER = `case when $7::bigint is null then 9007199254740991 else coalesce((
    select later.seq from events e join messages later on later.id = e.message_id
    where e.conversation_id = c.id and e.position + 0 > $7 and e.name = 'message.created' order by e.position + 0 limit 1
  ), 9007199254740991) end`

/**
 * At most $3 messages that wait for user $1 and are not older than $2 seconds, beyond ($4, $5, $6) and not beyond position $7 if
 * these are given. Whoever joined has everything before delivered.
 */
const WAITING = `
since as (select greatest(statement_timestamp() - $2::int * interval '1 s', $4::timestamptz - interval '1 ms') as at),
mine as materialized (
  select c.id, case when first.created_at > since.at then first.seq else first_seq_after(c.id, since.at, msg.seq) end as seq,
    ${LATER} as until
  from since cross join members m join conversations c on c.id = m.conversation_id ${lastMessage}
  join messages first on first.conversation_id = c.id and first.seq = m.last_delivered_seq + 1
  where m.user_id = $1 and m.left_at is null and msg.created_at > since.at and msg.seq - m.last_delivered_seq >
    ${sentUntil('m.conversation_id', 'm.user_id', 'msg.seq')} - ${sentUntil('m.conversation_id', 'm.user_id', 'm.last_delivered_seq')}
),
next as materialized (
  select mine.id, first.seq, mine.until from mine cross join lateral (${eligible('mine', '1')}) first
  order by first.created_at, mine.id limit $3
),
waiting as (select found.* from next cross join lateral (${eligible('next', '$3')}) found)`

const PAGE = `
with ${WAITING},
page as materialized (select w.* from waiting w order by w.created_at, w.conversation_id, w.seq limit $3)
select tail.position, ${messageColumns.text}
from (select coalesce($7, max(position), 0) as position from events) tail
left join page on true left join messages msg on msg.id = page.message_id
order by page.created_at, page.conversation_id, page.seq`

const SIZE = `with ${WAITING} select count(*) from (select from waiting limit $3) w`

const START: readonly Param[] = [null, null, null, null]

/** `<position>.<milliseconds>.<seq>.<conversation>` of the last message of a page. */
const afterOf = (position: number, { createdAt, seq, conversationId }: Message) =>
  `${position}.${createdAt.getTime()}.${seq}.${conversationId}`

function parseAfter(after: string): readonly Param[] {
  const [, position, time, seq, id] = /^(\d{1,16})\.(\d{1,15})\.(\d{1,16})\.(.+)$/s.exec(after) ?? []
  const at = Moment.safeParse(new Date(Number(time)))
  const numbers = [Position.safeParse(Number(position)), Position.safeParse(Number(seq))] as const
  const conversation = Id.safeParse(id)
  if (!at.success || !numbers[0].success || !numbers[1].success || !conversation.success)
    throw new AppError('INVALID_INPUT', 'after: not given by a page')
  return [at.data, conversation.data, numbers[1].data, numbers[0].data]
}

export function queueReads(query: Query): Reads['queue'] {
  return {
    async page(userId, { seconds, after, limit }) {
      const from = after === undefined ? START : parseAfter(after)
      const rows = await query<[position: number, ...unknown[]]>(PAGE, [userId, seconds, limit + 1, ...from])
      const found = rows.flatMap((row) => messageColumns.read(row, 1) ?? [])
      const messages = found.slice(0, limit)
      const position = rows[0]?.[0] ?? 0
      const last = messages.at(-1)
      return { messages, position, next: found.length > limit && last ? afterOf(position, last) : null }
    },
    async size(userId, seconds, limit) {
      const [row] = await query<[number]>(SIZE, [userId, seconds, limit, ...START])
      return row?.[0] ?? 0
    },
  }
}
