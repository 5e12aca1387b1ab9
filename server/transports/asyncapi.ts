/** `GET /asyncapi/<dialect>.json`: the events of an enabled dialect as AsyncAPI 3. Open to everybody, as the wire itself is no secret. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify'
import type { Config } from '../config.ts'
import { asyncapi } from '../dialects/asyncapi.ts'
import { dialects } from '../dialects/index.ts'

export function registerAsyncapi<L extends FastifyBaseLogger>(
  fastify: FastifyInstance<RawServerDefault, IncomingMessage, ServerResponse, L>,
  { socketio }: Pick<Config, 'socketio'>,
): void {
  for (const dialect of dialects.filter(({ name }) => socketio.dialects.includes(name))) {
    let text: string | undefined
    fastify.get(`/asyncapi/${dialect.name}.json`, (_, reply) => {
      text ??= JSON.stringify(asyncapi(dialect))
      return reply.type('application/json').send(text)
    })
  }
}
