/** A handshake that tells nothing new of its user reads and writes nothing: it must not cost a commit, nor a row's lock. */
import { describe, expect, test } from 'vitest'
import { openStore } from '../../server/store/store.ts'
import { withSql } from '../postgres.ts'
import { nativeDatabase, withoutNative } from '../store/databases.ts'

describe.skipIf(withoutNative())('on native Postgres', () => {
  test('an unchanged user is not touched', async () => {
    const database = await nativeDatabase()
    const store = await openStore({ databaseUrl: database.url })
    try {
      const upsert = (more: object = {}) =>
        store.write((tx) => tx.upsertUser({ id: 'ann', name: 'Ann', classIds: ['a', 'b'], email: null, ...more }))
      const row = () => withSql(database.url, (sql) => sql`select xmin::text, xmax::text, ctid::text from users`)
      expect((await upsert()).result.changed).toBe(true)
      const before = await row()
      expect((await upsert()).result.changed).toBe(false)
      expect(await row()).toEqual(before)
      expect((await upsert({ classIds: ['b', 'a'] })).result).toMatchObject({ changed: true, user: { name: 'Ann' } })
      expect(await row()).not.toEqual(before)
    } finally {
      await store.close()
      await database.drop()
    }
  })
})
