/** The databases a store test runs on: an embedded one always, a copy of the native template where there is a server. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, inject } from 'vitest'
import type { Store } from '../../server/core/ports.ts'
import { openStore, type StoreOptions } from '../../server/store/store.ts'
import { withSql } from '../postgres.ts'
import { newId } from './drafts.ts'

export const template = (): Blob => new Blob([fs.readFileSync(inject('embedded').dump)])

/** Opens an empty embedded database in memory. */
export const openMemory = (options: StoreOptions = {}): Promise<Store> =>
  openStore({ template: template(), ...options })

/** Opens an empty database, gone once closed: native if there is one, which takes a fifth of the CPU, else in memory. */
export async function openFresh(options: StoreOptions = {}): Promise<Store> {
  if (withoutNative()) return openMemory(options)
  const { url, drop } = await nativeDatabase()
  const store = await openStore({ databaseUrl: url, ...options })
  const closeStore = store.close
  let closing: Promise<void> | undefined
  return Object.assign(store, { close: () => (closing ??= closeStore().then(drop)) })
}

/** A folder for DATA_DIR with an empty embedded database in it: making one takes five seconds. Removed by who asks. */
export function dataFolder(): string {
  const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'parley-data-'))
  fs.cpSync(inject('embedded').folder, path.join(dataDir, 'postgres'), { recursive: true })
  return dataDir
}

/** A database that outlives its server, as the environment names it: native if there is one, else in a folder. */
export async function lastingDatabase(): Promise<AsyncDisposable & { readonly env: Record<string, string> }> {
  if (withoutNative()) {
    const dataDir = dataFolder()
    const remove = async () => fs.rmSync(dataDir, { recursive: true, force: true })
    return { env: { DATA_DIR: dataDir }, [Symbol.asyncDispose]: remove }
  }
  const { url, drop } = await nativeDatabase()
  return { env: { DATABASE_URL: url }, [Symbol.asyncDispose]: drop }
}

/** Address of a fresh, migrated native database, and how to drop it. */
export async function nativeDatabase(): Promise<{ url: string; drop: () => Promise<void> }> {
  const native = inject('native')
  if (!native) throw new Error('no native Postgres')
  const name = `parley_${newId()}`
  await withSql(native.url, (sql) => sql.unsafe(`create database ${name} template ${native.template}`))
  const url = new URL(native.url)
  url.pathname = `/${name}`
  return {
    url: url.href,
    drop: () => withSql(native.url, async (sql) => void (await sql.unsafe(`drop database ${name} with (force)`))),
  }
}

/** Why native tests are skipped, or false. */
export const withoutNative = () => inject('native') === null

/** The same tests on each database there is: `opened` gives the store of this one, once they run. */
export function onEachDatabase(
  name: string,
  tests: (opened: () => Store, database: 'embedded' | 'native') => void,
): void {
  describe.each(['embedded', 'native'] as const)(`${name}, on %s Postgres`, (database) => {
    describe.skipIf(database === 'native' && withoutNative())('', () => {
      let store: Store
      let drop = async () => {}
      beforeAll(async () => {
        if (database === 'embedded') store = await openMemory()
        else {
          const native = await nativeDatabase()
          drop = native.drop
          store = await openStore({ databaseUrl: native.url })
        }
      })
      afterAll(async () => {
        await store?.close()
        await drop()
      })
      tests(() => store, database)
    })
  })
}
