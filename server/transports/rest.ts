/**
 * The HTTP interfaces of the legacy systems: the groups of routes of the enabled dialects, over the one door. A request, in this
 * order: the body is read (JSON alone, bounded), the token proves who it is, a write that a foreign page has made with the
 * browser's own credentials is refused, the route checks what came, a limit that it names is counted, its command runs, the
 * group words the answer. Each request is a connection of its own. Nothing of a dialect that is not enabled is there.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyBaseLogger } from 'fastify'
import type { CommandName, Input } from '../../shared/commands.ts'
import { AppError } from '../../shared/errors.ts'
import type { Actor, Core } from '../../shared/ports.ts'
import type { Config } from '../config.ts'
import { groups } from '../dialects/index.ts'
import type { Begun, Group, Route } from '../dialects/rest.ts'
import { idSource } from '../id.ts'
import { cookieToken, headerToken } from './credential.ts'
import type { Http } from './http.ts'
import { introducing } from './introduce.ts'
import { speakJson } from './json.ts'
import type { Authenticate } from './session.ts'
import type { TakeOne } from './socketio/limits.ts'
import { isForeign } from './upgrade.ts'

interface RestOptions {
  readonly core: Core
  /** Does what operators' routes ask outside production, and creates users whom a route introduces. */
  readonly system: Actor
  readonly authenticate: Authenticate
  /** Of what dialects state, shared with their sockets. */
  readonly limit: TakeOne
  readonly config: Pick<Config, 'origins' | 'production' | 'rpc'>
  /** Those that are enabled, where they are mounted. */
  readonly groups: readonly Group[]
}

/** The groups of the enabled dialects, where the operator wants them. Throws if two of them want the same place. */
export function enabledGroups(
  { socketio, restPrefixes }: Pick<Config, 'socketio' | 'restPrefixes'>,
  all: readonly Group[] = groups,
): Group[] {
  const enabled = all
    .filter(({ name }) => socketio.dialects.includes(name))
    .map((group) => ({ ...group, base: restPrefixes[group.name] ?? group.base }))
  const owners = new Map<string, string>()
  for (const { name, base, routes } of enabled) {
    for (const { method, path } of routes) {
      const place = `${method} ${base}${path}`.replaceAll(/:\w+/g, ':id')
      const owner = owners.get(place)
      if (owner !== undefined) throw new Error(`${place} is of ${owner} and of ${name}: move one (LMS_REST_PREFIX)`)
      owners.set(place, name)
    }
  }
  return enabled
}

export async function registerRest<L extends FastifyBaseLogger>(fastify: Http<L>, options: RestOptions): Promise<void> {
  const { maxPayload } = options.config.rpc
  const newId = idSource()
  for (const group of options.groups) {
    await fastify.register(async (scope) => {
      speakJson(scope, maxPayload, group.error)
      for (const route of group.routes) {
        const handler = handlerOf(options, group, route)
        scope.route({
          method: route.method,
          url: `${group.base}${route.path}`,
          bodyLimit: maxPayload,
          handler: async ({ headers, params, query, body = {} }, reply) => {
            const actor = await handler.identify(headers)
            const begun = route.begin({ params, query, body }, { actor, id: newId(), at: new Date() })
            const data = await handler.perform(actor, begun)
            const { envelope } = group
            return reply
              .code(begun.status)
              .header('cache-control', 'no-store')
              .send(envelope && !route.bare ? envelope.payload(data, begun.message) : data)
          },
        })
      }
    })
  }
}

function handlerOf({ core, system, authenticate, limit, config }: RestOptions, group: Group, route: Route) {
  const open = route.access === 'operator' && !config.production
  return {
    async identify(headers: IncomingHttpHeaders): Promise<Actor> {
      const given = headerToken(headers)
      const token = given ?? (group.cookie ? cookieToken(headers) : undefined)
      const actor = open ? system : await authenticate(token)
      if ((open || given === undefined) && route.writes && isForeign(config, headers))
        throw new AppError('FORBIDDEN', 'This origin may not write here')
      return actor
    },
    async perform(actor: Actor, { introduces, limit: stated, run }: Begun): Promise<unknown> {
      await limit(stated, actor.userId)
      const execute = <C extends CommandName>(name: C, input: Input<C>) => core.execute(actor, name, input)
      return introducing({ core, system }, introduces, () => run(execute))
    },
  }
}
