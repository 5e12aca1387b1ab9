/** HTTP interfaces that take JSON alone, bounded, and refuse in words of their own with the status of the error's code. */
import type { FastifyBaseLogger } from 'fastify'
import { type AppError, ERRORS } from '../../shared/errors.ts'
import type { Http } from './http.ts'
import { refusalOf } from './refusal.ts'

/** `maxPayload`: bytes of one body. Who waits for an allowance is told for how long. */
export function speakJson<L extends FastifyBaseLogger>(
  scope: Http<L>,
  maxPayload: number,
  word: (error: AppError) => unknown,
): void {
  const json = scope.getDefaultJsonParser('error', 'error')
  scope.removeAllContentTypeParsers()
  // Clients that say JSON and send nothing are many.
  scope.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) =>
    body === '' ? done(null, {}) : json(request, String(body), done),
  )
  scope.setErrorHandler((thrown, request, reply) => {
    const error = refusalOf(thrown, maxPayload)
    if (error.code === 'INTERNAL') request.log.error({ err: error.cause }, 'a request failed')
    const wait = error.data?.retryAfterMs
    if (typeof wait === 'number') reply.header('retry-after', Math.ceil(wait / 1000))
    return reply.code(ERRORS[error.code].http).send(word(error))
  })
}
