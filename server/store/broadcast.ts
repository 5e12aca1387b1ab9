/** Broadcasts on their way, and for a while those that are done: one row each, locked by whoever sends the next batch. */
import type { ScheduleWrites } from '../core/ports.ts'
import { columns } from './columns.ts'
import type { Driver, Query } from './driver.ts'
import { broadcasts } from './schema.ts'

const broadcastColumns = columns(
  broadcasts,
  'b',
  [...(['id', 'type', 'priority', 'title', 'body', 'data', 'actionUrl', 'by', 'createdAt', 'afterUserId'] as const)],
  {},
)

const CREATE = `insert into broadcasts (id, type, priority, title, body, data, action_url, by)
  values ($1, $2, $3, $4, $5, $6, $7, $8)`

const TAKE = `select ${broadcastColumns.text} from broadcasts b
  where b.done_at is null order by b.id limit 1 for update skip locked`

/** The place reached as a parameter: joined with the broadcast, all users beyond it would be sorted for each batch. */
const SERVED = `select u.id from users u where u.id > $1 and u.active and u.created_at <= $2 order by u.id limit $3`

const MOVE = `update broadcasts set after_user_id = $2, done_at = case when $3::boolean then clock_timestamp() end where id = $1`

export function broadcastWrites(query: Query): Pick<ScheduleWrites, 'createBroadcast' | 'takeBroadcast'> {
  return {
    async createBroadcast({ id, type, priority, title, body, data, actionUrl, by }) {
      await query(CREATE, [id, type, priority, title, body, data && JSON.stringify(data), actionUrl, by])
    },
    async takeBroadcast(limit) {
      const [row] = await query(TAKE)
      const found = row && broadcastColumns.read(row, 0)
      if (!found) return null
      const { afterUserId, ...broadcast } = found
      const rows = await query<[string]>(SERVED, [afterUserId, broadcast.createdAt, limit])
      const userIds = rows.map(([id]) => id)
      await query(MOVE, [broadcast.id, userIds.at(-1) ?? afterUserId, userIds.length < limit])
      return { broadcast, userIds }
    },
  }
}

/** Forgets those that were done before then: a scan, of few rows as long as this is done now and again. */
export async function pruneBroadcasts({ query }: Pick<Driver, 'query'>, before: Date): Promise<void> {
  await query('delete from broadcasts where done_at < $1', [before])
}
