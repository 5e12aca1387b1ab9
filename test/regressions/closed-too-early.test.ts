/** Closing a store waits for the writes in flight and leaves no session behind; a start that fails lets go of its folder. */
import { rmSync } from 'node:fs'
import net from 'node:net'
import { describe, expect, test } from 'vitest'
import type { Store } from '../../server/core/ports.ts'
import { openStore } from '../../server/store/store.ts'
import { startServer } from '../harness.ts'
import { withSql } from '../postgres.ts'
import { dataFolder, nativeDatabase, openMemory, withoutNative } from '../store/databases.ts'

/** Closes the store while a write is in the middle of its work; gives what became of the write. */
async function closeWithin(store: Store): Promise<unknown> {
  let entered = () => {}
  let goOn = () => {}
  const inside = new Promise<void>((resolve) => (entered = resolve))
  const gate = new Promise<void>((resolve) => (goOn = resolve))
  const write = store
    .write(async (tx) => {
      await tx.upsertUser({ id: 'ann' })
      entered()
      await gate
      await tx.upsertUser({ id: 'bob' })
      return 'written'
    })
    .then(({ result }) => result)
    .catch((error: unknown) => error)
  await inside
  const closed = store.close()
  goOn()
  const outcome = await write
  await closed
  return outcome
}

test('embedded: a write in flight is finished', async () => {
  expect(await closeWithin(await openMemory())).toBe('written')
})

describe.skipIf(withoutNative())('on native Postgres', () => {
  test('a write in flight is finished, and no session stays', async () => {
    const database = await nativeDatabase()
    try {
      const store = await openStore({ databaseUrl: database.url })
      const sessions = () =>
        withSql(database.url, async (sql) => {
          const rows = await sql`select query from pg_stat_activity
            where application_name = 'parley' and datname = current_database()`
          return rows.map((row) => row.query)
        })
      expect(await closeWithin(store)).toBe('written')
      // The server needs a moment to notice that a session has ended.
      const deadline = performance.now() + 5_000
      let left = await sessions()
      while (left.length > 0 && performance.now() < deadline) left = await sessions()
      expect(left).toEqual([])
    } finally {
      await database.drop()
    }
  })
})

test('a server that finds its port taken lets go of its folder', async () => {
  const taken = net.createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  const address = taken.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const folder = dataFolder()
  try {
    await expect(startServer({ env: { PORT: String(port), DATA_DIR: folder } })).rejects.toThrow('EADDRINUSE')
    const store = await openStore({ dataDir: folder })
    await store.close()
  } finally {
    await new Promise((resolve) => taken.close(resolve))
    rmSync(folder, { recursive: true, force: true })
  }
}, 60_000)

test('a server that is given a bot which cannot be lets go of its folder', async () => {
  const folder = dataFolder()
  const bot = { userId: '', name: 'nobody', onMessage: async () => {} }
  try {
    await expect(startServer({ env: { DATA_DIR: folder }, bots: [bot] })).rejects.toThrow('expected string')
    const store = await openStore({ dataDir: folder })
    await store.close()
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}, 60_000)
