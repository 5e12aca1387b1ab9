/**
 * Every failure that the SDK throws, rejects with or shows: the code is a row of the server's table, or one of two of its own.
 * CLOSED: the client was closed, by its app or by an administrator. ABORTED: the caller's own signal. A connection that dropped is UNAVAILABLE.
 */
import { TRPCClientError } from '@trpc/client'
import { ERRORS, type ErrorCode } from '../shared/errors.ts'
import type { AppRouter } from '../shared/router/index.ts'

export type ParleyErrorCode = ErrorCode | 'CLOSED' | 'ABORTED'

/** A TRPCClientError too, so that whatever handles those (react-query, say) handles this. */
export class ParleyError extends TRPCClientError<AppRouter> {
  readonly code: ParleyErrorCode
  /** Whether the same call may be tried again unchanged. */
  readonly retry: boolean
  /** What the server says beyond the message: the reason of a RESET, say. */
  readonly details: Readonly<Record<string, unknown>>

  constructor(
    code: ParleyErrorCode,
    message: string,
    options: { cause?: Error; shape?: ErrorShape; details?: Readonly<Record<string, unknown>> } = {},
  ) {
    const { cause, shape, details } = options
    super(message, { ...(cause && { cause }), ...(shape && { result: { error: shape } }) })
    // The base class sets its own prototype, whatever extends it.
    Object.setPrototypeOf(this, ParleyError.prototype)
    this.name = 'ParleyError'
    this.code = code
    this.retry = isServerCode(code) && ERRORS[code].retry
    this.details = details ?? {}
  }
}

export const isParleyError = (error: unknown): error is ParleyError => error instanceof ParleyError

export type ErrorShape = NonNullable<TRPCClientError<AppRouter>['shape']>

const isServerCode = (code: unknown): code is ErrorCode => typeof code === 'string' && Object.hasOwn(ERRORS, code)

/** An error as the server shaped it. A code that this version does not know is INTERNAL. */
export function fromShape(shape: ErrorShape): ParleyError {
  const app: Partial<ErrorShape['data']['app']> = shape.data?.app ?? {}
  const code = isServerCode(app.code) ? app.code : 'INTERNAL'
  return new ParleyError(code, shape.message, { shape, details: app.data ?? {} })
}

export function toParleyError(error: unknown): ParleyError {
  if (error instanceof ParleyError) return error
  const cause = error instanceof Error ? error : new Error(String(error))
  return new ParleyError('INTERNAL', cause.message, { cause })
}
