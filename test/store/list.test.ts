import { openStore } from '../../server/store/store.ts'
import { nativeDatabase, openMemory, withoutNative } from './databases.ts'
import { lists } from './list.ts'

lists('lists on embedded Postgres', false, async () => ({ store: await openMemory(), drop: async () => {} }))
lists('lists on native Postgres', withoutNative(), async () => {
  const { url, drop } = await nativeDatabase()
  return { store: await openStore({ databaseUrl: url }), drop }
})
