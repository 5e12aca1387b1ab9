import { openStore } from '../../server/store/store.ts'
import { nativeDatabase, openMemory, withoutNative } from './databases.ts'
import { searching } from './search.ts'

searching('search on embedded Postgres', false, async () => ({ store: await openMemory(), drop: async () => {} }))
searching('search on native Postgres', withoutNative(), async () => {
  const { url, drop } = await nativeDatabase()
  return { store: await openStore({ databaseUrl: url }), drop }
})
