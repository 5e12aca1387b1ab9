/**
 * What the store asks of a database: statements in, rows as arrays out. Two implementations: postgres.ts and embedded.ts.
 * Failures are AppErrors: UNAVAILABLE when the connection failed (a write is then in doubt), TIMEOUT when the database gave
 * the statement up (nothing was written), INTERNAL with the database's error as cause when the statement itself was refused.
 */
import { AppError } from '../../shared/errors.ts'

export type Param = string | number | boolean | null | Date

/** `R` is what the statement selects: text and row type stand side by side, nothing checks them but the tests. */
export type Query = <R extends readonly unknown[]>(text: string, params?: readonly Param[]) => Promise<R[]>

export interface Statement {
  readonly text: string
  readonly params: readonly Param[]
}

export interface Driver {
  readonly query: Query
  /** How many batches of the journal may be in flight; each lane has its own connection. */
  readonly lanes: number
  /** One statement at a time and lane, each its own transaction. */
  lane(index: number): Query
  /**
   * Commits once `run` resolves; `last` goes together with the commit. Rolls back if it throws. `patient`: its statements
   * may take as long as they need.
   */
  transaction<T>(
    run: (query: Query) => Promise<{ result: T; last?: Statement }>,
    options?: { patient: boolean },
  ): Promise<{ result: T; rows: readonly (readonly unknown[])[] }>
  ping(): Promise<void>
  close(): Promise<void>
}

export type LogLine = (
  level: 'debug' | 'info' | 'warn' | 'error',
  message: string,
  fields?: Record<string, unknown>,
) => void

export const unavailable = (cause: unknown) => new AppError('UNAVAILABLE', 'The database cannot be reached', { cause })

/** 57P: the server is stopping; 08: the connection; 53, 58: out of memory, disk, connections; 25006: it became a standby. */
const LOST = /^(57P|08|53|58|25006)/
/** Given up by the server: statement or lock time-out, deadlock, serialization; the transaction is rolled back. */
const GIVEN_UP = /^(57014|55P03|40)/

/** A failed statement in our vocabulary. Only what the database itself said has a severity; all else is the way to it. */
export function toDatabaseError(error: unknown): AppError {
  if (error instanceof AppError) return error
  if (!(error instanceof Error && 'severity' in error && 'code' in error)) return unavailable(error)
  const code = String(error.code)
  if (LOST.test(code)) return unavailable(error)
  if (GIVEN_UP.test(code)) return new AppError('TIMEOUT', 'The database took too long', { cause: error })
  return new AppError('INTERNAL', 'Internal error', { cause: error })
}

/** A Postgres array literal of texts: the one form that both drivers pass on untouched. */
export function array(values: readonly (string | number | null)[]): string {
  let literal = '{'
  for (const [index, value] of values.entries()) {
    if (index > 0) literal += ','
    literal += value === null ? 'NULL' : `"${String(value).replace(/["\\]/g, '\\$&')}"`
  }
  return `${literal}}`
}
