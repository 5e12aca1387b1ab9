import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { ConfigError, originAllowed, readConfig } from '../../server/config.ts'
import { Environment } from '../../server/environment.ts'

const DIALECTS = ['marketplace', 'rooms']
const SECRET = 'x'.repeat(32)
const PUBLIC_KEY = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  .publicKey.export({ type: 'spki', format: 'pem' })
  .toString()
const read = (env: Record<string, string>) => readConfig(DIALECTS, env)
const problems = (env: Record<string, string>) => {
  try {
    read(env)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

test('nothing set is a working development server', () => {
  expect(read({})).toMatchObject({ production: false, port: 4000, dataDir: './data', databaseUrl: undefined })
  expect(read({}).socketio.dialects).toEqual(DIALECTS)
})

test('an empty variable is one that is not set', () => {
  expect(read({ PORT: '', JWT_SECRET: '', DATABASE_URL: '' })).toMatchObject({ port: 4000, databaseUrl: undefined })
})

test.each([
  [{ NODE_ENV: 'production' }, /JWT_SECRET.*required in production/],
  [{ NODE_ENV: 'Production' }, /NODE_ENV/],
  [{ NODE_ENV: 'production', JWT_SECRET: 'short' }, /at least 32/],
  [{ NODE_ENV: 'production', JWT_SECRET: SECRET, CLIENT_ORIGIN: '*' }, /name the origins/],
  [{ JWT_SECRET: SECRET, JWT_PUBLIC_KEY: 'x' }, /one of them/],
  [{ DATABASE_URL: 'mysql://x' }, /must begin with postgres/],
  [{ PORT: 'http' }, /PORT/],
  [{ PORT: '70000' }, /PORT/],
  [{ CLIENT_ORIGIN: 'app.example' }, /not an origin/],
  [{ SOCKETIO_DIALECTS: 'telnet' }, /unknown dialect "telnet"/],
  [{ SOCKETIO_DIALECTS: 'rooms', SOCKETIO_DIALECT: 'marketplace' }, /not enabled/],
  [{ SOCKETIO_HOSTS: 'a.example' }, /not host=dialect/],
  [{ LOG_LEVEL: 'loud' }, /LOG_LEVEL/],
  [{ DEV_AUTH: 'yes' }, /DEV_AUTH/],
  [{ DEV_AUTH: 'true', JWT_PUBLIC_KEY: PUBLIC_KEY }, /DEV_AUTH: needs JWT_SECRET/],
  [{ RATE_LIMIT_MAX: '0' }, /RATE_LIMIT_MAX/],
  [{ RATE_LIMIT_WINDOW: '9007199254740991' }, /RATE_LIMIT_WINDOW/],
])('refuses %j', (env, line) => {
  expect(problems(env).join('\n')).toMatch(line)
})

test('every problem is told at once', () => {
  expect(problems({ NODE_ENV: 'production', DATABASE_URL: 'x', CLIENT_ORIGIN: '*' })).toHaveLength(3)
})

const PRODUCTION = { NODE_ENV: 'production', JWT_SECRET: SECRET }
test.each([
  [{}, { devAuth: true, trustRegister: true, warnings: [] }],
  [
    { DEV_AUTH: 'false', TRUST_REGISTER: 'false' },
    { devAuth: false, trustRegister: false, warnings: [] },
  ],
  [{ JWT_PUBLIC_KEY: PUBLIC_KEY }, { devAuth: false, trustRegister: true, warnings: [] }],
  [PRODUCTION, { devAuth: false, trustRegister: false, warnings: [] }],
  [
    { ...PRODUCTION, DEV_AUTH: 'true' },
    { devAuth: true, trustRegister: false, warnings: [expect.stringMatching(/^DEV_AUTH .*production/)] },
  ],
  [
    { ...PRODUCTION, TRUST_REGISTER: '1' },
    { devAuth: false, trustRegister: true, warnings: [expect.stringMatching(/^TRUST_REGISTER .*production/)] },
  ],
])('conveniences: %j', (env, expected) => {
  expect(read(env)).toMatchObject(expected)
})

test('names of the old systems: limits of events, files of the log', () => {
  expect(read({}).socketio).toMatchObject({ events: { points: 30, windowMs: 10_000 }, logDir: null })
  expect(
    read({ RATE_LIMIT_MAX: '5', RATE_LIMIT_WINDOW: '1000', SOCKET_LOGGING: 'true', DATA_DIR: '/data' }).socketio,
  ).toMatchObject({ events: { points: 5, windowMs: 1_000 }, logDir: '/data/logs' })
  expect(read({ SOCKET_LOGGING: 'true', SOCKET_LOG_DIR: '/var/log/parley' }).socketio.logDir).toBe('/var/log/parley')
})

test('Redis is taken note of, and the operator is told that it is not used', () => {
  expect(read({ REDIS_HOST: 'redis' })).toMatchObject({ redis: null, warnings: [] })
  expect(read({ USE_REDIS: 'true', REDIS_HOST: 'redis', REDIS_PASSWORD: 'p', REDIS_DB: '2' })).toMatchObject({
    redis: { host: 'redis', port: 6379, password: 'p', db: 2 },
    warnings: [expect.stringMatching(/USE_REDIS .*without Redis/)],
  })
})

test('browser origins: the list, and localhost outside production', () => {
  const development = read({ CLIENT_ORIGIN: 'https://app.example' })
  const production = read({ NODE_ENV: 'production', JWT_SECRET: SECRET, CLIENT_ORIGIN: 'https://app.example' })
  expect(originAllowed(development, 'http://localhost:5173')).toBe(true)
  expect(originAllowed(production, 'http://localhost:5173')).toBe(false)
  expect(originAllowed(production, 'https://app.example')).toBe(true)
  expect(originAllowed(production, 'https://app.example.evil')).toBe(false)
  expect(originAllowed(development, 'null')).toBe(false)
})

test('the README and .env.example list every setting with its default', () => {
  const readme = readFileSync('README.md', 'utf8')
  const example = readFileSync('.env.example', 'utf8')
  for (const [name, schema] of Object.entries(Environment.shape)) {
    const usual = schema.parse(undefined)
    const shown =
      usual === undefined || usual === false || (Array.isArray(usual) && usual.length === 0) ? '' : `\`${usual}\``
    expect(readme).toContain(`| \`${name}\` | ${shown} | ${schema.description} |`)
    expect(example).toMatch(new RegExp(`^#? ?${name}=`, 'm'))
  }
})
