/**
 * `/metrics`: the figures of `admin.stats` and of the process, in the text format of Prometheus. They are asked for as whoever
 * scrapes: in production an administrator by their Bearer token, so the core refuses everybody else; elsewhere the server itself.
 * Nothing is collected before the first scrape, and nothing is shared with another server in the process.
 */
import type { FastifyBaseLogger } from 'fastify'
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { Output } from '../../shared/commands.ts'
import { ERRORS, toAppError } from '../../shared/errors.ts'
import type { Actor, Core } from '../../shared/ports.ts'
import type { Http } from './http.ts'
import { type Authenticate, tokenOf } from './session.ts'

type Stats = Output<'admin.stats'>

/** Figures of the database are the same on every node, the rest are of this one. NaN: not known yet. */
const FIGURES: readonly (readonly [name: string, help: string, of: (stats: Stats) => number])[] = [
  ['connections', 'Connections to this node that follow something', (stats) => stats.totalSockets],
  ['users_online', 'Users with such a connection', (stats) => stats.totalUsers],
  ['rooms', 'Conversations that they follow', (stats) => stats.totalRooms],
  ['sends_queued', 'Sends waiting for the journal of this node', (stats) => stats.queued],
  ['log_position', 'The last position of the log', (stats) => stats.position],
  ['log_lag', 'Positions of the log that this node has yet to pass', (stats) => stats.tailLag],
  ['users', 'Users in the directory', (stats) => stats.users],
  ['conversations', 'Conversations stored', (stats) => stats.conversations],
  ['messages', 'Messages stored', (stats) => stats.messages],
  [
    'audit_checked',
    'Members whose unread the last whole audit counted again',
    (stats) => stats.audit?.checked ?? Number.NaN,
  ],
  [
    'audit_drift',
    'Members for whom it found another unread than is told: must be 0',
    (stats) => stats.audit?.drift ?? Number.NaN,
  ],
  [
    'audit_finished_seconds',
    'When that audit ended, in seconds since 1970',
    (stats) => (stats.audit ? stats.audit.finishedAt.getTime() / 1000 : Number.NaN),
  ],
]

interface MetricsOptions {
  core: Core
  system: Actor
  authenticate: Authenticate
  production: boolean
}

export function registerMetrics<L extends FastifyBaseLogger>(
  fastify: Http<L>,
  { core, system, authenticate, production }: MetricsOptions,
): void {
  let figures: ReturnType<typeof createFigures> | undefined
  fastify.get('/metrics', async (request, reply) => {
    try {
      const actor = production ? await authenticate(tokenOf(null, request.headers.authorization)) : system
      const stats = await core.execute(actor, 'admin.stats', {})
      figures ??= createFigures()
      const text = await figures.show(stats)
      return reply.type(figures.contentType).send(text)
    } catch (thrown) {
      const { code, message } = toAppError(thrown)
      return reply.code(ERRORS[code].http).send({ code, message })
    }
  })
}

function createFigures() {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const gauges = FIGURES.map(
    ([name, help, of]) => [new Gauge({ name: `parley_${name}`, help, registers: [registry] }), of] as const,
  )
  return {
    contentType: registry.contentType,
    show(stats: Stats): Promise<string> {
      for (const [gauge, of] of gauges) gauge.set(of(stats))
      return registry.metrics()
    },
  }
}
