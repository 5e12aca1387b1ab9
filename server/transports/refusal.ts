/** What Fastify refuses before a command is reached, in the words of the table of errors. */
import { AppError, toAppError } from '../../shared/errors.ts'

/** `maxPayload`: bytes of one body. */
export function refusalOf(error: unknown, maxPayload: number): AppError {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined
  if (error instanceof AppError || typeof status !== 'number' || status >= 500) return toAppError(error)
  if (status === 413) return new AppError('TOO_LARGE', `The request is larger than ${maxPayload} bytes`)
  if (status === 415) return new AppError('INVALID_INPUT', 'The content type must be application/json')
  return new AppError('INVALID_INPUT', 'The request cannot be read')
}
