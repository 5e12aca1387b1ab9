/** Messages: look-ups and ranges, and what changes one message. Storing new ones is append_messages, for batch and write alike. */
import { AppError } from '../../shared/errors.ts'
import type { Durable } from '../../shared/events.ts'
import type { Message } from '../../shared/model.ts'
import type { MessageReads, MessageWrites, SendDraft, Sent } from '../core/ports.ts'
import { hiddenFrom, lastMessage, messageColumns } from './columns.ts'
import { array, type Query } from './driver.ts'
import { hiddenReads, hiddenWrites } from './hidden.ts'
import { toEvent, toStored } from './notification.ts'
import { replyReads, visibleReplies } from './reply.ts'

const toMessages = (rows: readonly (readonly unknown[])[]): Message[] =>
  rows.flatMap((row) => messageColumns.read(row, 0) ?? [])

const RANGE = (order: 'asc' | 'desc') => `select ${messageColumns.text} from messages msg
  where msg.conversation_id = $1 and msg.seq between $2 and $3 and not ${hiddenFrom('$5')} order by msg.seq ${order} limit $4`
const FORWARD = RANGE('asc')
const BACKWARD = RANGE('desc')

const END = (order: 'asc' | 'desc') => `(
  select msg.seq from messages msg where msg.conversation_id = $1 and msg.seq >= $2 and not ${hiddenFrom('$3')}
  order by msg.seq ${order} limit 1
)`
const ENDS = `select ${END('asc')}, ${END('desc')}`

const FIRST_AFTER = `
select first_seq_after($1, $2, (select msg.seq from messages msg where msg.conversation_id = $1 order by msg.seq desc limit 1))`

const MISSED = `
with mine as materialized (
  select c.id, m.user_id, greatest(first_seq_after(c.id, $2, msg.seq), case when c.history_visible then 1 else m.joined_seq + 1 end) as seq
  from members m join conversations c on c.id = m.conversation_id ${lastMessage}
  where m.user_id = $1 and m.left_at is null and msg.created_at > $2
)
select ${messageColumns.text}
from mine cross join lateral (
  select msg.* from messages msg
  where msg.conversation_id = mine.id and msg.seq >= mine.seq and msg.sender_id <> mine.user_id
    and not ${hiddenFrom('mine.user_id')}
  order by msg.seq limit $3
) msg
order by msg.created_at, msg.conversation_id, msg.seq limit $3`

export function messageReads(query: Query): MessageReads {
  return {
    async get(id) {
      const rows = await query(`select ${messageColumns.text} from messages msg where msg.id = $1`, [id])
      return toMessages(rows)[0] ?? null
    },
    async byClientId(conversationId, senderId, clientId) {
      const rows = await query(
        `select ${messageColumns.text} from messages msg
        where msg.conversation_id || chr(10) || msg.sender_id || chr(10) || msg.client_id
          = $1::text || chr(10) || $2::text || chr(10) || $3::text`,
        [conversationId, senderId, clientId],
      )
      return toMessages(rows)[0] ?? null
    },
    ...hiddenReads(query),
    ...replyReads(query),
    async range(conversationId, { fromSeq, toSeq, limit, newest, reader = null }) {
      const rows = await query(newest ? BACKWARD : FORWARD, [conversationId, fromSeq, toSeq, limit, reader])
      return toMessages(newest ? rows.reverse() : rows)
    },
    async ends(conversationId, fromSeq, reader) {
      const [row] = await query<[number | null, number | null]>(ENDS, [conversationId, fromSeq, reader])
      const [first, last] = row ?? [null, null]
      return first === null || last === null ? null : { first, last }
    },
    async firstAfter(conversationId, since) {
      const [row] = await query<[number]>(FIRST_AFTER, [conversationId, since])
      return row?.[0] ?? 1
    },
    async versions(id, after, limit) {
      const rows = await query<[version: number, content: string, writtenAt: Date]>(
        'select version, content, written_at from versions where message_id = $1 and version > $2 order by version limit $3',
        [id, after, limit],
      )
      return rows.map(([version, content, writtenAt]) => ({ version, content, writtenAt }))
    },
    async missed(userId, since, limit) {
      return toMessages(await query(MISSED, [userId, since, limit]))
    },
  }
}

const APPEND = `select code, id, seq, log_position, created_at from append_messages($1::text[], $2::text[], $3::text[], $4::text[],
  $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::boolean[], $11::text[], $12::text::jsonb, $13)`

/** What a message has when it is sent, without a look at the database. */
const NEW = {
  ...{ version: 1, editedAt: null, originalContent: null, deletedAt: null, deletedBy: null },
  ...{ replyCount: 0, reactions: [] },
}

type Appended = [code: string, id: string, seq: number, position: number | null, createdAt: Date]

/**
 * Stores the drafts, in order, and answers each: what was sent, or why not. `withEvents` checks membership, makes the
 * notifications and logs both; `known` is how the present state of earlier messages is read, once the batch is committed.
 */
export async function appendMessages(
  query: Query,
  drafts: readonly SendDraft[],
  withEvents: boolean,
  known: Query,
): Promise<(Sent | AppError)[]> {
  const replies = withEvents ? await visibleReplies(query, drafts) : drafts.map((draft) => draft.replyTo)
  const column = (of: (draft: SendDraft) => string | null) => array(drafts.map(of))
  const rows = await query<Appended>(APPEND, [
    column((draft) => draft.id),
    column((draft) => draft.conversationId),
    column((draft) => draft.senderId),
    column((draft) => draft.clientId),
    column((draft) => draft.type),
    column((draft) => draft.content),
    column((draft) => draft.metadata && JSON.stringify(draft.metadata)),
    array(replies),
    column((draft) => (draft.mentions.length === 0 ? null : JSON.stringify(draft.mentions))),
    column((draft) => String(draft.mentionsEveryone)),
    column((draft) => draft.origin),
    JSON.stringify(
      drafts.flatMap(({ notifications }, index) => notifications.map((of) => ({ ...toStored(of), ord: index + 1 }))),
    ),
    withEvents,
  ])
  const earlier = rows.flatMap(([code, id]) => (code === 'known' ? [id] : []))
  const first = new Map<string, Message>()
  if (earlier.length > 0) {
    const text = `select ${messageColumns.text} from messages msg where msg.id = any ($1::text[])`
    for (const message of toMessages(await known(text, [array(earlier)]))) first.set(message.id, message)
  }
  const made = new Map(rows.slice(drafts.length).map((row) => [row[1], row]))
  return drafts.map((draft, index) => {
    const row = rows[index]
    return row ? toAnswer(draft, row, first.get(row[1]), made) : new AppError('INTERNAL')
  })
}

const REFUSED: Readonly<Record<string, AppError>> = {
  'no conversation': new AppError('NOT_FOUND', 'There is no such conversation'),
  'not a member': new AppError('FORBIDDEN', 'Not a member of this conversation'),
  blocked: new AppError('FORBIDDEN', 'One of you has blocked the other'),
  'no reply target': new AppError('NOT_FOUND', 'There is no such message to reply to'),
}

function toAnswer(
  draft: SendDraft,
  [code, , seq, position, createdAt]: Appended,
  first: Message | undefined,
  made: ReadonlyMap<string, Appended>,
): Sent | AppError {
  if (code === 'known') return first ? { message: first, position: null, notified: [] } : new AppError('INTERNAL')
  const refused = REFUSED[code]
  if (refused) return new AppError(refused.code, refused.message)
  const { origin, notifications, ...stored } = draft
  const message = { ...stored, mentions: [...stored.mentions], seq, createdAt, ...NEW }
  const notified = notifications.flatMap((of): Durable[] => {
    const [said, , , at, madeAt] = made.get(of.id) ?? []
    if (typeof at !== 'number' || madeAt === undefined) return []
    return [{ ...toEvent(of, said === 'notified silently', origin, message), position: at, at: madeAt }]
  })
  return { message, position, notified }
}

function found(rows: readonly (readonly unknown[])[]): Message {
  const [message] = toMessages(rows)
  if (!message) throw new AppError('NOT_FOUND', 'There is no such message')
  return message
}

/** Takes back whom message $1 names. */
const NAMED_NO_LONGER = `delete from mentions x using messages named
  where named.id = $1 and x.conversation_id = named.conversation_id and x.seq = named.seq
    and x.user_id in (select jsonb_array_elements_text(coalesce(named.mentions, '[]')) union all select '')`

export function messageWrites(query: Query): Omit<MessageWrites, 'react'> {
  return {
    ...hiddenWrites(query),
    async createMessage(draft) {
      const [answer] = await appendMessages(query, [{ ...draft, notifications: [] }], false, query)
      if (answer === undefined || answer instanceof AppError) throw answer ?? new AppError('INTERNAL')
      if (answer.message.id !== draft.id) throw new AppError('CONFLICT', 'This clientId has been used')
      return answer.message
    },
    async editMessage(id, { content, mentions, mentionsEveryone }) {
      return found(
        await query(
          `with before as (
            insert into versions (message_id, version, content, written_at)
            select id, version, content, coalesce(edited_at, created_at) from messages where id = $1 and deleted_at is null
          ),
          gone as (${NAMED_NO_LONGER} and not x.user_id = any ($5::text[])),
          named as (
            insert into mentions (conversation_id, user_id, seq, sender_id)
            select msg.conversation_id, n.id, msg.seq, msg.sender_id from messages msg, unnest($5::text[]) as n (id)
            where msg.id = $1 and msg.deleted_at is null on conflict do nothing
          )
          update messages msg set original_content = coalesce(original_content, content), content = $2, version = version + 1,
            mentions = $3::jsonb, mentions_everyone = $4, edited_at = greatest(clock_timestamp(), created_at, edited_at)
          where id = $1 and deleted_at is null returning ${messageColumns.text}`,
          [
            ...[id, content, mentions.length === 0 ? null : JSON.stringify(mentions), mentionsEveryone],
            array(mentionsEveryone ? [...mentions, ''] : mentions),
          ],
        ),
      )
    },
    async deleteMessage(id, by) {
      return found(
        await query(
          `with texts as (delete from versions where message_id = $1),
            reacted as (delete from reactions where message_id = $1),
            named as (${NAMED_NO_LONGER})
          update messages msg set content = '', original_content = null, metadata = null, mentions = null, mentions_everyone = false,
            deleted_at = coalesce(deleted_at, greatest(clock_timestamp(), created_at)), deleted_by = coalesce(deleted_by, $2)
          where id = $1 returning ${messageColumns.text}`,
          [id, by],
        ),
      )
    },
  }
}
