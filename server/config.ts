/**
 * Every setting, read once from the environment, checked as a whole, and given on as a plain value. A setting that is
 * wrong, or contradicts another, stops the start with one clear line each; production never guesses.
 */
import { createPublicKey } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

const whole = (usual: number, min = 1, max = Number.MAX_SAFE_INTEGER) =>
  z.coerce.number().int().min(min).max(max).default(usual)
const flag = z
  .enum(['true', 'false', '1', '0', ''])
  .default('false')
  .transform((text) => text === 'true' || text === '1')
const list = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  )
const given = z.string().trim().min(1).optional()
/** On, off, or not said. */
const choice = z
  .enum(['true', 'false', '1', '0'])
  .transform((text) => text === 'true' || text === '1')
  .optional()

/** The environment, variable by variable. The descriptions are the README's configuration table. */
export const Environment = z.object({
  NODE_ENV: z.string().default('development').describe('`production` turns every convenience off'),
  PORT: whole(4000, 0, 65_535).describe('where to listen; 0 takes a free port'),
  HOST: z.string().default('0.0.0.0').describe('which address to listen on'),
  DATA_DIR: z.string().min(1).default('./data').describe('where the embedded database and the development secret live'),
  DATABASE_URL: given.describe('`postgres://...`: native Postgres instead of the embedded one'),
  JWT_SECRET: given.describe('HS256 secret of the tokens; required in production, 32 characters or more there'),
  JWT_PUBLIC_KEY: given.describe('PEM public key instead of a secret: RS256 or ES256 tokens of your own issuer'),
  CLIENT_ORIGIN: list.describe('browser origins allowed to connect, by comma; outside production any localhost too'),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('least severe level logged'),
  LOG_RETENTION_DAYS: whole(30, 1, 36_500).describe('how long the log of events is kept for clients that were away'),
  COMMAND_LIMIT: whole(5_000).describe('cost of the commands one user may give in COMMAND_WINDOW'),
  COMMAND_WINDOW: whole(10_000, 1, 86_400_000).describe('milliseconds'),
  WRITE_QUEUE: whole(20_000).describe('sends that may wait for the database before OVERLOADED'),
  LOCK_TIMEOUT: whole(300_000, 1, 86_400_000).describe('milliseconds a lock on a message is held unless it is renewed'),
  AUDIT_INTERVAL: whole(5_000, 0, 86_400_000).describe(
    'milliseconds between two pages of the audit of unread counts in the background; 0 turns it off',
  ),
  MESSAGE_QUEUE_EXPIRY: whole(604_800, 1, 315_360_000).describe(
    'seconds a message nobody received stays in the offline queue',
  ),
  SUPPORT_BOT: choice.describe(
    '`true`: the user `support-bot` answers whoever writes to it; if not set, outside production only',
  ),
  SUPPORT_BOT_URL: given.describe('asked by POST for its answers; without it, or when that fails, a table answers'),
  SUPPORT_BOT_TIMEOUT: whole(5_000, 1, 25_000).describe('milliseconds SUPPORT_BOT_URL has to answer'),
  RPC_MAX_PAYLOAD: whole(262_144, 1_024).describe('bytes of one request at `/trpc`'),
  RPC_MAX_BUFFERED: whole(4_194_304, 65_536).describe(
    'bytes waiting for a slow reader before it is cut off (it resumes)',
  ),
  SOCKET_PING_INTERVAL: whole(25_000).describe('milliseconds between pings'),
  SOCKET_PING_TIMEOUT: whole(60_000).describe('milliseconds a Socket.IO client has to answer'),
  SOCKET_MAX_BUFFER_SIZE: whole(1_000_000, 1_024).describe('bytes of one Socket.IO message'),
  SOCKET_COMPRESSION: flag.describe('compress Socket.IO frames above 1 kB'),
  SOCKETIO_DIALECTS: list.describe('dialects that are enabled, by comma; all if empty'),
  SOCKETIO_DIALECT: given.describe('the one dialect of every socket that does not say; else it is found out'),
  LMS_REST_PREFIX: given.describe('`/path` that the HTTP routes of `lms` are moved under; at the root if not set'),
  SOCKETIO_HOSTS: list.describe('`host=dialect`, by comma: dialect by Host header'),
  SOCKETIO_EXPIRY: z
    .enum(['handshake', 'live'])
    .default('handshake')
    .describe(
      'when the end of a token counts for Socket.IO clients: as they come, or `live`: they are cut off then too',
    ),
  RATE_LIMIT_MAX: whole(30).describe('events one user may send in RATE_LIMIT_WINDOW, in a dialect that limits them'),
  RATE_LIMIT_WINDOW: whole(10_000, 1, 86_400_000).describe('milliseconds'),
  RATE_LIMIT_EVENTS: list.describe('`event=max`, by comma: events counted alone, with a limit of their own'),
  SOCKET_LOGGING: flag.describe(
    'a record of every Socket.IO connection and event, never its content, in SOCKET_LOG_DIR',
  ),
  SOCKET_LOG_DIR: given.describe('files of SOCKET_LOGGING, one a day, 14 kept; if not set, `logs` in DATA_DIR'),
  TRUST_REGISTER: choice.describe(
    '`true`: a socket without a token is who it says it is; if not set, outside production only',
  ),
  DEV_AUTH: choice.describe(
    '`true`: anybody registers and logs in at `/api/auth`; if not set, outside production only, with a JWT_SECRET',
  ),
  USE_REDIS: flag.describe('not used yet: this build is one node, without Redis, and says so at the start'),
  REDIS_HOST: z.string().min(1).default('localhost').describe('not used yet'),
  REDIS_PORT: whole(6379, 1, 65_535).describe('not used yet'),
  REDIS_PASSWORD: given.describe('not used yet'),
  REDIS_DB: whole(0, 0, 65_535).describe('not used yet'),
})

export interface Config {
  /** What an operator should hear at the start, a line each. */
  readonly warnings: readonly string[]
  readonly production: boolean
  readonly port: number
  readonly host: string
  readonly dataDir: string
  readonly databaseUrl: string | undefined
  readonly jwt: { readonly secret: string | undefined; readonly publicKey: string | undefined }
  /** Whether the server itself registers users and makes their tokens. */
  readonly devAuth: boolean
  /** Whether a socket without a token is believed who it is. */
  readonly trustRegister: boolean
  readonly origins: readonly string[]
  readonly logLevel: z.output<typeof Environment>['LOG_LEVEL']
  readonly retentionDays: number
  readonly writeQueue: number
  readonly lockMs: number
  readonly queueSeconds: number
  /** Null: there is none. */
  readonly supportBot: { readonly url: string | undefined; readonly timeoutMs: number } | null
  readonly auditMs: number
  readonly commands: { readonly points: number; readonly windowMs: number }
  readonly rpc: { readonly maxPayload: number; readonly maxBuffered: number }
  /** Null: none. */
  readonly redis: {
    readonly host: string
    readonly port: number
    readonly password: string | undefined
    readonly db: number
  } | null
  /** Where the HTTP routes of a dialect are instead of their own place, by its name. */
  readonly restPrefixes: Readonly<Record<string, string>>
  readonly socketio: {
    readonly pingInterval: number
    readonly pingTimeout: number
    readonly maxBufferSize: number
    readonly compression: boolean
    /** Enabled dialects, by name. */
    readonly dialects: readonly string[]
    readonly dialect: string | undefined
    /** Host header (lower case) to dialect. */
    readonly hosts: ReadonlyMap<string, string>
    /** When the end of a token counts. */
    readonly expiry: 'handshake' | 'live'
    /** How many events a user may send, in the dialects that limit them. */
    readonly events: {
      readonly points: number
      readonly windowMs: number
      readonly overrides: ReadonlyMap<string, number>
    }
    /** Where every event is written down. Null: nowhere. */
    readonly logDir: string | null
  }
}

/** What is wrong with the settings, a line each. */
export class ConfigError extends Error {
  readonly problems: readonly string[]
  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.name = 'ConfigError'
    this.problems = problems
  }
}

/** The environment, with what a `.env` file in the working folder adds to it: what is set already stays. */
function environment(): Readonly<Record<string, string | undefined>> {
  if (existsSync('.env')) process.loadEnvFile('.env')
  return process.env
}

/** Reads the settings. `dialects` are those that this build knows. Throws ConfigError. */
export function readConfig(dialects: readonly string[], env = environment()): Config {
  // An empty variable is a variable that is not set: that is what .env files and compose files mean by it.
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''))
  const parsed = Environment.safeParse(set)
  if (!parsed.success) {
    throw new ConfigError(parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`))
  }
  const e = parsed.data
  const production = e.NODE_ENV === 'production'
  const trustRegister = e.TRUST_REGISTER ?? !production
  const devAuth = e.DEV_AUTH ?? (!production && e.JWT_PUBLIC_KEY === undefined)
  const hosts = e.SOCKETIO_HOSTS.map((pair) => pair.split('='))
  const overrides = e.RATE_LIMIT_EVENTS.map((pair) => {
    const [, event = pair, max = ''] = /^(.+)=([1-9]\d{0,8})$/.exec(pair) ?? []
    return [event, Number(max)] as const
  })
  const enabled = e.SOCKETIO_DIALECTS.length > 0 ? e.SOCKETIO_DIALECTS : dialects
  const problems = [
    ...contradictions(e, production),
    ...enabled
      .filter((name) => !dialects.includes(name))
      .map((name) => `SOCKETIO_DIALECTS: unknown dialect "${name}"; known are ${dialects.join(', ')}`),
    ...[e.SOCKETIO_DIALECT, ...hosts.map(([, name]) => name)]
      .filter((name) => name !== undefined && !enabled.includes(name))
      .map((name) => `SOCKETIO_DIALECT, SOCKETIO_HOSTS: dialect "${name}" is not enabled`),
    ...overrides.filter(([, max]) => max === 0).map(([pair]) => `RATE_LIMIT_EVENTS: "${pair}" is not event=max`),
    ...hosts
      .filter((pair) => pair.length !== 2 || pair.includes(''))
      .map((pair) => `SOCKETIO_HOSTS: "${pair.join('=')}" is not host=dialect`),
  ]
  if (problems.length > 0) throw new ConfigError(problems)
  return {
    warnings: warnings(e, production),
    production,
    port: e.PORT,
    host: e.HOST,
    dataDir: e.DATA_DIR,
    databaseUrl: e.DATABASE_URL,
    jwt: { secret: e.JWT_SECRET, publicKey: e.JWT_PUBLIC_KEY && pem(e.JWT_PUBLIC_KEY) },
    devAuth,
    trustRegister,
    origins: e.CLIENT_ORIGIN,
    logLevel: e.LOG_LEVEL,
    retentionDays: e.LOG_RETENTION_DAYS,
    writeQueue: e.WRITE_QUEUE,
    lockMs: e.LOCK_TIMEOUT,
    queueSeconds: e.MESSAGE_QUEUE_EXPIRY,
    supportBot: (e.SUPPORT_BOT ?? !production) ? { url: e.SUPPORT_BOT_URL, timeoutMs: e.SUPPORT_BOT_TIMEOUT } : null,
    auditMs: e.AUDIT_INTERVAL,
    commands: { points: e.COMMAND_LIMIT, windowMs: e.COMMAND_WINDOW },
    rpc: { maxPayload: e.RPC_MAX_PAYLOAD, maxBuffered: e.RPC_MAX_BUFFERED },
    redis: e.USE_REDIS ? { host: e.REDIS_HOST, port: e.REDIS_PORT, password: e.REDIS_PASSWORD, db: e.REDIS_DB } : null,
    restPrefixes: e.LMS_REST_PREFIX === undefined ? {} : { lms: e.LMS_REST_PREFIX.replace(/\/$/, '') },
    socketio: {
      pingInterval: e.SOCKET_PING_INTERVAL,
      pingTimeout: e.SOCKET_PING_TIMEOUT,
      maxBufferSize: e.SOCKET_MAX_BUFFER_SIZE,
      compression: e.SOCKET_COMPRESSION,
      dialects: enabled,
      dialect: e.SOCKETIO_DIALECT,
      hosts: new Map(hosts.map(([host = '', name = '']) => [host.toLowerCase(), name])),
      expiry: e.SOCKETIO_EXPIRY,
      events: { points: e.RATE_LIMIT_MAX, windowMs: e.RATE_LIMIT_WINDOW, overrides: new Map(overrides) },
      logDir: e.SOCKET_LOGGING ? (e.SOCKET_LOG_DIR ?? join(e.DATA_DIR, 'logs')) : null,
    },
  }
}

/** In .env files a PEM stands on one line. */
const pem = (text: string) => text.replaceAll('\\n', '\n')

function isPublicKey(text: string): boolean {
  try {
    return createPublicKey(pem(text)).type === 'public'
  } catch {
    return false
  }
}

function contradictions(e: z.output<typeof Environment>, production: boolean): string[] {
  const problems: string[] = []
  const say = (wrong: boolean, problem: string) => wrong && problems.push(problem)
  say(e.JWT_SECRET !== undefined && e.JWT_PUBLIC_KEY !== undefined, 'JWT_SECRET and JWT_PUBLIC_KEY: give one of them')
  say(e.JWT_PUBLIC_KEY !== undefined && !isPublicKey(e.JWT_PUBLIC_KEY), 'JWT_PUBLIC_KEY: not a public key in PEM')
  say(production && !e.JWT_SECRET && !e.JWT_PUBLIC_KEY, 'JWT_SECRET (or JWT_PUBLIC_KEY): required in production')
  say(
    production && e.JWT_SECRET !== undefined && e.JWT_SECRET.length < 32,
    'JWT_SECRET: at least 32 characters in production',
  )
  say(
    e.DATABASE_URL !== undefined && !/^postgres(ql)?:\/\//.test(e.DATABASE_URL),
    'DATABASE_URL: must begin with postgres:// or postgresql://',
  )
  say(
    e.SUPPORT_BOT_URL !== undefined && !(URL.canParse(e.SUPPORT_BOT_URL) && /^https?:/.test(e.SUPPORT_BOT_URL)),
    'SUPPORT_BOT_URL: must be a URL of http:// or https://',
  )
  say(
    e.DEV_AUTH === true && e.JWT_PUBLIC_KEY !== undefined,
    'DEV_AUTH: needs JWT_SECRET; with JWT_PUBLIC_KEY the tokens come from your own issuer',
  )
  say(production && e.CLIENT_ORIGIN.includes('*'), 'CLIENT_ORIGIN: name the origins in production, not *')
  for (const origin of e.CLIENT_ORIGIN) {
    say(
      origin !== '*' && !(URL.canParse(origin) && new URL(origin).origin === origin),
      `CLIENT_ORIGIN: "${origin}" is not an origin (https://app.example)`,
    )
  }
  say(
    e.LMS_REST_PREFIX !== undefined && !/^(\/[\w.~-]+)*\/?$/.test(e.LMS_REST_PREFIX),
    'LMS_REST_PREFIX: must be a path like /lms',
  )
  say(e.SOCKET_PING_TIMEOUT < 1_000, 'SOCKET_PING_TIMEOUT: at least 1000 ms')
  return problems
}

function warnings(e: z.output<typeof Environment>, production: boolean): string[] {
  const lines: string[] = []
  if (production && e.DEV_AUTH) lines.push('DEV_AUTH is on in production: anybody may register')
  if (production && e.TRUST_REGISTER)
    lines.push('TRUST_REGISTER is on in production: a socket without a token is whoever it says it is')
  if (e.USE_REDIS) lines.push('USE_REDIS is set, but this build runs one node without Redis')
  return lines
}

/** Whether a browser page of this origin may connect. Requests without an origin do not come from browsers. */
export function originAllowed(config: Pick<Config, 'origins' | 'production'>, origin: string): boolean {
  if (config.origins.includes('*') || config.origins.includes(origin)) return true
  return (
    !config.production && URL.canParse(origin) && ['localhost', '127.0.0.1', '[::1]'].includes(new URL(origin).hostname)
  )
}
