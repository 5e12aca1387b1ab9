/**
 * One upgrade listener for the HTTP server. In this order: a broken connection cannot raise an unheard error, an unknown path
 * is answered 404, a browser page of a foreign origin 403, the rest goes to the route that owns the path.
 */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type Config, originAllowed } from '../config.ts'

export interface UpgradeRoute {
  /** Such as `/trpc`; with or without a slash at the end is the same. */
  readonly paths: readonly string[]
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
}

interface UpgradeOptions {
  config: Pick<Config, 'origins' | 'production'>
  log: { error(fields: object, message: string): void }
  routes: readonly UpgradeRoute[]
}

export function upgradeRouter({ config, log, routes }: UpgradeOptions) {
  const byPath = new Map(routes.flatMap((route) => route.paths.map((path) => [trimmed(path), route] as const)))
  return (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    socket.on('error', () => socket.destroy())
    const { origin, host } = request.headers
    const route = byPath.get(trimmed(request.url?.split('?', 1)[0] ?? ''))
    const foreign = origin !== undefined && !isSameOrigin(origin, host) && !originAllowed(config, origin)
    if (!route || foreign) {
      refuse(socket, route ? '403 Forbidden' : '404 Not Found')
      return
    }
    try {
      route.upgrade(request, socket, head)
    } catch (error) {
      log.error({ err: error }, 'an upgrade failed')
      socket.destroy()
    }
  }
}

const trimmed = (path: string) => path.replace(/\/$/, '')

export const isSameOrigin = (origin: string, host: string | undefined) =>
  host !== undefined && URL.canParse(origin) && new URL(origin).host === host.toLowerCase()

/** A request of a page that is neither ours nor allowed. Browsers do not say the origin of what is merely fetched. */
export function isForeign(config: Pick<Config, 'origins' | 'production'>, headers: IncomingHttpHeaders): boolean {
  const { origin, host } = headers
  if (origin === undefined) return headers['sec-fetch-site'] === 'cross-site'
  return !isSameOrigin(origin, host) && !originAllowed(config, origin)
}

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy())
}
