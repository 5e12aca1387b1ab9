/**
 * The typed entrance with everything behind it (store in memory, hub, core, auth) and its limits in the test's hands, which
 * no setting reaches. A backend carries many entrances. `stock` is tRPC's client as it comes; `raw` a WebSocket that speaks
 * frames. Use both with `await using`, or dispose of them by hand.
 */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createTRPCClient, createWSClient, wsLink } from '@trpc/client'
import fastify from 'fastify'
import superjson from 'superjson'
import { WebSocket } from 'ws'
import { createAuth, system } from '../server/auth.ts'
import { memoryBroker } from '../server/cluster/memory.ts'
import { Attendance, type AttendanceOptions } from '../server/core/attendance.ts'
import { Blocklist } from '../server/core/blocklist.ts'
import { createCore } from '../server/core/core.ts'
import { Counting } from '../server/core/counting.ts'
import { Expiry, type ExpiryOptions } from '../server/core/expiry.ts'
import { Firing, type FiringOptions } from '../server/core/firing.ts'
import { Heartbeats } from '../server/core/heartbeat.ts'
import { Hub } from '../server/core/hub.ts'
import type { Broker, Store } from '../server/core/ports.ts'
import { Rights } from '../server/core/rights.ts'
import { Typing } from '../server/core/typing.ts'
import { idSource } from '../server/id.ts'
import { type Checks, registerHealth } from '../server/transports/health.ts'
import { createTrpc, type Limits } from '../server/transports/trpc.ts'
import { upgradeRouter } from '../server/transports/upgrade.ts'
import type { AppRouter, Core } from '../shared/index.ts'
import { Inbox } from './inbox.ts'
import { openFresh } from './store/databases.ts'

interface EntranceOptions {
  limits?: Partial<Limits>
  maxPayload?: number
  maxBuffered?: number
  origins?: string[]
  /** Stands between the entrance and the core. */
  wrap?: (core: Core) => Core
  checks?: Checks
}

export interface Frame {
  id?: number | string | null
  method?: string
  result?: { type: string; id?: string; data?: { json: unknown; meta?: unknown } }
  error?: { json: { message: string; data: { code: string; app: { code: string; retry: boolean; data: unknown } } } }
}

interface BackendOptions {
  /** An open store, closed with the backend. Without it: a fresh one. */
  store?: Store
  locks?: Partial<Pick<ExpiryOptions, 'lockMs' | 'sweepMs'>>
  typingMs?: number
  /** Without it: a cluster of one. */
  broker?: Broker
  presence?: Partial<Pick<AttendanceOptions, 'windowMs' | 'graceMs' | 'leaseMs'>>
  beatMs?: number
  firing?: Partial<Pick<FiringOptions, 'everyMs' | 'batch' | 'pauseMs'>>
}

export async function startBackend(options: BackendOptions = {}) {
  const { store: given, locks, typingMs, firing: times } = options
  const newId = idSource()
  const store = given ?? (await openFresh())
  const broker = options.broker ?? memoryBroker()
  const onError = () => undefined
  const blocklist = new Blocklist(store.reads.blocks)
  const hub = new Hub({ log: store.log, epoch: store.epoch, broker, onError, quietMs: 60_000, blocklist })
  await hub.start()
  const world = { now: Date.now, newId }
  const firing = new Firing({ store, hub, newId, onError, ...times })
  firing.start()
  const typing = new Typing({ hub, now: Date.now, ...(typingMs !== undefined && { forMs: typingMs }) })
  const presence = new Attendance({
    ...{ store, hub, broker, rights: new Rights(), name: newId(), onError, ...options.presence },
    blocked: (userId) => blocklist.with(userId),
    left: (userIds) => expiry.gone(userIds),
  })
  const online = (userId: string) => presence.online(userId)
  const expiry = new Expiry({ store, hub, lockMs: 300_000, onError, online, ...locks })
  presence.start()
  expiry.start()
  const heartbeats = new Heartbeats({ hub, intervalMs: options.beatMs ?? 25_000, now: Date.now })
  const counting = new Counting({ store, hub, onError })
  const auditor = { last: null }
  const core = createCore({
    store,
    hub,
    expiry,
    firing,
    typing,
    presence,
    heartbeats,
    counting,
    auditor,
    world,
    limit: async () => undefined,
    onError,
  })
  const secret = 'a secret for the tests of the entrance'
  const admit = (identity: { id: string }) => core.execute(system, 'user.upsert', identity)
  const standing = (userId: string) => store.reads.users.admission(userId)
  const auth = createAuth({ secret, publicKey: undefined, newId, standing, admit })
  const token = (userId: string, expiresIn = 3_600) => auth.sign({ userId, role: 'client' }, expiresIn)
  return {
    ...{ store, hub, core, auth, token, newId, presence },
    actor: (userId: string) => auth.authenticate(token(userId)),
    async [Symbol.asyncDispose]() {
      await presence.stop()
      await expiry.stop()
      await firing.stop()
      typing.close()
      heartbeats.close()
      await counting.stop()
      await hub.stop()
      await store.close()
    },
  }
}
export type Backend = Awaited<ReturnType<typeof startBackend>>

export async function startEntrance({ core, auth, token }: Backend, options: EntranceOptions = {}) {
  const logged: { fields: object; message: string }[] = []
  const log = { error: (fields: object, message: string) => void logged.push({ fields, message }) }
  const { maxPayload = 65_536, maxBuffered = 1 << 20, origins = [], limits = {} } = options
  const config = { rpc: { maxPayload, maxBuffered }, origins, production: true }
  const { authenticate } = auth
  const trpc = createTrpc({ core: options.wrap?.(core) ?? core, system, authenticate, config, log, limits })
  const http = fastify({ forceCloseConnections: true })
  registerHealth(http, options.checks ?? {})
  await trpc.register(http)
  http.server.on('upgrade', upgradeRouter({ config, log, routes: [trpc] }))
  await http.listen({ port: 0, host: '127.0.0.1' })
  const { port } = http.server.address() as AddressInfo
  const wsUrl = `ws://127.0.0.1:${port}/trpc`
  const open = new Set<() => void>()

  function stock(userId: string, bearer = token(userId)) {
    const sockets: WebSocket[] = []
    class Seen extends WebSocket {
      constructor(url: string) {
        super(url)
        sockets.push(this)
      }
    }
    const ws = createWSClient({
      ...{ url: wsUrl, WebSocket: Seen as unknown as typeof globalThis.WebSocket },
      ...{ connectionParams: () => ({ token: bearer }), retryDelayMs: () => 5 },
    })
    open.add(() => void ws.close())
    const api = createTRPCClient<AppRouter>({ links: [wsLink({ client: ws, transformer: superjson })] })
    return { api, ws, sockets }
  }

  async function raw(userId: string | null, bearer = userId === null ? undefined : token(userId), query = '') {
    const socket = new WebSocket(
      wsUrl + query,
      bearer === undefined ? {} : { headers: { authorization: `Bearer ${bearer}` } },
    )
    const frames = new Inbox<Frame>((frame) => JSON.stringify(frame).slice(0, 300))
    const texts: string[] = []
    const closed = new Promise<{ code: number; reason: string }>((resolve) => {
      socket.on('close', (code, reason) => resolve({ code, reason: String(reason) }))
    })
    socket.on('error', () => undefined)
    socket.on('message', (data, isBinary) => {
      const text = isBinary ? 'BINARY' : String(data)
      texts.push(text)
      if (text !== 'PING' && text !== 'PONG') frames.push(JSON.parse(text))
    })
    open.add(() => socket.terminate())
    await once(socket, 'open')
    const call = (id: number | string, method: string, path: string, json: object = {}) =>
      socket.send(JSON.stringify({ id, method, params: { path, input: { json } } }))
    const answer = (id: number | string) =>
      frames.until((items) => items.find((frame) => frame.id === id && (frame.error || frame.result)), `answer ${id}`)
    return { socket, frames, texts, closed, call, answer }
  }

  const hangUp = () => {
    for (const close of open) close()
    open.clear()
  }
  return {
    ...{ trpc, logged, token, stock, raw, hangUp, port, url: `http://127.0.0.1:${port}` },
    async [Symbol.asyncDispose]() {
      hangUp()
      await trpc.close()
      await http.close()
    },
  }
}
