/** The environment, variable by variable. The descriptions are the README's configuration table; config.ts reads it. */
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

export const Environment = z.object({
  NODE_ENV: z
    .enum(['development', 'test', 'production'])
    .default('development')
    .describe('`development`, `test`, or `production`, which turns every convenience off'),
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
  SOCKET_PING_INTERVAL: whole(25_000, 1, 86_400_000).describe('milliseconds between pings'),
  SOCKET_PING_TIMEOUT: whole(60_000, 1, 86_400_000).describe('milliseconds a Socket.IO client has to answer'),
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
    '`true`: anybody registers and logs in at `/api/auth`; if not set, outside production only, unless JWT_PUBLIC_KEY is given',
  ),
  USE_REDIS: flag.describe('not used yet: this build is one node, without Redis, and says so at the start'),
  REDIS_HOST: z.string().min(1).default('localhost').describe('not used yet'),
  REDIS_PORT: whole(6379, 1, 65_535).describe('not used yet'),
  REDIS_PASSWORD: given.describe('not used yet'),
  REDIS_DB: whole(0, 0, 65_535).describe('not used yet'),
})
