/**
 * Reading the log. A page is one statement: it sees one state of intervals, events, the end and the floor of the log, so it
 * is complete up to its `upTo`, and a cursor that cannot be continued is always told so (RESET), never passed over.
 * Catch-up goes by conversation: one probe of an index for each that has nothing new. An event of a message carries the
 * message's present state, so deleted text never comes back; to who has left, or is back and may not see it, what it said when
 * they left, without whom it named. A notification shows the message only to who may still see it.
 */
import superjson from 'superjson'
import { AppError } from '../../shared/errors.ts'
import type { Durable, Topic } from '../../shared/events.ts'
import type { Message } from '../../shared/model.ts'
import type { Log, Reader } from '../core/ports.ts'
import { messageColumns } from './columns.ts'
import type { Driver, Param, Query } from './driver.ts'
import { seenBy, withText } from './notification.ts'

const EVENT =
  'e.position, e.conversation_id, e.user_id, e.name, e.actor_id, e.origin, e.payload, e.message_id, e.created_at'

/** `found` selects at most $2 events beyond $1, in order of position. */
const page = (found: string, reader = 'null') => `
with tail as (select coalesce(max(position), 0) as position from events), found as (${found})
select tail.position, log.floor, ${EVENT}, earlier.content, earlier.version, earlier.written_at, ${messageColumns.text}
from tail cross join log left join found e on true
left join lateral ( -- by id, one by one: never all messages
  select msg.* from messages msg where msg.id = e.message_id and (e.user_id is null or ${seenBy('e.user_id')}) offset 0
) msg on true
left join lateral (
  select v.* from intervals i join events gone on gone.position = i.to_position
  join versions v on v.message_id = msg.id and v.written_at <= gone.created_at
  where msg.edited_at is not null and gone.created_at <= msg.edited_at
    and i.user_id = ${reader} and i.conversation_id = e.conversation_id and e.position between i.from_position and i.to_position
    and not ${seenBy(reader)}
  order by v.version desc limit 1
) earlier on true
order by e.position`

/** Events of the conversations of user $3, each within the user's intervals there. `position + 0` is what the index has. */
const byConversation = (only: string) => `
  select e.* from intervals i
  cross join lateral (
    select * from events e
    where e.conversation_id = i.conversation_id and e.position + 0 > $1 and e.position + 0 >= i.from_position
      and e.position + 0 <= coalesce(i.to_position, 9007199254740991)
    order by e.position + 0 limit $2
  ) e
  where i.user_id = $3 and (i.to_position is null or i.to_position > $1)${only}`

const EVERYTHING = page('select * from events where position > $1 order by position limit $2')
const OF_CONVERSATION = page(`${byConversation(' and i.conversation_id = $4')} order by position limit $2`, '$3')
const OWN = 'select * from events where user_id = $3 and position + 0 > $1 order by position + 0 limit $2'
const OF_USER_ALONE = page(OWN)
const OF_USER = page(`(${byConversation('')}) union all (${OWN}) order by position limit $2`, '$3')

type Row = [
  tail: number,
  floor: number,
  position: number | null,
  conversationId: string | null,
  userId: string | null,
  name: string,
  actorId: string | null,
  origin: string | null,
  payload: Parameters<typeof superjson.deserialize>[0] | null,
  messageId: string | null,
  at: Date,
  ...[earlierContent: string | null, earlierVersion: number | null, earlierAt: Date | null],
  ...unknown[],
]

/** The message of a row: as it is now, or with the text that it had when the reader left. */
function messageOf(row: Row): Message | null {
  const message = messageColumns.read(row, 14)
  const [content, version, writtenAt] = [row[11], row[12], row[13]]
  if (!message || content === null || version === null) return message
  const edited = version === 1 ? { editedAt: null, originalContent: null } : { editedAt: writtenAt }
  return { ...message, content, version, ...edited, mentions: [], mentionsEveryone: false }
}

function toEvent(row: Row, position: number): Durable {
  const [, , , conversationId, userId, name, actorId, origin, stored, , at] = row
  const topic: Topic = conversationId === null ? `user:${userId}` : `conversation:${conversationId}`
  const message = messageOf(row)
  const payload = stored === null ? { message } : withText(superjson.deserialize(stored), message)
  // Name and payload were typed together where the event was made (EventDraft), and a row of the log never changes.
  return { name, topic, position, at, actorId, origin, payload } as Durable
}

function statement(reader: Reader, after: number, limit: number): [string, Param[]] {
  if (!reader) return [EVERYTHING, [after, limit]]
  const { userId, only } = reader
  if (only === undefined) return [OF_USER, [after, limit, userId]]
  if (only === 'own') return [OF_USER_ALONE, [after, limit, userId]]
  return [OF_CONVERSATION, [after, limit, userId, only.conversationId]]
}

function reset(reason: 'expired' | 'ahead'): AppError {
  const message =
    reason === 'ahead' ? 'The cursor lies beyond the end of the log' : 'The log no longer goes back that far'
  return new AppError('RESET', message, { data: { reason } })
}

export async function readPage(query: Query, reader: Reader, after: number, limit: number): ReturnType<Log['page']> {
  const rows = await query<Row>(...statement(reader, after, limit))
  const [tail, floor] = rows[0] ?? [0, 0]
  if (after > tail) throw reset('ahead')
  if (after < floor) throw reset('expired')
  const events = rows.flatMap((row) => (row[2] === null ? [] : [toEvent(row, row[2])]))
  return { events, upTo: events.length < limit ? tail : (events.at(-1)?.position ?? tail) }
}

/** Positions rise with time but for milliseconds between nodes: a batch ends at the first event that is young enough. */
const PRUNE = `
with old as materialized (
  select position from (
    select e.position, bool_and(e.created_at < $1) over (order by e.position) as expired
    from (
      select position, created_at from events where position > (select floor from log) order by position limit $2
    ) e
  ) e
  where expired and position < (select max(position) from events)
),
gone as (delete from events e using old where e.position = old.position),
risen as (update log set floor = greatest(floor, (select max(position) from old)) where exists (select from old))
select count(*), (select greatest(floor, (select max(position) from old)) from log) from old`

const BATCH = 5_000

export function openLog(driver: Driver): Log {
  return {
    async tail() {
      const [row] = await driver.query<[number, number]>(
        'select coalesce((select max(position) from events), 0), floor from log',
      )
      return { position: row?.[0] ?? 0, floor: row?.[1] ?? 0 }
    },
    page: (reader, after, limit) => readPage(driver.query, reader, after, limit),
    async memberships(userId, position) {
      const rows = await driver.query<[string]>(
        `select conversation_id from intervals
        where user_id = $1 and from_position <= $2 and (to_position is null or to_position > $2)`,
        [userId, position],
      )
      return rows.map(([id]) => id)
    },
    async prune(before) {
      for (;;) {
        const [row] = await driver.query<[number, number]>(PRUNE, [before, BATCH])
        if (!row || row[0] < BATCH) return row?.[1] ?? 0
      }
    },
  }
}
