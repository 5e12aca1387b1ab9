/**
 * `/livez`: the process answers. `/healthz`: it can do its work, each part asked now; 200, or 503 and which part cannot. A part
 * that does not answer in time cannot.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify'

/** Each throws, or rejects, when its part cannot do its work. */
export type Checks = Readonly<Record<string, () => Promise<unknown>>>

const ANSWER_MS = 2_000

export function registerHealth<L extends FastifyBaseLogger>(
  fastify: FastifyInstance<RawServerDefault, IncomingMessage, ServerResponse, L>,
  checks: Checks,
): void {
  fastify.get('/livez', async () => ({ status: 'ok' }))
  fastify.get('/healthz', async (_, reply) => {
    const parts = await Promise.all(
      Object.entries(checks).map(async ([name, check]) => [name, (await works(check)) ? 'ok' : 'failed'] as const),
    )
    const ok = parts.every(([, state]) => state === 'ok')
    return reply.code(ok ? 200 : 503).send({ status: ok ? 'ok' : 'failed', ...Object.fromEntries(parts) })
  })
}

/** Why a part fails is for the log of that part: health is open to everybody. */
async function works(check: () => Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ANSWER_MS)
  })
  const asked = (async () => check())().then(
    () => true,
    () => false,
  )
  const answer = await Promise.race([asked, late])
  clearTimeout(timer)
  return answer
}
