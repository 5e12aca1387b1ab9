/**
 * Messages that a user has deleted for themselves: a row of `hidden` each, which every reading for that user leaves out. The
 * message itself, its seq and what is counted as unread stay as they are.
 */
import type { MessageReads, MessageWrites } from '../core/ports.ts'
import { hiddenFrom, messageColumns } from './columns.ts'
import type { Query } from './driver.ts'

const VISIBLE = `
select ${hiddenFrom('$2')}, ${messageColumns.text}
from messages msg join conversations c on c.id = msg.conversation_id
join members m on m.conversation_id = c.id and m.user_id = $2 and m.left_at is null
where msg.id = $1 and (c.history_visible or msg.seq > m.joined_seq)`

export function hiddenReads(query: Query): Pick<MessageReads, 'visible'> {
  return {
    async visible(id, userId) {
      const [row] = await query<[hidden: boolean, ...unknown[]]>(VISIBLE, [id, userId])
      const message = row && messageColumns.read(row, 1)
      return message ? { message, hidden: row[0] } : null
    },
  }
}

export function hiddenWrites(query: Query): Pick<MessageWrites, 'hide'> {
  return {
    async hide(id, userId) {
      const rows = await query(
        'insert into hidden (user_id, message_id) values ($1, $2) on conflict do nothing returning 1',
        [userId, id],
      )
      return rows.length > 0
    },
  }
}
