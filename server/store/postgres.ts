/**
 * Native Postgres through postgres.js. Three sets of connections: the lanes of the journal, those of writes, those of reads,
 * so that none can starve another. A connection serves one caller at a time. Whoever finds none waits, connecting again
 * with back-off while the server is away, up to a deadline: UNAVAILABLE. Statements have deadlines on both sides.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { AppError } from '../../shared/errors.ts'
import { connect, type Session } from './connection.ts'
import { type Driver, type LogLine, type Param, unavailable } from './driver.ts'

export interface PostgresOptions {
  readonly url: string
  readonly log: LogLine
  /** Batches in flight at once. */
  readonly lanes?: number
  /** Connections for reads, and as many for writes. */
  readonly connections?: number
  /** How long a caller waits for a connection, in milliseconds. */
  readonly patience?: number
}

const WAITING = 5_000
const RETRY = 50
const PING = 1_000

interface Pool {
  lease(patience?: number): Promise<Session>
  release(session: Session): void
  /** Refuses new callers and waits for those that have a connection, or wait for one. */
  close(): Promise<void>
}

function openPool(open: () => Session, size: number, usualPatience: number): Pool {
  const idle: Session[] = []
  const waiting: ((session: Session | null) => void)[] = []
  let leased = 0
  let closed = false
  let emptied = () => {}

  /** A connection that answers; the place is the caller's already. */
  async function ready(deadline: number): Promise<Session> {
    for (;;) {
      for (let session = idle.pop(); session; session = idle.pop()) if (!session.dead) return session
      const session = open()
      try {
        await session.query('select 1')
        return session
      } catch (error) {
        void session.close()
        if (closed || !(error instanceof AppError && error.code === 'UNAVAILABLE') || performance.now() > deadline)
          throw error
        await delay(RETRY)
      }
    }
  }

  async function place(deadline: number): Promise<Session | null> {
    if (leased < size) {
      leased++
      return null
    }
    if (waiting.length >= WAITING) throw new AppError('OVERLOADED', 'Too many requests wait for the database')
    return new Promise((resolve, reject) => {
      const give = (session: Session | null) => {
        clearTimeout(timer)
        resolve(session)
      }
      const timer = setTimeout(() => {
        waiting.splice(waiting.indexOf(give), 1)
        reject(unavailable(new Error('no connection became free in time')))
      }, deadline - performance.now())
      waiting.push(give)
    })
  }

  function free(session: Session | null): void {
    const next = waiting.shift()
    if (next) {
      next(session)
      return
    }
    leased--
    if (session) idle.push(session)
    if (leased === 0) emptied()
  }

  return {
    async lease(patience = usualPatience) {
      if (closed) throw unavailable(new Error('closed'))
      const deadline = performance.now() + patience
      const given = await place(deadline)
      if (given) return given
      try {
        return await ready(deadline)
      } catch (error) {
        free(null)
        throw error
      }
    },
    release: (session) => free(session.dead ? null : session),
    async close() {
      closed = true
      if (leased > 0)
        await new Promise<void>((resolve) => {
          emptied = resolve
        })
      await Promise.all(idle.map((session) => session.close()))
    },
  }
}

export function openPostgres(options: PostgresOptions): Driver {
  const open = () => connect(options.url, options.log)
  const size = options.connections ?? 5
  const patience = options.patience ?? 5_000
  const readers = openPool(open, size, patience)
  const writers = openPool(open, size, patience)
  const lanes: (Session | undefined)[] = []

  async function read<R extends readonly unknown[]>(
    text: string,
    params?: readonly Param[],
    wait?: number,
  ): Promise<R[]> {
    // Each idle connection may have died unnoticed, as after a restart of the database; a reading is asked again.
    for (let left = size; ; left--) {
      const session = await readers.lease(wait)
      try {
        return await session.query<R>(text, params)
      } catch (error) {
        if (!session.dead || left === 0) throw error
      } finally {
        readers.release(session)
      }
    }
  }

  return {
    lanes: options.lanes ?? 1,
    query: (text, params) => read(text, params),
    lane: (index) => (text, params) => {
      let session = lanes[index]
      if (!session || session.dead) {
        session = open()
        lanes[index] = session
      }
      return session.query(text, params)
    },
    async transaction(run, options) {
      const session = await writers.lease()
      const tx = session.begin(options?.patient)
      try {
        const { result, last } = await run(tx.query)
        return { result, rows: await tx.commit(last) }
      } catch (error) {
        await tx.rollback()
        throw error
      } finally {
        writers.release(session)
      }
    },
    async ping() {
      await read('select 1', [], PING)
    },
    async close() {
      await Promise.all([readers.close(), writers.close(), ...lanes.map((lane) => lane?.close())])
    },
  }
}
