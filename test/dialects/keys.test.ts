/** Tokens of the operator's own issuer: legacy sockets of every version are let in by its public key, and by nothing else. */
import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto'
import jwt from 'jsonwebtoken'
import { io } from 'socket.io-client'
import io2 from 'socket.io-client-2'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SECRET, startServer, type TestServer } from '../harness.ts'

const issuers = {
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
} as const
const pemOf = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString()

/** How a handshake with this token ends: `connected`, or the refusal. */
const enter = (url: string, token: string) =>
  new Promise<string>((done) => {
    const options = { transports: ['websocket'], forceNew: true, reconnection: false }
    const socket = io(url, { ...options, auth: { token }, query: { dialect: 'marketplace' } })
    const end = (said: string) => {
      socket.close()
      done(said)
    }
    socket.on('connect', () => end('connected')).on('connect_error', (error) => end(error.message))
  })
/** The same of a 2.x client, which says its token in the query. */
const enter2 = (url: string, token: string) =>
  new Promise<string>((done) => {
    const options = { transports: ['websocket'], forceNew: true, reconnection: false }
    const socket = io2(url, { ...options, query: { token, dialect: 'marketplace' } })
    const end = (said: string) => {
      socket.close()
      done(said)
    }
    socket.on('connect', () => end('connected'))
    socket.on('error', (error: unknown) => end(String(error)))
  })

describe.each(Object.keys(issuers) as (keyof typeof issuers)[])('%s', (algorithm) => {
  const { privateKey, publicKey } = issuers[algorithm]
  const sign = (claims: object = {}, options: jwt.SignOptions = {}) =>
    jwt.sign({ userId: 'ann', role: 'client', ...claims }, privateKey, { algorithm, expiresIn: 60, ...options })
  let server: TestServer
  beforeAll(async () => {
    server = await startServer({ env: { JWT_SECRET: '', JWT_PUBLIC_KEY: pemOf(publicKey) } })
  })
  afterAll(() => server?.close())

  test('its tokens let sockets in, as who they name', async () => {
    const names: [(url: string, token: string) => Promise<string>, string][] = [
      [enter, 'ann'],
      [enter2, 'bob'],
    ]
    for (const [way, userId] of names) {
      expect(await way(server.url, sign({ userId, fullName: `The ${userId}` }))).toBe('connected')
      const user = await server.app.core.execute(server.app.system, 'user.get', { userId })
      expect(user).toMatchObject({ name: `The ${userId}`, role: 'client' })
    }
  })

  test.each([
    ['of another key', () => jwt.sign({ userId: 'ann' }, other(algorithm), { algorithm })],
    // The public key is public: as a secret it would let anybody sign.
    ['signed with the public key as a secret', () => forged(pemOf(publicKey))],
    ['of a secret', () => jwt.sign({ userId: 'ann' }, SECRET)],
    ['of no algorithm', () => jwt.sign({ userId: 'ann' }, '', { algorithm: 'none' })],
    ['that has expired', () => sign({}, { expiresIn: -1 })],
  ])('a token %s is refused', async (_, make) => {
    expect(await enter(server.url, make())).toBe('Authentication failed')
  })

  test('there is nobody here to register with', async () => {
    expect((await fetch(`${server.url}/api/auth/me`)).status).toBe(404)
    expect(() => server.app.auth.sign({ userId: 'ann' }, 60)).toThrow('issued elsewhere')
  })
})

function other(algorithm: keyof typeof issuers): KeyObject {
  return algorithm === 'RS256'
    ? generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
    : generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
}

/** jsonwebtoken itself refuses to sign this way. */
function forged(secret: string): string {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
  const said = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ userId: 'ann', iat: Math.floor(Date.now() / 1000) })}`
  return `${said}.${createHmac('sha256', secret).update(said).digest('base64url')}`
}
