/** The databases a store test runs on: an embedded one always, a copy of the native template where there is a server. */
import fs from 'node:fs'
import { inject } from 'vitest'
import type { Store } from '../../server/core/ports.ts'
import { openStore, type StoreOptions } from '../../server/store/store.ts'
import { withSql } from '../postgres.ts'
import { newId } from './drafts.ts'

export const template = (): Blob => new Blob([fs.readFileSync(inject('embedded'))])

/** Opens an empty embedded database in memory. */
export const openMemory = (options: StoreOptions = {}): Promise<Store> =>
  openStore({ template: template(), ...options })

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
