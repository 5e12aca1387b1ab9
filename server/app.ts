/**
 * The composition root: the only file that knows every part. `createApp` opens the store (migrations run), starts the tail,
 * then listens; `close` goes the other way: stop accepting, tell the clients to come back, finish commits in flight, close.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import cors from '@fastify/cors'
import fastify, { LogController } from 'fastify'
import type { Actor, Core } from '../shared/ports.ts'
import { type Auth, botActor, createAuth, GUEST, system } from './auth.ts'
import { SUPPORT_BOT, supportBot } from './bots/support.ts'
import { memoryBroker } from './cluster/memory.ts'
import { type Config, originAllowed, readConfig } from './config.ts'
import { Attendance } from './core/attendance.ts'
import { Auditor } from './core/audit.ts'
import { Blocklist } from './core/blocklist.ts'
import type { Bot } from './core/bot.ts'
import { type Attached, attached, census } from './core/census.ts'
import { createCore } from './core/core.ts'
import { Counting } from './core/counting.ts'
import { Expiry } from './core/expiry.ts'
import { Firing } from './core/firing.ts'
import { Follower } from './core/follower.ts'
import { Heartbeats } from './core/heartbeat.ts'
import { Hub } from './core/hub.ts'
import { Indexing } from './core/indexing.ts'
import type { Broker, Store } from './core/ports.ts'
import { Rights, type RightsTable } from './core/rights.ts'
import { Typing } from './core/typing.ts'
import { dialectNames } from './dialects/index.ts'
import { idSource } from './id.ts'
import { commandLimit } from './limits.ts'
import { createLog, type Logger } from './log.ts'
import { createPasswords } from './passwords.ts'
import { developmentSecret } from './secret.ts'
import { openStore } from './store/store.ts'
import { registerAccounts } from './transports/accounts.ts'
import { registerAsyncapi } from './transports/asyncapi.ts'
import { registerDocs } from './transports/docs.ts'
import { registerHealth } from './transports/health.ts'
import { registerMetrics } from './transports/metrics.ts'
import { enabledGroups, registerRest } from './transports/rest.ts'
import { statedLimits } from './transports/socketio/limits.ts'
import { createBridge } from './transports/socketio.ts'
import { createTrpc } from './transports/trpc.ts'
import { upgradeRouter } from './transports/upgrade.ts'

export { type Config, ConfigError, readConfig } from './config.ts'
export type { Bot, BotActions } from './core/bot.ts'
export type { Right, RightsTable } from './core/rights.ts'

/** Parts that a test (or an embedding program) may bring instead of the usual ones. */
export interface Parts {
  config?: Config
  log?: Logger
  store?: Store
  broker?: Broker
  /** What roles may do: rows instead of the usual ones, or besides them. */
  rights?: RightsTable
  /** Bots besides the built-in one. On several nodes each of them has the same. */
  bots?: readonly Bot[]
}

export interface App {
  readonly config: Config
  readonly core: Core
  readonly auth: Auth
  readonly store: Store
  /** For the program that embeds the server: commands of its own, as itself. */
  readonly system: Actor
  /** Clients connected to this node now: all, or those that follow a conversation. */
  readonly attached: (conversationId?: string) => readonly Attached[]
  /** As of `admin.stats`: users, followed conversations and connections of this node. */
  readonly census: () => ReturnType<typeof census>
  /** Where it listens, e.g. `http://localhost:4000`. */
  readonly url: string
  /** Stops in order; resolves when everything is closed. */
  close(): Promise<void>
}

/** What is left of HTTP when the clients are gone has so long, ms. */
const STOP_MS = 2_000
const PRUNE_EVERY_MS = 3_600_000
/** How long notifications stay once they are read, and broadcasts once they are done. */
const READ_MS = 7 * 86_400_000

/** Starts a server. Settings come from the environment unless `parts.config` is given. */
export async function createApp(parts: Parts = {}): Promise<App> {
  const config = parts.config ?? readConfig(dialectNames)
  const log = parts.log ?? createLog(config)
  for (const warning of config.warnings) log.warn(warning)
  const groups = enabledGroups(config)
  const newId = idSource()
  const { jwt, dataDir } = config
  const secret = jwt.secret ?? (jwt.publicKey === undefined ? developmentSecret(dataDir) : undefined)

  const bots = [...(parts.bots ?? [])]
  const { supportBot: support } = config
  if (support)
    bots.push(supportBot({ ...support, onError: (err) => log.warn({ err }, 'the support bot got no answer') }))
  const reserved = new Set([system.userId, SUPPORT_BOT, ...bots.map(({ userId }) => userId)])
  if (reserved.size < bots.length + (support ? 1 : 2)) throw new Error('Every bot needs an id of its own')

  const broker = parts.broker ?? memoryBroker()
  const store =
    parts.store ??
    (await openStore({
      ...(config.databaseUrl === undefined ? { dataDir } : { databaseUrl: config.databaseUrl }),
      queueLimit: config.writeQueue,
      log: (level, message, fields) => log[level](fields ?? {}, message),
    }))
  const onError = (error: unknown, doing: string) => log.error({ err: error }, doing)
  const rights = new Rights(parts.rights)
  const blocklist = new Blocklist(store.reads.blocks)
  const hub = new Hub({ log: store.log, epoch: store.epoch, broker, onError, blocklist })
  await hub.start()
  const firing = new Firing({
    store,
    hub,
    newId,
    onError: (error) => onError(error, 'firing schedules and broadcasts'),
  })
  firing.start()
  const indexing = new Indexing({ store, hub, onError: (error) => onError(error, 'indexing for search') })
  indexing.start()
  const typing = new Typing({ hub, now: Date.now })
  const presence = new Attendance({
    ...{ store, hub, broker, rights, name: newId() },
    blocked: (userId) => blocklist.with(userId),
    left: (userIds) => expiry.gone(userIds),
    onError: (error) => onError(error, 'telling presence'),
  })
  const expiry = new Expiry({
    ...{ store, hub, lockMs: config.lockMs, online: (userId) => presence.online(userId) },
    onError: (error) => onError(error, 'ending locks'),
  })
  presence.start()
  expiry.start()
  const heartbeats = new Heartbeats({ hub, intervalMs: config.socketio.pingInterval, now: Date.now })
  const counting = new Counting({ store, hub, onError: (error) => onError(error, 'counting receipts') })
  const auditor = new Auditor({
    ...{ store, everyMs: config.auditMs },
    onDrift: (audited) => log.error(audited, 'the audit found unread counts that are wrong'),
    onError: (error) => onError(error, 'auditing'),
  })
  auditor.start()
  const core = createCore({
    ...{ store, hub, expiry, firing, typing, presence, heartbeats, counting, auditor },
    world: { now: Date.now, newId },
    rights,
    queueSeconds: config.queueSeconds,
    limit: commandLimit(config.commands),
    onError: (error, command, actor) =>
      log.error({ err: error.cause, command, userId: actor.userId }, 'command failed'),
  })
  const auth = createAuth({
    ...{ secret, publicKey: jwt.publicKey, newId, reserved },
    standing: (userId) => store.reads.users.admission(userId),
    admit: (identity) => core.execute(system, 'user.upsert', identity),
  })

  const followers = bots.map(
    (bot) => new Follower({ bot, actor: botActor(bot, newId()), core, store, bots: reserved, onError }),
  )

  const { authenticate } = auth
  const trpc = createTrpc({ core, system, authenticate, config, log })
  const limit = statedLimits()
  const bridge = createBridge({ core, system, auth, config, limit, log })
  const http = fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: config.rpc.maxPayload,
    // An id of 128 characters, each of them encoded.
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 1_152 },
    // Engine paths go to Socket.IO before routing: long polls are its own business.
    serverFactory: (handler) => createServer((req, res) => bridge.handle(req, res) || handler(req, res)),
  })
  await http.register(cors, {
    origin: (origin, done) => done(null, origin !== undefined && originAllowed(config, origin)),
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    credentials: true,
  })
  await registerDocs(http, { groups, production: config.production })
  registerHealth(http, { database: () => store.ping(), tail: async () => hub.check(), cluster: () => broker.ping() })
  registerMetrics(http, { core, system, authenticate, production: config.production })
  registerAsyncapi(http, config)
  await registerRest(http, { core, system, authenticate, limit, config, groups })
  if (config.devAuth) await registerAccounts(http, { core, system, auth, passwords: createPasswords(), config })
  await trpc.register(http)
  http.server.on('upgrade', upgradeRouter({ config, log, routes: [trpc, bridge] }))

  const forget = () => {
    const before = new Date(Date.now() - config.retentionDays * 86_400_000)
    store.log.prune(before).catch((error) => onError(error, 'pruning the log'))
    const read = new Date(Date.now() - READ_MS)
    store.forgetNotifications(read).catch((error) => onError(error, 'forgetting read notifications'))
  }
  forget()
  const prune = setInterval(forget, PRUNE_EVERY_MS)

  let closing: Promise<void> | undefined
  async function close(): Promise<void> {
    clearInterval(prune)
    // First: those who are sent away now are not gone, and come back to another node or to the next start.
    await presence.stop()
    await expiry.stop()
    await firing.stop()
    const stopped = http.close()
    await Promise.all([trpc.drain(), bridge.drain(), auditor.stop(), ...followers.map((follower) => follower.stop())])
    // Who never finishes a request, or never reads the answer, is not waited for.
    const cut = setTimeout(() => http.server.closeAllConnections(), STOP_MS)
    await stopped
    clearTimeout(cut)
    await Promise.all([trpc.close(), bridge.close()])
    typing.close()
    heartbeats.close()
    await counting.stop()
    await Promise.all([hub.stop(), indexing.stop()])
    await Promise.all([store.close(), broker.close()])
  }
  try {
    // The server may write messages of its own: its commands need a user like anybody's.
    await core.execute(system, 'user.upsert', { id: system.userId, name: system.name })
    if (config.trustRegister) await core.execute(system, 'user.upsert', { id: GUEST, name: GUEST, role: GUEST })
    for (const { userId: id, name } of bots) await core.execute(system, 'user.upsert', { id, name, role: 'bot' })
    for (const follower of followers) await follower.start()
    await http.listen({ port: config.port, host: config.host })
  } catch (error) {
    await close()
    throw error
  }
  // It listens on a port, not on a pipe.
  const { port } = http.server.address() as AddressInfo
  return {
    ...{ config, core, auth, store, system },
    attached: (conversationId) => attached(hub, conversationId),
    census: () => census(hub),
    url: `http://localhost:${port}`,
    close: () => (closing ??= close()),
  }
}
