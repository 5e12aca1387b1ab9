/**
 * Replies: those to a message, and what a batch of sends replies to, where the sender may see it: a message from before their
 * joining, where history is hidden, or one that they have hidden is replaced by one that is not there and so refused like it; a
 * known `clientId` still gets its first answer. The same rule as `visible`. A batch without replies costs nothing.
 */
import type { MessageReads, SendDraft } from '../core/ports.ts'
import { hiddenFrom, messageColumns } from './columns.ts'
import { array, type Query } from './driver.ts'

const REPLIES = `select ${messageColumns.text} from messages msg
  where msg.reply_to = $1 and msg.seq > $2 and msg.deleted_at is null and not ${hiddenFrom('$4')} order by msg.seq limit $3`

export function replyReads(query: Query): Pick<MessageReads, 'replies'> {
  return {
    async replies(id, { after, limit, reader }) {
      const rows = await query(REPLIES, [id, after, limit, reader])
      return rows.flatMap((row) => messageColumns.read(row, 0) ?? [])
    },
  }
}

const HIDDEN = `select i.draft
from unnest($1::int[], $2::text[], $3::text[], $4::text[]) as i (draft, conversation_id, sender_id, reply_to)
join conversations c on c.id = i.conversation_id
join members m on m.conversation_id = c.id and m.user_id = i.sender_id and m.left_at is null
join messages msg on msg.id = i.reply_to
where (not c.history_visible and msg.seq <= m.joined_seq) or ${hiddenFrom('i.sender_id')}`

/** No message has it: an id has a character at least. */
const NOWHERE = ''

export async function visibleReplies(query: Query, drafts: readonly SendDraft[]): Promise<readonly (string | null)[]> {
  const replies = drafts.flatMap(({ replyTo, conversationId, senderId }, index) =>
    replyTo === null ? [] : [{ index, conversationId, senderId, replyTo }],
  )
  if (replies.length === 0) return drafts.map(() => null)
  const rows = await query<[draft: number]>(HIDDEN, [
    array(replies.map(({ index }) => index)),
    array(replies.map(({ conversationId }) => conversationId)),
    array(replies.map(({ senderId }) => senderId)),
    array(replies.map(({ replyTo }) => replyTo)),
  ])
  const hidden = new Set(rows.map(([draft]) => draft))
  return drafts.map(({ replyTo }, index) => (hidden.has(index) ? NOWHERE : replyTo))
}
