/**
 * Postgres in this process (PGlite), in memory or in a folder. One session: statements and writes go one after the other.
 * In a folder, what is acknowledged has been synced to disk, and a second process is refused. PGlite has no background
 * processes: the WAL is cut back and dead rows are cleared from here, between the statements, as they accrue.
 */
import fs from 'node:fs'
import path from 'node:path'
import { type ParserOptions, PGlite } from '@electric-sql/pglite'
import { type Driver, type LogLine, type Param, type Query, toDatabaseError, unavailable } from './driver.ts'
import { lockFolder, makeFolder, SyncedFS } from './folder.ts'

export interface EmbeddedOptions {
  /** Absent: in memory. */
  readonly dataDir?: string | undefined
  /** A dump of an empty cluster, in place of a slow initdb. */
  readonly template?: Blob | undefined
  readonly log: LogLine
}

const INT8 = 20
const parsers: ParserOptions = { [INT8]: Number }
const SYNCED = ['-c', 'fsync=on', '-c', 'wal_sync_method=fsync']
const CARE_EVERY = 5_000
const CHECKPOINT_AFTER = 64 * 1024 * 1024
const VACUUM_AFTER = 256 * 1024 * 1024

type Run = (
  text: string,
  params: unknown[],
  options: { rowMode: 'array'; parsers: ParserOptions },
) => Promise<{ rows: unknown[] }>

function queryOn(run: Run): Query {
  return async <R extends readonly unknown[]>(text: string, params: readonly Param[] = []) => {
    try {
      const { rows } = await run(text, [...params], { rowMode: 'array', parsers })
      // The caller names the row type of its statement (see Query).
      return rows as R[]
    } catch (error) {
      throw toDatabaseError(error)
    }
  }
}

async function openFolder(dataDir: string, template: Blob | undefined): Promise<PGlite> {
  const folder = path.join(dataDir, 'postgres')
  const start = { startParams: [...PGlite.defaultStartParams.filter((param) => param !== '-F'), ...SYNCED] }
  await makeFolder(folder, async (draft) => {
    const fresh = await PGlite.create({ fs: new SyncedFS(draft), ...start, ...(template && { loadDataDir: template }) })
    await fresh.close()
  })
  return PGlite.create({ fs: new SyncedFS(folder), ...start })
}

/** Cuts the WAL back and vacuums, each after so many bytes written. */
function takeCare(query: Query, log: LogLine): () => Promise<void> {
  let checked = 0
  let vacuumed = 0
  let working = Promise.resolve()
  async function look(): Promise<void> {
    const [row] = await query<[number]>("select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint")
    const written = row?.[0] ?? 0
    if (written - vacuumed > VACUUM_AFTER && vacuumed > 0) {
      // One by one: what waits goes in between.
      const tables = await query<[string]>("select quote_ident(tablename) from pg_tables where schemaname = 'public'")
      for (const [table] of tables) await query(`vacuum (analyze) ${table}`)
      vacuumed = written
    }
    if (written - checked > CHECKPOINT_AFTER && checked > 0) {
      await query('checkpoint')
      checked = written
    }
    if (checked === 0) checked = vacuumed = written
  }
  const timer = setInterval(() => {
    working = working.then(look).catch((error) => log('warn', 'care of the embedded database failed', { error }))
  }, CARE_EVERY)
  timer.unref()
  return async () => {
    clearInterval(timer)
    await working
  }
}

export async function openEmbedded({ dataDir, template, log }: EmbeddedOptions): Promise<Driver> {
  if (dataDir !== undefined) fs.mkdirSync(dataDir, { recursive: true })
  const unlock = dataDir === undefined ? async () => {} : await lockFolder(path.resolve(dataDir, 'postgres'), log)
  let pg: PGlite
  try {
    pg = await (dataDir === undefined
      ? PGlite.create(template ? { loadDataDir: template } : {})
      : openFolder(dataDir, template))
  } catch (error) {
    await unlock()
    throw error
  }
  const query = queryOn((text, params, how) => pg.query(text, params, how))
  const relax = takeCare(query, log)
  return {
    query,
    lanes: 1,
    lane: () => async (text, params) => {
      // PGlite never leaves the microtasks: without this, timers and sockets would starve between batches.
      await new Promise(setImmediate)
      return query(text, params)
    },
    async transaction(run) {
      if (pg.closed) throw unavailable(new Error('closed'))
      try {
        return await pg.transaction(async (tx) => {
          const inside = queryOn((text, params, how) => tx.query(text, params, how))
          const { result, last } = await run(inside)
          return { result, rows: last ? await inside(last.text, last.params) : [] }
        })
      } catch (error) {
        // What `run` throws passes as it is; a commit that failed is the database's.
        throw error instanceof Error && 'severity' in error ? toDatabaseError(error) : error
      }
    },
    async ping() {
      await query('select 1')
    },
    async close() {
      await relax()
      if (!pg.closed) await pg.close()
      await unlock()
    },
  }
}
