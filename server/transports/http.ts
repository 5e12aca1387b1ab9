/**
 * The router over HTTP, and its subscriptions as server-sent events. Each request proves who it is; a stream that must end
 * early (reader too slow, token expired, server stopping) breaks off, so that an EventSource comes back with its cursor.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TRPCError } from '@trpc/server'
import { fastifyRequestHandler } from '@trpc/server/adapters/fastify'
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify'
import superjson from 'superjson'
import { AppError } from '../../shared/errors.ts'
import type { Core } from '../../shared/ports.ts'
import { shapeOf } from '../../shared/router/failure.ts'
import type { AppRouter } from '../../shared/router/index.ts'
import type { Context } from '../../shared/router/trpc.ts'
import { refusalOf } from './refusal.ts'
import type { Revocations, Why } from './revocations.ts'
import { type Authenticate, identify, tokenOf } from './session.ts'
import { byQueue } from './stream.ts'

/** A Fastify server with any logger. */
export type Http<L extends FastifyBaseLogger> = FastifyInstance<RawServerDefault, IncomingMessage, ServerResponse, L>

interface HttpOptions {
  router: AppRouter
  core: Core
  authenticate: Authenticate
  onError(failed: { error: TRPCError; path: string | undefined }): void
  revocations: Revocations
  /** Aborts when the server stops. */
  stopping: AbortSignal
  /** Bytes of one body. */
  maxPayload: number
  /** Calls in one request. */
  batch: number
  /** Events that may wait for one reader. */
  queue: number
  /** Time for a reader to take the end of a stream, ms. */
  closeMs: number
}

export async function serveHttp<L extends FastifyBaseLogger>(fastify: Http<L>, options: HttpOptions): Promise<void> {
  const { router, onError, maxPayload, batch } = options
  await fastify.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('application/json', { parseAs: 'string' }, (_, body, done) => done(null, body))
    // What Fastify refuses before tRPC sees it, in tRPC's words.
    scope.setErrorHandler((error, request, reply) => {
      const failure = refusalOf(error, maxPayload)
      if (failure.code === 'INTERNAL') request.log.error({ err: error }, 'a request failed')
      const shape = shapeOf(failure)
      return reply.code(shape.data.httpStatus).send({ error: superjson.serialize(shape) })
    })
    // Not `:path`: parameters are short, and a batch names every call in it.
    scope.all<{ Params: { '*': string } }>('/trpc/*', { bodyLimit: maxPayload }, (req, res) =>
      fastifyRequestHandler({
        router,
        req,
        res,
        path: req.params['*'],
        maxBatchSize: batch,
        createContext: ({ info }) =>
          contextOf(options, tokenOf(info.connectionParams, req.headers.authorization), res.raw),
        onError,
      }),
    )
  })
}

async function contextOf(
  { core, authenticate, stopping, queue, closeMs, revocations }: HttpOptions,
  token: string | undefined,
  response: ServerResponse,
): Promise<Context> {
  const since = revocations.now
  const actor = await identify(authenticate, token)
  return {
    actor,
    core,
    // One request is one batch, and that is bounded.
    admit: () => () => undefined,
    async deliver(open, signal = new AbortController().signal) {
      if (actor instanceof AppError) throw actor
      const { expiresAt } = actor
      const onSentAway = (leave: (why: Why) => void) => revocations.on(actor, since, leave)
      // A stream ends where it is read; where it is not, its connection does.
      const hangUp = () => {
        if (response.closed) return
        const cut = setTimeout(() => response.destroy(), closeMs)
        response.once('close', () => clearTimeout(cut))
      }
      return byQueue(await open(), signal, { stopping, onSentAway, expiresAt, bound: queue, hangUp })
    },
  }
}
