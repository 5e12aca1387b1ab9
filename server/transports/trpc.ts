/**
 * The typed entrance: one router over WebSocket, over HTTP and over SSE at `/trpc`. It translates; core decides. Whatever a
 * client sends, the worst that follows is a typed refusal or the end of its own connection.
 */
import { setMaxListeners } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { TRPCError } from '@trpc/server'
import { getWSConnectionHandler } from '@trpc/server/adapters/ws'
import type { FastifyBaseLogger } from 'fastify'
import { WebSocketServer } from 'ws'
import type { Actor, Core } from '../../shared/ports.ts'
import { failureOf } from '../../shared/router/failure.ts'
import { createRouter } from '../../shared/router/index.ts'
import { type Http, serveHttp } from './http.ts'
import { encoder, transformer } from './lane.ts'
import { Revocations } from './revocations.ts'
import { type Authenticate, Session, type SessionLimits, tokenOf } from './session.ts'
import { TypedSocket } from './socket.ts'

/** What `config.rpc` does not say. */
export interface Limits extends SessionLimits {
  /** Calls in one frame or request. */
  readonly batch: number
  /** Events that may wait for one SSE reader before it is cut off. */
  readonly queue: number
  /** A quiet client is asked after this, ms, and cut off if it then says nothing for `pongMs`. */
  readonly pingMs: number
  readonly pongMs: number
  /** What a stopping server waits for calls in flight and for clients to go, ms. */
  readonly graceMs: number
  /** Time for a peer to answer a close, ms. */
  readonly closeMs: number
}

const LIMITS: Limits = {
  calls: 100,
  streams: 100,
  handshakeMs: 10_000,
  refusedMs: 250,
  batch: 200,
  queue: 1_000,
  pingMs: 25_000,
  pongMs: 10_000,
  graceMs: 5_000,
  closeMs: 5_000,
}

export interface TrpcOptions {
  core: Core
  /** May follow the log. */
  system: Actor
  authenticate: Authenticate
  /** Bytes of one frame or body, and bytes that may wait for one WebSocket reader before it is cut off. */
  config: { readonly rpc: { readonly maxPayload: number; readonly maxBuffered: number } }
  log: { error(fields: object, message: string): void }
  limits?: Partial<Limits>
}

export type Trpc = ReturnType<typeof createTrpc>

export function createTrpc({ core, system, authenticate, config, log, limits: given }: TrpcOptions) {
  const limits = { ...LIMITS, ...given }
  const sse = { ping: { enabled: true, intervalMs: 15_000 }, client: { reconnectAfterInactivityMs: 45_000 } }
  const router = createRouter({ transformer, sse })
  const sessions = new Set<Session>()
  const revocations = new Revocations()
  const stopping = new AbortController()
  // Every stream over HTTP listens to it.
  setMaxListeners(0, stopping.signal)

  /** What failed here is for the log; what the client did wrong is its own affair. */
  const onError = ({ error, path }: { error: TRPCError; path: string | undefined }) => {
    const failure = failureOf(error)
    if (failure.code === 'INTERNAL') log.error({ err: failure.cause ?? error, path }, 'a call failed')
  }

  const wss = new WebSocketServer({
    noServer: true,
    WebSocket: TypedSocket,
    maxPayload: config.rpc.maxPayload,
    perMessageDeflate: false,
  })

  function connect(socket: TypedSocket, request: IncomingMessage): void {
    socket.on('error', () => socket.terminate())
    socket.highWater = config.rpc.maxBuffered
    socket.closeMs = limits.closeMs
    const session = new Session(socket, limits, revocations)
    sessions.add(session)
    socket.once('close', () => sessions.delete(session))
    const handle = getWSConnectionHandler({
      wss,
      router,
      experimental_encoder: encoder,
      maxBatchSize: limits.batch,
      keepAlive: { enabled: true, pingMs: limits.pingMs, pongWaitMs: limits.pongMs },
      createContext: ({ info }) =>
        session.open(core, authenticate, tokenOf(info.connectionParams, request.headers.authorization)),
      onError,
    })
    try {
      handle(socket, request)
    } catch {
      // tRPC parses the address and the Host header, which may be anything.
      socket.terminate()
    }
  }

  const cutOff = () => {
    for (const client of wss.clients) client.terminate()
  }

  return {
    paths: ['/trpc'],

    /** Takes an upgrade request for `/trpc`. */
    upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
      wss.handleUpgrade(request, socket, head, (client) => connect(client, request))
    },

    /** Adds `/trpc/*` to the HTTP server, and begins to follow the log. */
    async register<L extends FastifyBaseLogger>(fastify: Http<L>): Promise<void> {
      await revocations.start(core, system)
      const { maxPayload } = config.rpc
      await serveHttp(fastify, {
        router,
        core,
        authenticate,
        onError,
        revocations,
        stopping: stopping.signal,
        maxPayload,
        ...limits,
      })
    },

    /** Tells every client to go elsewhere, closes each when its calls are answered, cuts off who is left in the end. */
    async drain(): Promise<void> {
      stopping.abort()
      wss.close()
      for (const client of wss.clients) client.send('{"id":null,"method":"reconnect"}')
      for (const session of sessions) session.drain()
      const cut = setTimeout(cutOff, limits.graceMs)
      if (wss.clients.size > 0) await new Promise((resolve) => wss.once('close', resolve))
      clearTimeout(cut)
    },

    async close(): Promise<void> {
      stopping.abort()
      revocations.stop()
      wss.close()
      cutOff()
    },
  }
}
