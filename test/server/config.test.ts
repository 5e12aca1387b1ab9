import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { ConfigError, Environment, originAllowed, readConfig } from '../../server/config.ts'

const DIALECTS = ['marketplace', 'rooms']
const SECRET = 'x'.repeat(32)
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
])('refuses %j', (env, line) => {
  expect(problems(env).join('\n')).toMatch(line)
})

test('every problem is told at once', () => {
  expect(problems({ NODE_ENV: 'production', DATABASE_URL: 'x', CLIENT_ORIGIN: '*' })).toHaveLength(3)
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
