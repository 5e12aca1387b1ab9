/**
 * What users have chosen to appear as. A custom status is over once its time is, by the database's clock, whatever the row still
 * says.
 */
import { AppError } from '../../shared/errors.ts'
import type { CustomStatus, Status } from '../../shared/model.ts'
import type { Person, Reads, Tx } from '../core/ports.ts'
import { array, type Query } from './driver.ts'

type ChoiceRow = [
  status: Status,
  message: string | null,
  emoji: string | null,
  expiresAt: Date | null,
  leftMs: number | null,
]
const CHOICE = `u.status, u.status_message, u.status_emoji, u.status_expires_at,
  ceil(extract(epoch from u.status_expires_at - clock_timestamp()) * 1000)::float8`

function toChoice([status, message, emoji, expiresAt, leftMs]: ChoiceRow): Pick<
  Person,
  'status' | 'custom' | 'customLeftMs'
> {
  const custom: CustomStatus | null =
    (message === null && emoji === null) || (leftMs !== null && leftMs <= 0) ? null : { message, emoji, expiresAt }
  return { status, custom, customLeftMs: custom && leftMs }
}

type Row = [
  userId: string,
  role: string,
  schoolId: string | null,
  classIds: string[],
  lastSeenAt: Date | null,
  readAt: number,
  conversationIds: string[],
  ...choice: ChoiceRow,
]
/** `only` narrows the conversations of user `u` through their membership `m`. */
const person = (only: string) => `u.id, u.role, u.school_id, u.class_ids, u.last_seen_at,
  extract(epoch from statement_timestamp())::float8,
  (select coalesce(jsonb_agg(m.conversation_id), '[]') from members m where m.user_id = u.id and m.left_at is null${only}),
  ${CHOICE}`
const WIDTH = 12

function toPerson(row: readonly [...Row, ...unknown[]]): Person {
  const [userId, role, schoolId, classIds, lastSeenAt, readAt, conversationIds, ...choice] = row
  const [status, message, emoji, expiresAt, leftMs] = choice
  const chosen = toChoice([status, message, emoji, expiresAt, leftMs])
  return { userId, role, schoolId, classIds, lastSeenAt, readAt, conversationIds, ...chosen }
}

const PEOPLE = `select ${person('')} from users u where u.id = any ($1::text[])`
const PEOPLE_FOR = `
select ${person(` and m.conversation_id in (
    select own.conversation_id from members own where own.user_id = $2 and own.left_at is null)`)},
  exists (select 1 from blocks b where b.user_id = $2 and b.blocked_id = u.id)
    or exists (select 1 from blocks b where b.user_id = u.id and b.blocked_id = $2)
from users u where u.id = any ($1::text[])`

export function presenceReads(query: Query): Reads['presence'] {
  return {
    async people(userIds) {
      return (await query<Row>(PEOPLE, [array(userIds)])).map(toPerson)
    },
    async peopleFor(viewerId, userIds) {
      const rows = await query<[...Row, boolean]>(PEOPLE_FOR, [array(userIds), viewerId])
      return rows.map((row) => ({ ...toPerson(row), blocked: row[WIDTH] === true }))
    },
  }
}

const CHOOSE = `
update users u set status = coalesce($2, u.status),
  last_seen_at = case when $2 = 'offline' and u.status <> 'offline' then date_trunc('milliseconds', clock_timestamp())
    else u.last_seen_at end,
  status_message = case when $3 then $4 else u.status_message end,
  status_emoji = case when $3 then $5 else u.status_emoji end,
  status_expires_at = case when $3 then $6::timestamptz else u.status_expires_at end
where u.id = $1 returning ${CHOICE}`

export function presenceWrites(query: Query): Pick<Tx, 'choose' | 'seen'> {
  return {
    async choose(userId, { status, custom }) {
      const { message = null, emoji = null, expiresAt = null } = custom ?? {}
      const [row] = await query<ChoiceRow>(CHOOSE, [
        ...[userId, status ?? null, custom !== undefined, message, emoji, expiresAt],
      ])
      if (!row) throw new AppError('NOT_FOUND', 'User not found')
      const chosen = toChoice(row)
      return { status: chosen.status, custom: chosen.custom }
    },
    async seen(userIds) {
      // In one order, as other nodes may be saying it of the same users; not against those who make them members of something.
      await query(
        `with them as materialized (
          select id from users where id = any ($1::text[]) and status <> 'offline' order by id
          for no key update
        )
        update users u set last_seen_at = greatest(u.last_seen_at, date_trunc('milliseconds', clock_timestamp()))
        from them where u.id = them.id`,
        [array(userIds)],
      )
    },
  }
}
