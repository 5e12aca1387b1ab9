/**
 * Reactions: rows of their own, one of a kind per user and message. A statement sees the rows as they were before its own
 * change, so that change is added to the count.
 */
import type { Tx } from '../core/ports.ts'
import type { Query } from './driver.ts'

const counted = (change: string, sign: '+' | '-') => `with changed as (${change} returning 1)
select own.rows > 0, (select count(*) from reactions where message_id = $1 and reaction = $3) ${sign} own.rows
from (select count(*) as rows from changed) own`

const GIVE = counted(
  'insert into reactions (message_id, user_id, reaction) values ($1, $2, $3) on conflict do nothing',
  '+',
)
const TAKE_BACK = counted('delete from reactions where message_id = $1 and user_id = $2 and reaction = $3', '-')

export function reactionWrites(query: Query): Pick<Tx, 'react'> {
  return {
    async react(messageId, userId, reaction, on) {
      const rows = await query<[changed: boolean, count: number]>(on ? GIVE : TAKE_BACK, [messageId, userId, reaction])
      const [changed, count] = rows[0] ?? [false, 0]
      return { changed, count }
    },
  }
}
