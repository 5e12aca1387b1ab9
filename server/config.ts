/**
 * Every setting, read once from the environment, checked as a whole, and given on as a plain value. A setting that is
 * wrong, or contradicts another, stops the start with one clear line each; production never guesses.
 */
import { createPublicKey } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { z } from 'zod'
import { Environment } from './environment.ts'

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
