/** Schedules: one row each. Who fires or changes one has its row locked; what another write has locked is not waited for. */
import { AppError } from '../../shared/errors.ts'
import type { Schedule } from '../../shared/model.ts'
import type { Reads, ScheduleDraft, ScheduleWrites } from '../core/ports.ts'
import { columns } from './columns.ts'
import { array, type Param, type Query } from './driver.ts'
import { schedules } from './schema.ts'

const scheduleColumns = columns(
  schedules,
  's',
  [
    ...(['id', 'ownerId', 'userId', 'name', 'kind', 'time', 'weekdays', 'cron', 'timeZone', 'title', 'body'] as const),
    ...(['priority', 'data', 'actionUrl', 'enabled', 'nextRunAt', 'lastRunAt', 'createdAt', 'updatedAt'] as const),
  ],
  {},
)

function toSchedules(rows: readonly (readonly unknown[])[]): Schedule[] {
  return rows.flatMap((row) => {
    const found = scheduleColumns.read(row, 0)
    if (!found) return []
    const { kind, time, weekdays, cron, ...schedule } = found
    // Of the two kinds, each has its own columns filled: see `params`.
    const when = kind === 'bedtime' ? { kind, time: time ?? '', weekdays: weekdays ?? [] } : { kind, cron: cron ?? '' }
    return { ...schedule, when }
  })
}

/** What can change, as the statements below number it: $2 to $14. */
function params({ when, data, ...schedule }: ScheduleDraft): Param[] {
  const [time, weekdays, cron] =
    when.kind === 'bedtime' ? [when.time, JSON.stringify(when.weekdays), null] : [null, null, when.cron]
  const { name, timeZone, priority, title, body, actionUrl, enabled, nextRunAt } = schedule
  return [
    ...[name, when.kind, time, weekdays, cron, timeZone, priority, title, body],
    ...[data && JSON.stringify(data), actionUrl, enabled, nextRunAt],
  ]
}

const NEXT_DUE = `select least(86400000, greatest(0, ceil(extract(epoch from next_run_at - clock_timestamp()) * 1000)))::int
  from schedules where next_run_at is not null order by next_run_at limit 1`

const CREATE = `
insert into schedules as s (id, name, kind, time, weekdays, cron, time_zone, priority, title, body, data, action_url, enabled,
  next_run_at, owner_id, user_id)
select $1::text, $2::text, $3::text, $4::text, $5::jsonb, $6::text, $7::text, $8::text, $9::text, $10::text, $11::jsonb,
  $12::text, $13::boolean, $14::timestamptz, $15::text, $16::text
where (select count(*) from schedules x where x.owner_id = $15) < $17::bigint
returning ${scheduleColumns.text}`

const UPDATE = `
update schedules s set name = $2, kind = $3, time = $4, weekdays = $5, cron = $6, time_zone = $7, priority = $8, title = $9,
  body = $10, data = $11, action_url = $12, enabled = $13, next_run_at = $14,
  updated_at = greatest(clock_timestamp(), s.updated_at)
where s.id = $1 returning ${scheduleColumns.text}`

/** The time as a sub-select: called in place, it would be compared with every row of the index. */
const DUE = `select ${scheduleColumns.text} from schedules s
  where s.next_run_at is not null and s.next_run_at <= (select clock_timestamp())
  order by s.next_run_at limit $1 for update skip locked`

const MOVE = `
update schedules s set next_run_at = run.next, last_run_at = coalesce(run.last, s.last_run_at)
from unnest($1::text[], $2::timestamptz[], $3::timestamptz[]) as run (id, last, next) where s.id = run.id`

export function scheduleReads(query: Query): Reads['schedules'] {
  return {
    async get(id) {
      return (
        toSchedules(await query(`select ${scheduleColumns.text} from schedules s where s.id = $1`, [id]))[0] ?? null
      )
    },
    async list({ ownerId, after = '', limit }) {
      const own = ownerId === undefined ? '' : 'and s.owner_id = $3'
      const rows = await query(
        `select ${scheduleColumns.text} from schedules s where s.id > $1 ${own} order by s.id limit $2`,
        [after, limit + 1, ...(ownerId === undefined ? [] : [ownerId])],
      )
      const found = toSchedules(rows.slice(0, limit))
      return { schedules: found, next: rows.length > limit ? (found.at(-1)?.id ?? null) : null }
    },
    async nextDue() {
      const [row] = await query<[number]>(NEXT_DUE)
      return row?.[0] ?? null
    },
    async now() {
      const [row] = await query<[Date]>('select clock_timestamp()')
      if (!row) throw new AppError('INTERNAL', 'The database told no time')
      return row[0]
    },
  }
}

export function scheduleWrites(query: Query): Omit<ScheduleWrites, 'createBroadcast' | 'takeBroadcast'> {
  return {
    async createSchedule(schedule, most) {
      // Else two that are made at once would not see each other.
      await query('select from users where id = $1 for no key update', [schedule.ownerId])
      const { id, ownerId, userId } = schedule
      return toSchedules(await query(CREATE, [id, ...params(schedule), ownerId, userId, most]))[0] ?? null
    },
    async lockSchedule(id) {
      const rows = await query(`select ${scheduleColumns.text} from schedules s where s.id = $1 for update`, [id])
      return toSchedules(rows)[0] ?? null
    },
    async updateSchedule(schedule) {
      const [updated] = toSchedules(await query(UPDATE, [schedule.id, ...params(schedule)]))
      if (!updated) throw new AppError('NOT_FOUND', 'Schedule not found')
      return updated
    },
    async deleteSchedule(id) {
      return (await query('delete from schedules where id = $1 returning 1', [id])).length > 0
    },
    async dueSchedules(limit) {
      return toSchedules(await query(DUE, [limit]))
    },
    async moveSchedules(runs) {
      const times = (of: (run: (typeof runs)[number]) => Date | null) =>
        array(runs.map((run) => of(run)?.toISOString() ?? null))
      const ids = array(runs.map(({ id }) => id))
      await query(MOVE, [ids, times((run) => run.lastRunAt), times((run) => run.nextRunAt)])
    },
  }
}
