/**
 * One write: reads and changes on one session, then its events as the last statement, sent together with the commit. So the
 * lock of the log is held for the length of one commit, and a write that throws leaves nothing.
 */
import superjson from 'superjson'
import { AppError } from '../../shared/errors.ts'
import type { Durable } from '../../shared/events.ts'
import type { EventDraft, Reads, Tx } from '../core/ports.ts'
import { accountReads, accountWrites } from './account.ts'
import { adminReads } from './admin.ts'
import { blockReads, blockWrites } from './block.ts'
import { broadcastWrites } from './broadcast.ts'
import { lastMessage } from './columns.ts'
import { conversationReads, conversationWrites } from './conversation.ts'
import { cursorReads, cursorWrites } from './cursor.ts'
import { array, type Driver, type Query, type Statement } from './driver.ts'
import { lockReads, lockWrites } from './lock.ts'
import { memberReads, memberWrites } from './member.ts'
import { messageReads, messageWrites } from './message.ts'
import { notificationReads, notificationWrites, withoutText } from './notification.ts'
import { presenceReads, presenceWrites } from './presence.ts'
import { queueReads } from './queue.ts'
import { reactionWrites } from './reaction.ts'
import { receiptReads, receiptWrites } from './receipt.ts'
import { scheduleReads, scheduleWrites } from './schedule.ts'
import { searchReads } from './search.ts'
import { listConversations } from './summary.ts'
import { revokeTokens, upsertUser, userReads } from './user.ts'

/** Messages are never removed and their seq has no gap: the sum counts them without reading them. */
const STATS = `select (select count(*) from users), (select count(*) from conversations),
  (select coalesce(sum(msg.seq), 0)::bigint from conversations c ${lastMessage}), (select coalesce(max(position), 0) from events)`

export function openReads(query: Query): Reads {
  return {
    users: userReads(query),
    accounts: accountReads(query),
    conversations: conversationReads(query),
    members: memberReads(query),
    messages: messageReads(query),
    locks: lockReads(query),
    searches: searchReads(query),
    admin: adminReads(query),
    blocks: blockReads(query),
    notifications: notificationReads(query),
    schedules: scheduleReads(query),
    presence: presenceReads(query),
    queue: queueReads(query),
    cursors: cursorReads(query),
    receipts: receiptReads(query),
    snapshot: (userId, limit) => listConversations(query, userId, { limit }),
    async stats() {
      const [row] = await query<[number, number, number, number]>(STATS)
      const [users, conversations, messages, position] = row ?? [0, 0, 0, 0]
      return { users, conversations, messages, position }
    },
  }
}

const APPEND = `select log_position, created_at from append_events($1::text[], $2::text[], $3::text[], $4::text[], $5::text[],
  $6::text[], $7::text[], $8::int[], $9::text[], $10::int[], $11::text[])`

/** Whom an event adds to its conversation, and whom it removes. */
function moves(draft: EventDraft): { added: readonly string[]; removed: readonly string[] } {
  if (draft.name === 'conversation.created' || draft.name === 'member.added')
    return { added: draft.payload.members.map((member) => member.userId), removed: [] }
  if (draft.name === 'member.removed') return { added: [], removed: [draft.payload.userId] }
  return { added: [], removed: [] }
}

function appendEvents(drafts: readonly EventDraft[]): Statement {
  const idOf = (draft: EventDraft, kind: 'conversation' | 'user') =>
    draft.topic.startsWith(`${kind}:`) ? draft.topic.slice(kind.length + 1) : null
  const messageOf = ({ payload }: EventDraft) =>
    'message' in payload ? payload.message.id : 'notification' in payload ? payload.notification.messageId : null
  const payloadOf = ({ payload }: EventDraft) =>
    'message' in payload ? null : JSON.stringify(superjson.serialize(withoutText(payload)))
  const added = drafts.flatMap((draft, index) => moves(draft).added.map((id) => ({ ord: index + 1, id })))
  const removed = drafts.flatMap((draft, index) => moves(draft).removed.map((id) => ({ ord: index + 1, id })))
  return {
    text: APPEND,
    params: [
      array(drafts.map((draft) => idOf(draft, 'conversation'))),
      array(drafts.map((draft) => idOf(draft, 'user'))),
      array(drafts.map((draft) => draft.name)),
      array(drafts.map((draft) => draft.actorId)),
      array(drafts.map((draft) => draft.origin)),
      array(drafts.map(payloadOf)),
      array(drafts.map(messageOf)),
      array(added.map(({ ord }) => ord)),
      array(added.map(({ id }) => id)),
      array(removed.map(({ ord }) => ord)),
      array(removed.map(({ id }) => id)),
    ],
  }
}

export async function write<T>(driver: Driver, run: (tx: Tx) => Promise<T>): Promise<{ result: T; events: Durable[] }> {
  const drafts: EventDraft[] = []
  const { result, rows } = await driver.transaction(async (query) => {
    const append = (event: EventDraft) => void drafts.push(event)
    const result = await run({
      ...openReads(query),
      ...conversationWrites(query),
      ...memberWrites(query),
      ...messageWrites(query),
      ...lockWrites(query),
      ...blockWrites(query),
      ...scheduleWrites(query),
      ...broadcastWrites(query),
      ...cursorWrites(query),
      ...accountWrites(query),
      ...presenceWrites(query),
      ...receiptWrites(query),
      ...reactionWrites(query),
      upsertUser: (user) => upsertUser(query, user),
      revokeTokens: (userId) => revokeTokens(query, userId),
      ...notificationWrites(query, append),
      append,
    })
    return drafts.length === 0 ? { result } : { result, last: appendEvents(drafts) }
  })
  const events = drafts.map((draft, index): Durable => {
    const [position, at] = rows[index] ?? []
    if (typeof position !== 'number' || !(at instanceof Date))
      throw new AppError('INTERNAL', 'An event got no position')
    return { ...draft, position, at }
  })
  return { result, events }
}
