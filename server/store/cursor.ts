/** How far readers that the server keeps account of have come in the log: saved in the database whose log it is. */
import type { CursorWrites, Reads } from '../core/ports.ts'
import { array, type Query } from './driver.ts'

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

/** In one order, as other nodes may be saving the same ones. */
const SAVE = `
insert into cursors as c (user_id, dialect, scope, position)
select i.user_id, i.dialect, i.scope, max(i.position)
from unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) as i (user_id, dialect, scope, position)
group by i.user_id, i.dialect, i.scope order by i.user_id, i.dialect, i.scope
on conflict (user_id, dialect, scope) do update set position = excluded.position where c.position < excluded.position`

export function cursorWrites(query: Query): CursorWrites {
  return {
    async saveCursors(cursors) {
      await query(SAVE, [
        array(cursors.map(({ userId }) => userId)),
        array(cursors.map(({ dialect }) => dialect)),
        array(cursors.map(({ scope }) => scope)),
        array(cursors.map(({ position }) => position)),
      ])
    },
  }
}
