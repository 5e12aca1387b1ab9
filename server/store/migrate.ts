/**
 * Brings a database to the newest schema: one transaction under an advisory lock, so that any number of servers may start at
 * once and a migration that fails leaves nothing. Keeps Drizzle's own table of what was applied. Then makes sure that the
 * epoch belongs to this database: a copy or a restored one gets a new epoch, so that no old cursor is taken for its own.
 */
import { fileURLToPath } from 'node:url'
import { readMigrationFiles } from 'drizzle-orm/migrator'
import type { Driver, Query } from './driver.ts'

/** Beside the sources, and beside the built files (`dist/migrations`). */
const FOLDER = fileURLToPath(new URL('../../migrations', import.meta.url))
const LOCK = 1_346_458_189

export async function migrate(driver: Driver): Promise<void> {
  const files = readMigrationFiles({ migrationsFolder: FOLDER })
  const run = async (query: Query) => {
    await query('select pg_advisory_xact_lock($1::bigint)', [LOCK])
    await query('create schema if not exists drizzle')
    await query(
      'create table if not exists drizzle.__drizzle_migrations (id serial primary key, hash text not null, created_at numeric)',
    )
    const [row] = await query<[number]>('select coalesce(max(created_at), 0)::bigint from drizzle.__drizzle_migrations')
    for (const file of files) {
      if (file.folderMillis <= (row?.[0] ?? 0)) continue
      for (const statement of file.sql) await query(statement)
      await query('insert into drizzle.__drizzle_migrations (hash, created_at) values ($1, $2::bigint)', [
        file.hash,
        file.folderMillis,
      ])
    }
    return { result: undefined }
  }
  await driver.transaction(run, { patient: true })
}

/** Which database this is: cluster, timeline and database. Null where the server does not let us ask. */
async function identity(query: Query): Promise<string | null> {
  const [allowed] = await query<[boolean]>(
    `select has_function_privilege('pg_control_system()', 'execute') and has_function_privilege('pg_control_checkpoint()', 'execute')`,
  )
  if (!allowed?.[0]) return null
  const [row] = await query<[string]>(
    `select (select system_identifier from pg_control_system())::text || ':' ||
      (select timeline_id from pg_control_checkpoint())::text || ':' ||
      (select oid from pg_database where datname = current_database())::text`,
  )
  return row?.[0] ?? null
}

/** The epoch of the log. New when the log was last seen in another database. */
export async function readEpoch(driver: Driver): Promise<string> {
  const here = await identity(driver.query)
  await driver.query(
    `update log set identity = $1,
      epoch = case when identity is null then epoch else left(replace(gen_random_uuid()::text, '-', ''), 12) end
    where $1::text is not null and identity is distinct from $1`,
    [here],
  )
  const [row] = await driver.query<[string]>('select epoch from log')
  return row?.[0] ?? ''
}
