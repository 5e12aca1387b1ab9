/** Logins and the hashes of their passwords. */
import type { AccountReads, AccountWrites } from '../core/ports.ts'
import { userColumns } from './columns.ts'
import { array, type Query } from './driver.ts'

export function accountReads(query: Query): AccountReads {
  return {
    async find(login) {
      const [row] = await query<[passwordHash: string, ...unknown[]]>(
        `select a.password_hash, ${userColumns.text} from accounts a join users u on u.id = a.user_id where a.login = $1`,
        [login],
      )
      const user = row && userColumns.read(row, 1)
      return user ? { user, passwordHash: row[0] } : null
    },
  }
}

export function accountWrites(query: Query): AccountWrites {
  return {
    async addLogins(userId, logins, passwordHash) {
      // In order: two registrations that want the same two logins wait for each other one way only.
      const rows = await query(
        `insert into accounts (login, user_id, password_hash) select l, $2, $3 from unnest($1::text[]) l order by l
        on conflict (login) do nothing returning login`,
        [array(logins), userId, passwordHash],
      )
      return rows.length === logins.length
    },
  }
}
