/**
 * One connection to Postgres, used once: when its socket is gone it is dead, and never connects again by itself. postgres.js
 * 3.4.9 would otherwise run the rest of a transaction on a new connection, or write the roll-back to a socket that is null
 * and take the process with it; so nothing is written once it is dead, and its sockets are ours to destroy.
 */
import net from 'node:net'
import postgres from 'postgres'
import { AppError } from '../../shared/errors.ts'
import { type LogLine, type Param, type Query, type Statement, toDatabaseError, unavailable } from './driver.ts'

export interface Transaction {
  /** One statement at a time; refuses once the transaction is over. */
  readonly query: Query
  /** `last` goes out together with the commit. Throws UNAVAILABLE when the outcome is not known. */
  commit(last?: Statement): Promise<readonly (readonly unknown[])[]>
  /** Never throws. */
  rollback(): Promise<void>
}

export interface Session {
  readonly dead: boolean
  readonly query: Query
  /** `patient`: no deadlines for its statements. */
  begin(patient?: boolean): Transaction
  close(): Promise<void>
}

/** What the server gives up after, in milliseconds; we destroy a connection that is silent for longer than that. */
const STATEMENT = 10_000
const LOCK = 5_000
const IDLE_IN_TRANSACTION = 15_000
const SILENCE = 13_000

const plain = (value: unknown) => String(value)

/** Without parameters postgres.js would use the simple protocol, and plan the statement each time. */
const PREPARED = { prepare: true, simple: false }

/** postgres.js hands over its parsed options, hosts and ports as lists. */
interface SocketOptions {
  readonly host: readonly string[]
  readonly port: readonly number[]
  readonly path?: string | false
}

export function connect(url: string, log: LogLine): Session {
  let dead = false
  let socket: net.Socket | undefined

  function openSocket({ host, port, path }: SocketOptions): net.Socket {
    const opened = path
      ? net.connect(path)
      : Object.assign(net.connect(port[0] ?? 5432, host[0] ?? 'localhost'), { host: host[0] })
    opened.setNoDelay(true)
    opened.on('error', () => {})
    // postgres.js connects again for what still waits in its queue; here nothing may run on a second connection.
    if (dead) setImmediate(() => opened.destroy(new Error('connection closed')))
    else socket = opened
    return opened
  }

  const options = {
    max: 1,
    max_lifetime: null,
    connect_timeout: 5,
    fetch_types: false,
    socket: openSocket,
    onnotice: (notice: postgres.Notice) => log('debug', 'postgres notice', { notice: notice.message }),
    onclose() {
      dead = true
      void sql.end({ timeout: 0 }).catch(() => {})
    },
    types: {
      // JSON comes as text, stringified where the statement is.
      json: { to: 114, from: [114, 3802], serialize: plain, parse: (text: string): unknown => JSON.parse(text) },
      int8: { to: 20, from: [20], serialize: plain, parse: Number },
    },
    connection: {
      application_name: 'parley',
      // Compiling a statement takes longer than any of them runs.
      jit: 'off',
      statement_timeout: STATEMENT,
      lock_timeout: LOCK,
      idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION,
    },
  }
  const sql = postgres(url, options)

  async function run(text: string, params: readonly Param[] = [], patient = false) {
    if (dead) throw unavailable(new Error('connection closed'))
    const silence = patient ? undefined : setTimeout(() => socket?.destroy(), SILENCE)
    try {
      return await sql.unsafe(text, [...params], PREPARED).values()
    } catch (error) {
      throw toDatabaseError(error)
    } finally {
      clearTimeout(silence)
    }
  }

  // The caller names the row type of its statement (see Query).
  const query: Query = async <R extends readonly unknown[]>(text: string, params?: readonly Param[]) =>
    (await run(text, params)) as unknown as R[]

  function begin(patient = false): Transaction {
    const begun = run('begin')
    begun.catch(() => {})
    if (patient)
      run("select set_config('statement_timeout', '0', true), set_config('lock_timeout', '0', true)").catch(() => {})
    let over = false
    // The first statement goes out together with the `begin`, the others one after the other.
    let tail: Promise<unknown> = Promise.resolve()
    return {
      query<R extends readonly unknown[]>(text: string, params?: readonly Param[]) {
        if (over) return Promise.reject(new AppError('INTERNAL', 'The transaction is over'))
        // As in `query`.
        const next = tail.then(async () => (await run(text, params, patient)) as unknown as R[])
        tail = next.catch(() => {})
        return next
      },
      async commit(last) {
        over = true
        await Promise.all([begun, tail])
        const [rows, committed] = await Promise.all([last ? query(last.text, last.params) : [], run('commit')])
        // A commit can also be the answer of another connection, or end a transaction that had failed.
        if (dead) throw unavailable(new Error('connection closed'))
        if (committed.command !== 'COMMIT') throw new AppError('INTERNAL', 'A statement of the write had failed')
        return rows
      },
      async rollback() {
        over = true
        await tail
        if (!dead) await run('rollback').catch(() => socket?.destroy())
      },
    }
  }

  return {
    get dead() {
      return dead
    },
    query,
    begin,
    async close() {
      await sql.end({ timeout: 5 }).catch(() => {})
      dead = true
    },
  }
}
