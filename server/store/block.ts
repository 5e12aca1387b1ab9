/** Blocks. Whether a direct conversation is blocked is kept with the conversation: a send looks at no other row. */
import type { BlockReads, BlockWrites } from '../core/ports.ts'
import { profileColumns } from './columns.ts'
import { pairKey } from './conversation.ts'
import { array, type Query } from './driver.ts'

/** Names the advisory locks of pairs, apart from that of the log. Two pairs that share one only wait for each other. */
const PAIRS = 1346458189

export function blockReads(query: Query): BlockReads {
  return {
    async list(userId, { after = '', limit }) {
      const rows = await query<[since: Date, ...unknown[]]>(
        `select b.created_at, ${profileColumns.text} from blocks b join users u on u.id = b.blocked_id
        where b.user_id = $1 and b.blocked_id > $2 order by b.blocked_id limit $3`,
        [userId, after, limit + 1],
      )
      const blocks = rows.slice(0, limit).flatMap((row) => {
        const profile = profileColumns.read(row, 1)
        return profile ? [{ userId: profile.id, profile, since: row[0] }] : []
      })
      return { blocks, next: rows.length > limit ? (blocks.at(-1)?.userId ?? null) : null }
    },
    async around(userId) {
      const rows = await query<[id: string, mine: boolean]>(
        `select blocked_id, true from blocks where user_id = $1
        union all select user_id, false from blocks where blocked_id = $1`,
        [userId],
      )
      const those = (whose: boolean) => rows.flatMap(([id, mine]) => (mine === whose ? [id] : []))
      return { mine: those(true), theirs: those(false) }
    },
    async among(userId, others) {
      const rows = await query<[string]>(
        `select blocked_id from blocks where user_id = $1 and blocked_id = any ($2::text[])
        union select user_id from blocks where blocked_id = $1 and user_id = any ($2::text[])`,
        [userId, array(others)],
      )
      return rows.map(([id]) => id)
    },
  }
}

export function blockWrites(query: Query): BlockWrites {
  return {
    async lockPair(a, b) {
      await query('select pg_advisory_xact_lock($1, hashtext($2))', [PAIRS, pairKey(a, b)])
    },
    async block(userId, blockedId, on) {
      const changed = await query(
        on
          ? 'insert into blocks (user_id, blocked_id) values ($1, $2) on conflict do nothing returning 1'
          : 'delete from blocks where user_id = $1 and blocked_id = $2 returning 1',
        [userId, blockedId],
      )
      if (changed.length === 0) return false
      await query(
        `update conversations set blocked = exists (
          select from blocks where (user_id, blocked_id) in (($2::text, $3::text), ($3::text, $2::text))
        ) where pair = $1`,
        [pairKey(userId, blockedId), userId, blockedId],
      )
      return true
    },
  }
}
