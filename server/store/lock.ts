/**
 * Locks on messages. A holding lasts until its end is announced (`announced_at`) or its time is over, by the database's
 * clock; who announces an end has changed the row, so no end is announced twice. Rows stay, so that tokens only rise.
 */
import { AppError } from '../../shared/errors.ts'
import type { Lock } from '../../shared/model.ts'
import type { EndedLock, LockFilter, Reads, Tx } from '../core/ports.ts'
import { array, type Param, type Query } from './driver.ts'

/** Whole milliseconds until a moment, never below 0. */
const left = (until: string) => `greatest(0, ceil(extract(epoch from ${until} - clock_timestamp()) * 1000))::int`
/** So many milliseconds from now, not rounded up. */
const from = (ms: string) => `date_trunc('milliseconds', clock_timestamp()) + ${ms}::int * interval '1 ms'`
const HELD = 'l.announced_at is null and l.expires_at > clock_timestamp()'

type Row = [messageId: string, conversationId: string, holderId: string, remainingMs: number]
const toLock = ([messageId, conversationId, holderId, remainingMs]: Row): Lock => ({
  ...{ messageId, conversationId, holderId, remainingMs },
})

export function lockReads(query: Query): Reads['locks'] {
  return {
    async get(messageId) {
      const [row] = await query<Row>(
        `select l.message_id, l.conversation_id, l.holder_id, ${left('l.expires_at')} from locks l
        where l.message_id = $1 and ${HELD}`,
        [messageId],
      )
      return row ? toLock(row) : null
    },
    async list(conversationId, fromSeq, limit) {
      const rows = await query<Row>(
        `select l.message_id, l.conversation_id, l.holder_id, ${left('l.expires_at')}
        from locks l join messages msg on msg.id = l.message_id
        where l.conversation_id = $1 and ${HELD} and msg.seq >= $2 order by msg.seq limit $3`,
        [conversationId, fromSeq, limit],
      )
      return rows.map(toLock)
    },
    async holding(userIds) {
      const rows = await query<[string]>(
        'select distinct holder_id from locks where holder_id = any ($1::text[]) and announced_at is null',
        [array(userIds)],
      )
      return rows.map(([id]) => id)
    },
    async nextExpiry() {
      const [row] = await query<[number]>(
        `select ${left('expires_at')} from locks where announced_at is null order by expires_at limit 1`,
      )
      return row?.[0] ?? null
    },
  }
}

/** One statement decides by one look at the row, which it locks: held by another, the holder's own, over, or free. */
const TAKE = `
with was as materialized (
  select l.holder_id, l.expires_at, l.token, l.announced_at is null as open, ${HELD} as held
  from locks l where l.message_id = $1 for update
),
put as (
  insert into locks as l (message_id, conversation_id, holder_id, token, expires_at)
  select $1::text, $2::text, $3::text, coalesce(was.token, 0) + case when was.held then 0 else 1 end,
    ${from('$4')}
  from (select 1) one left join was on true
  where was.held is not true or was.holder_id = $3
  on conflict (message_id) do update
  set holder_id = excluded.holder_id, token = excluded.token, expires_at = excluded.expires_at, announced_at = null
  returning l.token, l.holder_id, l.expires_at
)
select coalesce(put.holder_id, was.holder_id), coalesce(put.token, was.token), ${left('coalesce(put.expires_at, was.expires_at)')},
  was.held is not true, case when was.open and not was.held then was.holder_id end
from (select 1) one left join was on true left join put on true`

const CONDITIONS = {
  messageId: (at: string) => `l.message_id = ${at}`,
  conversationId: (at: string) => `l.conversation_id = ${at}`,
  token: (at: string) => `l.token = ${at}`,
  holderIds: (at: string) => `l.holder_id = any (${at}::text[])`,
}

/** Whoever ends many takes their rows in one order; what somebody else is ending for its time is theirs to announce. */
function ending(
  { messageId, conversationId, holderIds, token, overdue }: LockFilter,
  limit: number,
): [string, Param[]] {
  const given = { messageId, conversationId, token, holderIds: holderIds && array(holderIds) }
  const params: Param[] = [limit]
  const conditions = ['l.announced_at is null', ...(overdue ? ['l.expires_at <= clock_timestamp()'] : [])]
  for (const [name, condition] of Object.entries(CONDITIONS)) {
    const value = given[name as keyof typeof CONDITIONS]
    if (value === undefined) continue
    params.push(value)
    conditions.push(condition(`$${params.length}`))
  }
  const order = overdue ? 'l.expires_at limit $1 for update skip locked' : 'l.message_id limit $1 for update'
  const text = `
with ended as materialized (select l.message_id from locks l where ${conditions.join(' and ')} order by ${order})
update locks l set expires_at = least(l.expires_at, clock_timestamp()), announced_at = clock_timestamp()
from ended where l.message_id = ended.message_id returning l.message_id, l.conversation_id, l.holder_id`
  return [text, params]
}

export function lockWrites(query: Query): Pick<Tx, 'takeLock' | 'renewLock' | 'endLocks'> {
  return {
    async takeLock({ messageId, conversationId, holderId, forMs }) {
      const [row] = await query<[string, number, number, boolean, string | null]>(TAKE, [
        ...[messageId, conversationId, holderId, forMs],
      ])
      if (!row) throw new AppError('INTERNAL', 'A lock gave no answer')
      return { holderId: row[0], token: row[1], remainingMs: row[2], isNew: row[3], overdue: row[4] }
    },
    async renewLock({ messageId, holderId, token, forMs }) {
      const [row] = await query<[number]>(
        `update locks l set expires_at = ${from('$4')}
        where l.message_id = $1 and l.holder_id = $2 and l.token = $3 and ${HELD} returning ${left('l.expires_at')}`,
        [messageId, holderId, token, forMs],
      )
      return row?.[0] ?? null
    },
    async endLocks(filter, limit = 500) {
      const rows = await query<[string, string, string]>(...ending(filter, limit))
      return rows.map(([messageId, conversationId, holderId]): EndedLock => ({ messageId, conversationId, holderId }))
    },
  }
}
