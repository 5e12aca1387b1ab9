/**
 * The Socket.IO server, bound to no HTTP server: the app hands requests and upgrades of its paths over. All paths share one
 * engine (a session id is good on any of them); which path a socket came by is read from its request. Readers that are too
 * slow lose the engine connection, so they come back; connection state recovery stays off, it would add an argument to
 * every event of every client.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { Server, type Socket } from 'socket.io'
import { type Config, originAllowed } from '../../config.ts'
import { isSameOrigin } from '../upgrade.ts'
import type { BridgeLog } from './log.ts'

/** Frames and bytes that may wait for one reader. */
const SLOW = { frames: 10_000, everyMs: 1_000 }
const COMPRESSION = { threshold: 1024, serverNoContextTakeover: true, clientNoContextTakeover: true }

export interface Engine {
  readonly io: Server
  /** False if the request is not for one of the paths. */
  handle(request: IncomingMessage, response: ServerResponse): boolean
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
  /** Accepts no more handshakes. */
  refuse(): void
  /** Closes every connection in the way that makes clients come back. */
  hangUp(): void
  close(): Promise<void>
}

export const pathOf = (request: IncomingMessage): string => (request.url ?? '').split('?', 1)[0] ?? ''
const CLIENT_FILE = /\/(socket\.io(\.esm|\.msgpack)?(\.min)?\.js(\.map)?)$/

export function createEngine(
  paths: readonly string[],
  config: Pick<Config, 'socketio' | 'origins' | 'production' | 'rpc'>,
  log: BridgeLog,
): Engine {
  const { pingInterval, pingTimeout, maxBufferSize, compression } = config.socketio
  const io = new Server({
    ...{ allowEIO3: true, serveClient: true, pingInterval, pingTimeout, maxHttpBufferSize: maxBufferSize },
    // Long polls bring cookies along; upgrades have been looked at before they come here.
    allowRequest: ({ url, headers: { origin, host } }, done) =>
      done(
        null,
        !isScript(url) && (origin === undefined || isSameOrigin(origin, host) || originAllowed(config, origin)),
      ),
    perMessageDeflate: compression && COMPRESSION,
    httpCompression: compression && { threshold: COMPRESSION.threshold },
    cors: {
      origin: (origin, done) => done(null, origin !== undefined && originAllowed(config, origin)),
      credentials: true,
    },
  })
  // Socket.IO makes its engine only for an HTTP server; this one never listens.
  const unheard = createServer()
  io.attach(unheard)
  io.engine.on('connection_error', ({ code, message }: { code: number; message: string }) =>
    log.debug({ code, message }, 'Socket.IO handshake refused'),
  )
  let refusing = false
  const isHandshake = (request: IncomingMessage) => !/[?&]sid=/.test(request.url ?? '')

  const connections = new Set<Socket['conn']>()
  io.engine.on('connection', (connection: Socket['conn']) => {
    connections.add(connection)
    connection.once('close', () => connections.delete(connection))
  })
  const cutter = setInterval(() => {
    for (const connection of connections) {
      if (isSlow(connection, config.rpc.maxBuffered)) connection.close(true)
    }
  }, SLOW.everyMs)
  cutter.unref()

  return {
    io,
    handle(request, response) {
      const path = pathOf(request)
      const base = paths.find((candidate) => path === candidate || path.startsWith(`${candidate}/`))
      if (base === undefined) return false
      const file = CLIENT_FILE.exec(path)?.[1]
      if (file !== undefined) {
        request.url = `/socket.io/${file}`
        unheard.emit('request', request, response)
      } else if (refusing && isHandshake(request)) response.writeHead(503, { connection: 'close' }).end()
      else io.engine.handleRequest(request, response)
      return true
    },
    upgrade(request, socket, head) {
      if (refusing && isHandshake(request)) socket.end('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n')
      else io.engine.handleUpgrade(request, socket, head)
    },
    refuse() {
      refusing = true
    },
    hangUp() {
      for (const connection of connections) connection.close()
    },
    async close() {
      clearInterval(cutter)
      await io.close()
    },
  }
}

/** Answers in the form of a script (JSONP) can be read by a page of any origin, which then need not say who it is. */
const isScript = (url = '') => new URLSearchParams(url.slice(url.indexOf('?') + 1)).has('j')

function isSlow(connection: Socket['conn'], bytes: number): boolean {
  // What has not been handed to the transport yet. The types call it private; engine.io has no other word for it.
  const waiting: unknown = Reflect.get(connection, 'writeBuffer')
  if (!Array.isArray(waiting)) return false
  const sizes = waiting.map(({ data }: { data?: unknown }) => (typeof data === 'string' ? data.length : 0))
  return waiting.length > SLOW.frames || sizes.reduce((sum, size) => sum + size, 0) > bytes
}
