import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Store } from '../../server/core/ports.ts'
import { openStore } from '../../server/store/store.ts'
import { withSql } from '../postgres.ts'
import { nativeDatabase, withoutNative } from './databases.ts'
import { createConversation, draft, newId } from './drafts.ts'
import { erase, searching } from './search.ts'

searching()

describe.skipIf(withoutNative())('the index, looked at from outside', () => {
  let database: Awaited<ReturnType<typeof nativeDatabase>>
  let store: Store
  beforeAll(async () => {
    database = await nativeDatabase()
    store = await openStore({ databaseUrl: database.url })
  })
  afterAll(async () => {
    await store?.close()
    await database?.drop()
  })

  it('keeps nothing of an erased message', async () => {
    const id = newId()
    await createConversation(store, id, ['ann'])
    const { message } = await store.send(draft(id, 'ann', 'x', { content: 'secret' }))
    await store.index(1_000)
    const words = () =>
      withSql(database.url, (sql) => sql`select words::text from searches where message_id = ${message.id}`)
    expect(JSON.stringify(await words())).toContain('secret')
    await erase(store, message.id, id)
    await store.index(1_000)
    expect(await words()).toHaveLength(0)
  })

  it('is filled by one node at a time: another one turns back at once', async () => {
    await withSql(database.url, async (sql) => {
      await sql.begin(async (tx) => {
        await tx`select pg_advisory_xact_lock(1346458195)`
        expect(await store.index(1_000)).toBe('busy')
      })
    })
    expect(await store.index(1_000)).toBe('done')
  })
})
