/**
 * Postgres in this process (PGlite), in memory or in a folder. One session: statements and writes go one after the other.
 */
import { type ParserOptions, PGlite } from '@electric-sql/pglite'
import { type Driver, type LogLine, type Param, type Query, toDatabaseError } from './driver.ts'

const INT8 = 20

type Results = { rows: unknown[] }
type Run = (text: string, params: unknown[], options: { rowMode: 'array'; parsers: ParserOptions }) => Promise<Results>

const parsers: ParserOptions = { [INT8]: Number }

function queryOn(run: Run): Query {
  return async <R extends readonly unknown[]>(text: string, params: readonly Param[] = []) => {
    try {
      const { rows } = await run(text, [...params], { rowMode: 'array', parsers })
      return rows as R[]
    } catch (error) {
      throw toDatabaseError(error)
    }
  }
}

export async function openEmbedded(options: { dataDir?: string; log: LogLine }): Promise<Driver> {
  const pg = await PGlite.create({})
  const query = queryOn((text, params, how) => pg.query(text, params, how))
  return {
    query,
    lanes: 1,
    async batch(text, params) {
      // PGlite never leaves the microtasks: without this, timers and sockets would starve between batches.
      await new Promise(setImmediate)
      return query(text, params)
    },
    transaction: (run) =>
      pg.transaction(async (tx) => {
        const inside = queryOn((text, params, how) => tx.query(text, params, how))
        const { result, last } = await run(inside)
        return { result, rows: last ? await inside(last.text, last.params) : [] }
      }),
    async ping() {
      await query('select 1')
    },
    close: () => pg.close(),
  }
}
