/**
 * Notifications. What is about a message keeps no text of it: that is read from the message, so erased text does not come
 * back by a notification. Whether one is wanted, and silent, add_notifications decides in the transaction that makes it.
 */
import superjson from 'superjson'
import type { Durable } from '../../shared/events.ts'
import { type Message, type Notification, type NotificationType, previewOf } from '../../shared/model.ts'
import type {
  EventDraft,
  NotificationDraft,
  NotificationReads,
  NotificationsChanged,
  NotificationWrites,
  Tx,
} from '../core/ports.ts'
import { columns, hiddenFrom } from './columns.ts'
import { array, type Driver, type Param, type Query } from './driver.ts'
import { notifications } from './schema.ts'

const notificationColumns = columns(
  notifications,
  'n',
  [
    ...(['id', 'userId', 'type', 'priority', 'title', 'body', 'data', 'actionUrl'] as const),
    ...(['messageId', 'silent', 'createdAt', 'readAt'] as const),
  ],
  {},
)

/** Its event; `message` is the one it is about. */
export function toEvent(
  { by, cause: _, conversationId: __, ...draft }: NotificationDraft,
  silent: boolean,
  origin: string | null,
  message: Pick<Message, 'type' | 'content' | 'deletedAt'> | null,
): EventDraft<'notification.created'> {
  const notification: Notification = { ...draft, body: message ? previewOf(message) : draft.body, silent, readAt: null }
  const topic = `user:${draft.userId}` as const
  return { name: 'notification.created', topic, actorId: by, origin, payload: { notification } }
}

/** A payload as the log keeps it: what a notification says of a message is read from that again. */
export function withoutText(payload: EventDraft['payload']): EventDraft['payload'] {
  if (!('notification' in payload) || payload.notification.messageId === null) return payload
  return { notification: { ...payload.notification, body: '' } }
}

/** The same with what the message says now. */
export const withText = (payload: Durable['payload'], message: Message | null): Durable['payload'] =>
  'notification' in payload && message
    ? { notification: { ...payload.notification, body: previewOf(message) } }
    : payload

/** As the database takes it: `event` is the payload in the log, without the text of a message. */
export function toStored(draft: NotificationDraft) {
  const { payload } = toEvent(draft, false, null, null)
  const body = draft.messageId === null ? draft.body : ''
  return { ...draft, body, event: superjson.serialize(withoutText(payload)) }
}

/** Whether a user may see message `msg` now: as in policy.ts, and not what they have hidden from themselves. */
export const seenBy = (user: string) => `exists (
  select from conversations c join members m on m.conversation_id = c.id and m.user_id = ${user} and m.left_at is null
  where c.id = msg.conversation_id and (c.history_visible or msg.seq > m.joined_seq) and not ${hiddenFrom(user)}
)`
/** What the user of notification `n` sees of its message. */
const SEEN = `left join lateral (
  select msg.type, left(msg.content, 200) as content, msg.deleted_at from messages msg
  where msg.id = n.message_id and ${seenBy('n.user_id')} offset 0
) msg on true`
const SELECTED = `${notificationColumns.text}, msg.type, msg.content, msg.deleted_at`

function read(row: readonly unknown[], start: number): Notification[] {
  const notification = notificationColumns.read(row, start)
  if (!notification) return []
  // As SELECTED has them; all null where there is no message to be seen.
  const [type, content, deletedAt] = row.slice(start + notificationColumns.width) as [
    Message['type'] | null,
    string | null,
    Date | null,
  ]
  if (notification.messageId === null) return [notification]
  return [{ ...notification, body: type === null ? '' : previewOf({ type, content: content ?? '', deletedAt }) }]
}

/** Of notifications `n`: their types, if any are given. */
const ofTypes = (types: string) => `(${types}::text[] is null or n.type = any (${types}::text[]))`
const isUnread = (wish: string) => `(${wish}::boolean is null or (n.read_at is null) = ${wish})`
const COUNT = `select count(*) from notifications n where n.user_id = $1 and ${ofTypes('$2')} and ${isUnread('$3')}`
const UNREAD = `select count(*) from notifications n where n.user_id = $1 and n.read_at is null and ${ofTypes('$2')}`
const LIST = `
select (${UNREAD}), ${SELECTED}
from (select 1) one
left join (
  select * from notifications n
  where n.user_id = $1 and ${ofTypes('$2')} and ${isUnread('$3')} and ($4::text is null or n.id < $4)
  order by n.id desc limit $5 offset $6
) n on true ${SEEN}
order by n.id desc`

const orNull = (values: readonly string[] | undefined) => (values === undefined ? null : array(values))

export function notificationReads(query: Query): NotificationReads {
  return {
    async list(userId, { types, unread, before, skip, limit }) {
      const rows = await query<[unread: number, ...unknown[]]>(LIST, [
        ...[userId, orNull(types), unread ?? null, before ?? null, limit + 1, skip ?? 0],
      ])
      const found = rows.flatMap((row) => read(row, 1))
      const notifications = found.slice(0, limit)
      const next = found.length > limit ? (notifications.at(-1)?.id ?? null) : null
      return { notifications, next, unread: rows[0]?.[0] ?? 0 }
    },
    async unread(userId, types) {
      const [row] = await query<[number]>(UNREAD, [userId, orNull(types)])
      return row?.[0] ?? 0
    },
    async count(userId, { types, unread }) {
      const [row] = await query<[number]>(COUNT, [userId, orNull(types), unread ?? null])
      return row?.[0] ?? 0
    },
    async get(userId, id) {
      const text = `select ${SELECTED} from notifications n ${SEEN} where n.id = $1 and n.user_id = $2`
      const rows = await query(text, [id, userId])
      return rows.flatMap((row) => read(row, 0))[0] ?? null
    },
    async muted(userId) {
      const [row] = await query<[NotificationType[]]>('select muted_types from users where id = $1', [userId])
      return row?.[0] ?? []
    },
  }
}

/** The user's unread before the statement, without those that `changed` gives, and up to where in the log that is so. */
const counted = `select (select count(*) from changed),
  (select count(*) from notifications where user_id = $1 and read_at is null) - (select count(*) from changed where was_unread),
  (select jsonb_agg(id) from changed where $2::text[] is not null), (select coalesce(max(position), 0) from events)`
const MADE_SINCE = `select count(*) from events where user_id = $1 and position + 0 > $2 and name = 'notification.created'`
/** Two statements each: one for both would look at all that the user has for the few that are named. */
const NAMED = 'n.user_id = $1 and n.id = any ($2::text[])'
const ALL = 'n.user_id = $1 and $2::text[] is null'
const reading = (which: string) => `
with changed as (
  update notifications n set read_at = clock_timestamp()
  where ${which} and n.read_at is null and ${ofTypes('$3')} returning n.id, true as was_unread
) ${counted}`
const READ = { named: reading(NAMED), all: reading(ALL) }
const removal = (which: string) => `
with changed as (
  delete from notifications n where ${which} and (n.read_at is not null or not $3)
  returning n.id, n.read_at is null as was_unread
) ${counted}`
const DELETE = { named: removal(NAMED), all: removal(ALL) }

export function notificationWrites(query: Query, append: Tx['append']): NotificationWrites {
  /** What is made meanwhile is counted too if its event comes before that of the change: the log is locked, then read. */
  async function change(
    { named, all }: typeof READ,
    userId: string,
    ids: readonly string[] | undefined,
    only: Param,
  ): Promise<NotificationsChanged> {
    await query('select 1 from users where id = $1 for no key update', [userId])
    const [row] = await query<[changed: number, unread: number, ids: string[] | null, position: number]>(
      ids ? named : all,
      [userId, orNull(ids), only],
    )
    const [changed, unread, changedIds, position] = row ?? [0, 0, null, 0]
    if (changed === 0) return { changed, unread, ids: [] }
    const locked = query('select 1 from lock_log()')
    const [since] = await Promise.all([query<[made: number]>(MADE_SINCE, [userId, position]), locked])
    return { changed, unread: unread + (since[0]?.[0] ?? 0), ids: changedIds ?? [] }
  }
  return {
    async notify(drafts, origin, message = null) {
      if (drafts.length === 0) return []
      const made = await query<[id: string, silent: boolean]>(
        'select made_id, made_silent from add_notifications($1::jsonb)',
        [JSON.stringify(drafts.map(toStored))],
      )
      const silent = new Map(made)
      for (const draft of drafts) {
        const is = silent.get(draft.id)
        if (is !== undefined) append(toEvent(draft, is, origin, message))
      }
      return [...silent.keys()]
    },
    readNotifications: (userId, { ids, types }) => change(READ, userId, ids, orNull(types)),
    deleteNotifications: (userId, { ids, read: readOnly = false }) => change(DELETE, userId, ids, readOnly),
    async muteTypes(userId, types) {
      await query('update users set muted_types = $2::jsonb where id = $1', [userId, JSON.stringify(types)])
    },
  }
}

const BATCH = 1_000
const PRUNE = `with old as materialized (
  select id from notifications where read_at < $1 order by read_at limit $2 for update skip locked
)
delete from notifications n using old where n.id = old.id returning 1`

/** Forgets what was read before then, in batches, each its own transaction. Gives how many. */
export async function pruneNotifications({ query }: Pick<Driver, 'query'>, before: Date): Promise<number> {
  for (let gone = 0; ; ) {
    const { length } = await query(PRUNE, [before, BATCH])
    gone += length
    if (length < BATCH) return gone
  }
}
