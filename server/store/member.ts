/**
 * Members and their receipts. `sent_at_read` counts a member's own messages up to `last_read_seq`, exactly; so unread is a
 * subtraction. Whoever joins, also again, starts with everything so far read and delivered.
 */
import { AppError } from '../../shared/errors.ts'
import type { MemberRole } from '../../shared/model.ts'
import type { Reads, Standing, Tx } from '../core/ports.ts'
import { lastMessage, memberColumns, mentioned, sentUntil, toWishes, type WishRow, wishes } from './columns.ts'
import { array, type Query } from './driver.ts'

export function memberReads(query: Query): Reads['members'] {
  return {
    async standing(conversationId, userId) {
      const [row] = await query<[Standing['kind'], MemberRole, number, boolean, boolean]>(
        `select c.kind, m.role, m.joined_seq, c.history_visible, c.blocked
        from members m join conversations c on c.id = m.conversation_id
        where m.conversation_id = $1 and m.user_id = $2 and m.left_at is null`,
        [conversationId, userId],
      )
      return row ? { kind: row[0], role: row[1], joinedSeq: row[2], historyVisible: row[3], blocked: row[4] } : null
    },
    async heir(conversationId, userId) {
      const [row] = await query<[string, MemberRole]>(
        `select m.user_id, m.role from members m
        where m.conversation_id = $1 and m.user_id <> $2 and m.left_at is null
        order by array_position(array['owner', 'admin', 'member'], m.role), m.joined_at, m.user_id limit 1`,
        [conversationId, userId],
      )
      return row ? { userId: row[0], role: row[1] } : null
    },
    names: (conversationId, limit) =>
      query<[string, string]>(
        `select u.id, u.name from members m join users u on u.id = m.user_id
        where m.conversation_id = $1 and m.left_at is null order by m.user_id limit $2`,
        [conversationId, limit],
      ).then((rows) => rows.map(([userId, name]) => ({ userId, name }))),
    called: (conversationId, names) =>
      query<[string, string]>(
        `select u.id, u.name from (
          select x.id, x.name from users x where x.id = any ($2::text[])
          union select x.id, x.name from users x where lower(x.name) in (select lower(n) from unnest($2::text[]) as n)
        ) u
        where exists (select from members m where m.conversation_id = $1 and m.user_id = u.id and m.left_at is null)
        order by u.id = any ($2::text[]) desc, length(u.name) desc, u.id limit 200`,
        [conversationId, array(names)],
      ).then((rows) => rows.map(([userId, name]) => ({ userId, name }))),
    async latecomers(conversationId, seq) {
      const rows = await query(
        `select 1 from members m join conversations c on c.id = m.conversation_id
        where m.conversation_id = $1 and m.left_at is null and m.joined_seq >= $2 and not c.history_visible limit 1`,
        [conversationId, seq],
      )
      return rows.length > 0
    },
    async list(conversationId, userIds) {
      const rows = await query(
        `select ${memberColumns.text}
        from members m join conversations c on c.id = m.conversation_id join users u on u.id = m.user_id
        ${lastMessage}
        where m.conversation_id = $1 and m.user_id = any ($2::text[]) and m.left_at is null order by m.joined_at, m.user_id`,
        [conversationId, array(userIds)],
      )
      return rows.flatMap((row) => memberColumns.read(row, 0) ?? [])
    },
  }
}

const ADD = `
insert into members as m (conversation_id, user_id, role, joined_seq, last_read_seq, last_delivered_seq, sent_at_read)
select c.id, i.id, $3, coalesce(msg.seq, 0), coalesce(msg.seq, 0), coalesce(msg.seq, 0), ${sentUntil('c.id', 'i.id', 'msg.seq')}
from conversations c ${lastMessage}
cross join (select distinct i.id collate "C" as id from unnest($2::text[]) as i (id)) i
where c.id = $1 order by i.id
on conflict (conversation_id, user_id) do update
set role = excluded.role, joined_at = excluded.joined_at, joined_seq = excluded.joined_seq, left_at = null,
  last_read_seq = excluded.last_read_seq, last_delivered_seq = excluded.last_delivered_seq,
  last_read_at = null, last_delivered_at = null, sent_at_read = excluded.sent_at_read
where m.left_at is not null
returning m.user_id`

/** Above so many members a conversation is large. */
const LARGE = 100

/** So many of the messages that were newly read are named. */
const NAMED = 200

/** `n`: the member before, the new mark, when, and the member's own messages up to the old mark and to the new. */
const moved = (mark: string) => `
with was as (
  select m.*, m.${mark} as mark, coalesce(msg.seq, 0) as last_seq,
    least($3::bigint, coalesce(msg.seq, 0)) as target
  from members m join conversations c on c.id = m.conversation_id ${lastMessage}
  where m.conversation_id = $1 and m.user_id = $2 and m.left_at is null
),
n as materialized (
  select was.*, ${sentUntil('$1::text', '$2::text', 'was.mark')} as sent_before, ${sentUntil('$1::text', '$2::text', 'was.target')} as sent_now,
    ${sentUntil('$1::text', '$2::text', 'was.last_seq')} as sent,
    (select x.id from messages x where x.conversation_id = $1 and x.seq = was.target) as message_id,
    date_trunc('milliseconds', clock_timestamp()) as at, (
      select count(*) from (
        select 1 from members x where x.conversation_id = $1 and x.left_at is null and x.joined_seq >= 0 limit ${LARGE + 1}
      ) few
    ) > ${LARGE} as large
  from was where was.target > was.mark
)`
const CHANGED = '(n.target - n.mark) - (n.sent_now - n.sent_before)'
const MARKED = `returning n.mark, n.target, ${CHANGED},
  (n.last_seq - m.last_read_seq) - (n.sent - m.sent_at_read), n.message_id, n.at,
  m.last_delivered_seq, m.last_read_seq, n.large, ${mentioned}`
/** What was newly read, the newest, from others; a large conversation tells nobody. Where all is found the search ends. */
const COVERED = `case when n.large then '[]' else coalesce((
  select json_agg(json_build_object('id', x.id, 'senderId', x.sender_id) order by x.seq) from (
    select x.id, x.sender_id, x.seq from messages x
    where x.conversation_id = $1 and x.seq > n.mark and x.seq <= n.target and x.sender_id <> $2
    order by x.seq desc limit least(${NAMED}, ${CHANGED})
  ) x
), '[]') end`

const ADVANCE = {
  read: `${moved('last_read_seq')}
  update members m
  set last_read_seq = n.target, sent_at_read = n.sent_now, last_delivered_seq = greatest(m.last_delivered_seq, n.target),
    last_read_at = n.at, last_viewed_at = greatest(n.at, m.last_viewed_at),
    last_delivered_at = case when n.target > m.last_delivered_seq then n.at else m.last_delivered_at end
  from n where m.conversation_id = n.conversation_id and m.user_id = n.user_id ${MARKED}, ${COVERED}`,
  delivered: `${moved('last_delivered_seq')}
  update members m set last_delivered_seq = n.target, last_delivered_at = n.at
  from n where m.conversation_id = n.conversation_id and m.user_id = n.user_id ${MARKED}, '[]'::json`,
}

const CONFIGURE = `
with was as (select m.* from members m where m.conversation_id = $1 and m.user_id = $2 and m.left_at is null)
update members m set muted_until = case when $3 then $4 else m.muted_until end,
  archived_at = case when $5 then coalesce(m.archived_at, clock_timestamp()) when $5 is null then m.archived_at end,
  pinned_at = case when $6 then coalesce(m.pinned_at, clock_timestamp()) when $6 is null then m.pinned_at end
from was where m.conversation_id = was.conversation_id and m.user_id = was.user_id
returning ${wishes}, (m.muted_until, m.archived_at, m.pinned_at) is distinct from (was.muted_until, was.archived_at, was.pinned_at)`

type Covered = { id: string; senderId: string }
type Advanced = [
  ...[fromSeq: number, seq: number, changed: number, unread: number, messageId: string | null, at: Date],
  ...[deliveredSeq: number, readSeq: number, large: boolean, mentions: number, messages: Covered[]],
]

export function memberWrites(
  query: Query,
): Pick<Tx, 'addMembers' | 'removeMember' | 'setRole' | 'view' | 'configure' | 'advance'> {
  return {
    async addMembers(conversationId, userIds, role) {
      const rows = await query<[string]>(ADD, [conversationId, array(userIds), role])
      return rows.length === 0
        ? []
        : memberReads(query).list(
            conversationId,
            rows.map(([id]) => id),
          )
    },
    async removeMember(conversationId, userId) {
      const rows = await query(
        `update members set left_at = clock_timestamp()
        where conversation_id = $1 and user_id = $2 and left_at is null returning user_id`,
        [conversationId, userId],
      )
      return rows.length > 0
    },
    async setRole(conversationId, userId, role) {
      await query('update members set role = $3 where conversation_id = $1 and user_id = $2 and left_at is null', [
        conversationId,
        userId,
        role,
      ])
    },
    async view(conversationId, userId) {
      const [row] = await query<[Date]>(
        `update members set last_viewed_at = greatest(clock_timestamp(), last_viewed_at)
        where conversation_id = $1 and user_id = $2 and left_at is null returning last_viewed_at`,
        [conversationId, userId],
      )
      if (!row) throw new AppError('FORBIDDEN', 'Not a member of this conversation')
      return row[0]
    },
    async configure(conversationId, userId, { mutedUntil, archived, pinned }) {
      const given = [mutedUntil !== undefined, mutedUntil ?? null, archived ?? null, pinned ?? null]
      const [row] = await query<[...WishRow, boolean]>(CONFIGURE, [conversationId, userId, ...given])
      if (!row) throw new AppError('FORBIDDEN', 'Not a member of this conversation')
      return { wishes: toWishes(row), changed: row[3] }
    },
    async advance(receipt, conversationId, userId, seq) {
      const [row] = await query<Advanced>(ADVANCE[receipt], [conversationId, userId, seq])
      if (!row) return null
      const [fromSeq, mark, changed, left, messageId, at, deliveredSeq, readSeq, large, mentions, messages] = row
      const marks = { fromSeq, seq: mark, deliveredSeq, readSeq }
      return { ...marks, changed, unread: left, mentions, messageId, messages, at, large }
    },
  }
}
