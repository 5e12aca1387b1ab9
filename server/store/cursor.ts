/** How far readers that the server keeps account of have come in the log: saved in the database whose log it is. */
import type { CursorWrites, Reads } from '../core/ports.ts'
import type { Query } from './driver.ts'

export function cursorReads(query: Query): Reads['cursors'] {
  return {
    async get({ userId, dialect, scope }) {
      const [row] = await query<[number]>(
        'select position from cursors where user_id = $1 and dialect = $2 and scope = $3',
        [userId, dialect, scope],
      )
      return row?.[0] ?? null
    },
  }
}

export function cursorWrites(query: Query): CursorWrites {
  return {
    async saveCursor({ userId, dialect, scope }, position) {
      await query(
        `insert into cursors as c (user_id, dialect, scope, position) values ($1, $2, $3, $4)
        on conflict (user_id, dialect, scope) do update set position = excluded.position where c.position < excluded.position`,
        [userId, dialect, scope, position],
      )
    },
  }
}
