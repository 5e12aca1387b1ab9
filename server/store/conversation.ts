/** Conversations: look-ups, the picture of one, and what changes the row itself. */
import { AppError } from '../../shared/errors.ts'
import type { Conversation } from '../../shared/model.ts'
import type { Reads, Tx } from '../core/ports.ts'
import { conversationColumns, hiddenFrom, lastMessage, memberColumns, messageColumns } from './columns.ts'
import { array, type Param, type Query } from './driver.ts'
import { countConversations, listConversations } from './summary.ts'

/** How many members a detail shows. */
const SHOWN = 100

/** Names the direct conversation of two users; an id holds no control character, so no two pairs share a key. */
export const pairKey = (a: string, b: string) => (a < b ? `${a}\n${b}` : `${b}\n${a}`)

const one = (rows: readonly (readonly unknown[])[]): Conversation | null =>
  rows[0] ? conversationColumns.read(rows[0], 0) : null

function found(conversation: Conversation | null): Conversation {
  if (!conversation) throw new AppError('NOT_FOUND', 'There is no such conversation')
  return conversation
}

const DETAIL = `
select coalesce((select max(position) from events), 0),
  (select count(*) from members x where x.conversation_id = c.id and x.left_at is null and x.joined_seq >= 0),
  coalesce(c.history_visible or msg.seq > (
    select x.joined_seq from members x where x.conversation_id = c.id and x.user_id = $2 and x.left_at is null
  ), true) and not ${hiddenFrom('$2')},
  ${conversationColumns.text}, last.*, ${memberColumns.text}
from conversations c
${lastMessage}
left join lateral (select ${messageColumns.text} offset 0) last on true -- once, not for each member
left join lateral (
  select x.* from (
    (select s.* from members s where s.conversation_id = c.id and s.left_at is null and s.joined_seq >= 0 order by s.joined_at, s.user_id limit ${SHOWN})
    union
    select s.* from members s where s.conversation_id = c.id and s.user_id = $2 and s.left_at is null
  ) x
) m on true
left join users u on u.id = m.user_id
where c.id = $1
order by m.joined_at, m.user_id`

/** `visible`: whether the reader may see the last message; who is no member looks in as an administrator. */
type Detail = [position: number, members: number, visible: boolean, ...unknown[]]

export function conversationReads(query: Query): Reads['conversations'] {
  return {
    async get(id) {
      return one(
        await query(`select ${conversationColumns.text} from conversations c ${lastMessage} where c.id = $1`, [id]),
      )
    },
    async direct(a, b) {
      return one(
        await query(`select ${conversationColumns.text} from conversations c ${lastMessage} where c.pair = $1`, [
          pairKey(a, b),
        ]),
      )
    },
    async detail(id, forUser) {
      const rows = await query<Detail>(DETAIL, [id, forUser])
      const [first] = rows
      if (!first) return null
      const [position, memberCount, visible] = first
      const message = 3 + conversationColumns.width
      const member = message + messageColumns.width
      return {
        conversation: found(conversationColumns.read(first, 3)),
        members: rows.flatMap((row) => memberColumns.read(row, member) ?? []),
        memberCount,
        lastMessage: visible ? messageColumns.read(first, message) : null,
        position,
      }
    },
    async list(userId, page) {
      const { conversations, next } = await listConversations(query, userId, page)
      return { conversations, next }
    },
    count: (userId, which) => countConversations(query, userId, which),
  }
}

export function conversationWrites(query: Query): Pick<Tx, 'lock' | 'createConversation' | 'updateConversation'> {
  return {
    async lock(ids) {
      await query('select c.id from conversations c where c.id = any ($1::text[]) order by c.id for no key update', [
        array(ids),
      ])
    },
    async createConversation(draft) {
      const rows = await query(
        `with c as (
          insert into conversations (id, kind, pair, title, context, history_visible, join_policy, created_by)
          values ($1, $2, $3, $4, $5::jsonb, $6, $7, $8) on conflict do nothing returning *
        ) select ${conversationColumns.text} from c ${lastMessage}`,
        [
          draft.id,
          draft.kind,
          draft.pair && pairKey(...draft.pair),
          draft.title,
          draft.context && JSON.stringify(draft.context),
          draft.historyVisible,
          draft.joinPolicy,
          draft.createdBy,
        ],
      )
      return one(rows)
    },
    async updateConversation(id, change) {
      const params: Param[] = [id]
      const set = ['updated_at = greatest(clock_timestamp(), c.updated_at)']
      const assign = (column: string, value: Param | undefined) => {
        if (value !== undefined) set.push(`${column} = $${params.push(value)}`)
      }
      assign('title', change.title)
      assign('context', change.context && JSON.stringify(change.context))
      assign('history_visible', change.historyVisible)
      assign('join_policy', change.joinPolicy)
      return found(
        one(
          await query(
            `with c as (update conversations c set ${set.join(', ')} where c.id = $1 returning *)
            select ${conversationColumns.text} from c ${lastMessage}`,
            params,
          ),
        ),
      )
    },
  }
}
