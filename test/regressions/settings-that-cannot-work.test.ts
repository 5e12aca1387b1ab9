/** Settings that would only fail later, in other words or silently, stop the start with a line that names them. */
import { generateKeyPairSync } from 'node:crypto'
import { expect, test } from 'vitest'
import { ConfigError, readConfig } from '../../server/config.ts'

const read = (env: Record<string, string>) => {
  try {
    return readConfig(['rooms'], env)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

test.each([
  // createPublicKey would throw once the store is open.
  { JWT_PUBLIC_KEY: 'not a key' },
  // No Date is so long ago: pruning would fail every hour.
  { LOG_RETENTION_DAYS: '9007199254740991' },
  // Beyond 2^31 ms a timer fires at once: there would be no limit.
  { COMMAND_WINDOW: '9007199254740991' },
  // The same: pings without a pause, and every client too late.
  { SOCKET_PING_INTERVAL: '3000000000' },
  { SOCKET_PING_TIMEOUT: '3000000000' },
])('%j', (env) => {
  expect(read(env)).toEqual([expect.stringContaining(Object.keys(env)[0] ?? '')])
})

test('a public key on one line, as .env files have it', () => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString().trim()
  expect(read({ JWT_PUBLIC_KEY: pem.replaceAll('\n', '\\n') })).toMatchObject({ jwt: { publicKey: pem } })
})
