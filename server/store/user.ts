/** Users: look-ups, and the one upsert. */
import { isDeepStrictEqual } from 'node:util'
import { getTableColumns } from 'drizzle-orm'
import { AppError } from '../../shared/errors.ts'
import type { User } from '../../shared/model.ts'
import type { Reads, Tx } from '../core/ports.ts'
import { userColumns } from './columns.ts'
import { array, type Param, type Query } from './driver.ts'
import { users } from './schema.ts'

const toUsers = (rows: readonly (readonly unknown[])[]) => rows.flatMap((row) => userColumns.read(row, 0) ?? [])

export function userReads(query: Query): Reads['users'] {
  return {
    async get(id) {
      const rows = await query(`select ${userColumns.text} from users u where u.id = $1`, [id])
      return toUsers(rows)[0] ?? null
    },
    async admission(id) {
      const [row] = await query<[Date | null, ...unknown[]]>(
        `select u.tokens_after, ${userColumns.text} from users u where u.id = $1`,
        [id],
      )
      const user = row && userColumns.read(row, 1)
      return user ? { user, tokensAfter: row[0] } : null
    },
    async existing(ids) {
      return toUsers(await query(`select ${userColumns.text} from users u where u.id = any ($1::text[])`, [array(ids)]))
    },
    async first(ids) {
      const rows = await query(
        `select ${userColumns.text} from unnest($1::text[]) with ordinality as i (id, n) join users u on u.id = i.id
        order by i.n limit 1`,
        [array(ids)],
      )
      return toUsers(rows)[0] ?? null
    },
  }
}

const OWN = ['name', 'role', 'email', 'avatar', 'schoolId', 'classIds', 'active'] as const
const tableColumns = getTableColumns(users)

/** Only what is given changes; nothing is written when nothing differs. A new user without a name is called by the id. */
export async function upsertUser(query: Query, user: Parameters<Tx['upsertUser']>[0]): ReturnType<Tx['upsertUser']> {
  const given = OWN.filter((key) => user[key] !== undefined)
  // Also an update of nothing locks the row, and that has to be committed: most handshakes tell nothing new.
  const known = await userReads(query).get(user.id)
  if (known && given.every((key) => isDeepStrictEqual(known[key], user[key]))) return { user: known, changed: false }
  const names = given.map((key) => tableColumns[key].name)
  const params: Param[] = [user.id]
  for (const key of given) {
    const value: User[typeof key] | undefined = user[key]
    params.push(value === undefined ? null : Array.isArray(value) ? JSON.stringify(value) : value)
  }
  const insert = given.includes('name') ? names : ['name', ...names]
  const values = names.map((_, index) => `$${index + 2}`)
  if (!given.includes('name')) values.unshift('$1')
  const update =
    names.length === 0
      ? 'do nothing'
      : `do update set ${names.map((name) => `${name} = excluded.${name}`).join(', ')},
          updated_at = greatest(clock_timestamp(), u.updated_at)
        where (${names.map((name) => `u.${name}`).join(', ')}) is distinct from (${names.map((name) => `excluded.${name}`).join(', ')})`
  const rows = await query(
    `insert into users as u (id, ${insert.join(', ')}) values ($1, ${values.join(', ')})
    on conflict (id) ${update} returning ${userColumns.text}`,
    params,
  )
  const changed = toUsers(rows)[0]
  if (changed) return { user: changed, changed: true }
  const unchanged = await userReads(query).get(user.id)
  if (!unchanged) throw new AppError('INTERNAL', 'Internal error', { cause: new Error(`user ${user.id} is not there`) })
  return { user: unchanged, changed: false }
}

/** Never earlier than before. */
export async function revokeTokens(query: Query, userId: string): Promise<Date | null> {
  const [row] = await query<[Date]>(
    `update users u set tokens_after = greatest(u.tokens_after, date_trunc('milliseconds', clock_timestamp()))
    where u.id = $1 returning u.tokens_after`,
    [userId],
  )
  return row?.[0] ?? null
}
