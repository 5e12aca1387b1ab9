/**
 * Failures on the typed wire. Every error that leaves is a row of ERRORS: `data.app` carries its code, whether the same call
 * may be tried again, and its data. What is not an AppError is INTERNAL: its text stays here, its cause goes to the log.
 */
import { type TRPC_ERROR_CODE_KEY, type TRPCDefaultErrorShape, TRPCError } from '@trpc/server'
import { TRPC_ERROR_CODES_BY_KEY } from '@trpc/server/rpc'
import { z } from 'zod'
import { AppError, ERRORS, type ErrorCode, toAppError } from '../errors.ts'

/** What a typed client finds under `error.data.app`. */
export interface AppFailure {
  readonly code: ErrorCode
  readonly retry: boolean
  readonly data: Readonly<Record<string, unknown>> | null
}

/** What tRPC itself refuses, before a procedure runs: a path that is not there, a frame it cannot read. */
const OWN: Partial<Record<TRPC_ERROR_CODE_KEY, { code: ErrorCode; message: string }>> = {
  PARSE_ERROR: { code: 'INVALID_INPUT', message: 'The request cannot be read' },
  BAD_REQUEST: { code: 'INVALID_INPUT', message: 'The request cannot be read' },
  NOT_FOUND: { code: 'NOT_FOUND', message: 'No such procedure' },
  METHOD_NOT_SUPPORTED: { code: 'INVALID_INPUT', message: 'The procedure is of another kind' },
  UNSUPPORTED_MEDIA_TYPE: { code: 'INVALID_INPUT', message: 'The content type must be application/json' },
  PAYLOAD_TOO_LARGE: { code: 'TOO_LARGE', message: 'The request is too large' },
}

/** The AppError that an error of tRPC stands for. */
export function failureOf(error: unknown): AppError {
  if (!(error instanceof TRPCError)) return toAppError(error)
  if (error.cause instanceof AppError) return error.cause
  if (error.cause instanceof z.ZodError) return new AppError('INVALID_INPUT', z.prettifyError(error.cause))
  const own = OWN[error.code]
  return own ? new AppError(own.code, own.message, { cause: error }) : toAppError(error.cause ?? error)
}

/** The same failure as tRPC throws it, with the code of the table. */
export function toTrpcError(error: unknown): TRPCError {
  const failure = failureOf(error)
  return new TRPCError({ code: ERRORS[failure.code].trpc, message: failure.message, cause: failure })
}

export function formatFailure({ shape, error }: { shape: TRPCDefaultErrorShape; error: TRPCError }) {
  const failure = failureOf(error)
  const { http, retry } = ERRORS[failure.code]
  const app: AppFailure = { code: failure.code, retry, data: failure.data ?? null }
  return { ...shape, message: failure.message, data: { ...shape.data, httpStatus: http, app } }
}

/** What a client gets for a failure that never reached a procedure. */
export function shapeOf(failure: AppError) {
  const error = toTrpcError(failure)
  const data = { code: error.code, httpStatus: ERRORS[failure.code].http }
  return formatFailure({ error, shape: { message: error.message, code: TRPC_ERROR_CODES_BY_KEY[error.code], data } })
}
