/** Which dialect a socket gets: by path, namespace, handshake, host, the operator's wish, the claims of its token, or its words. */
import jwt from 'jsonwebtoken'
import { io, type ManagerOptions, type SocketOptions } from 'socket.io-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { dialects } from '../../server/dialects/index.ts'
import { type Arrival, chooseDialect, type Settings } from '../../server/transports/socketio/choice.ts'
import { startServer, type TestServer } from '../harness.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer({ env: { SOCKETIO_HOSTS: 'chat.old-rooms.example=rooms, shop.example=marketplace' } })
})
afterAll(() => server?.close())

/** The tokens of the five systems, as each made them. */
const feathers = {
  iat: 1,
  exp: 2,
  aud: 'https://school.example',
  iss: 'feathers',
  sub: '507f1f77bcf86cd799439011',
  jti: 'j',
}
const ANY = { iat: 1, exp: 2, nbf: 3, iss: 'x', aud: 'y', jti: 'z' }
const TOKENS = {
  rooms: { email: 'a@example.org', username: 'ann', id: 'u1', iat: 1, exp: 2 },
  messenger: { id: '507f1f77bcf86cd799439011', iat: 1, exp: 2 },
  lms: feathers,
  marketplace: { userId: 'u', role: 'client', iat: 1, exp: 2 },
}

describe('the choice of a dialect', () => {
  const arrival: Arrival = { path: '/socket.io/', namespace: '/', auth: {}, query: {}, host: undefined, claims: {} }
  const settings: Settings = {
    ...{ dialect: undefined, guests: true },
    hosts: new Map([['shop.example', 'marketplace']]),
  }
  const chosen = (given: Partial<Arrival>, own: Partial<Settings> = {}, enabled = dialects) => {
    const choice = chooseDialect(enabled, { ...settings, ...own }, { ...arrival, ...given })
    if ('unknown' in choice) return `unknown ${choice.unknown}`
    return choice.dialect ? `${choice.dialect.name}, ${choice.fixed ? 'fixed' : 'free'}` : 'undecided'
  }
  test.each<[string, Partial<Arrival>, string]>([
    [
      'the path',
      { path: '/rooms/socket.io/', namespace: '/messages', auth: { dialect: 'marketplace' } },
      'rooms, fixed',
    ],
    ['the path without a slash', { path: '/rooms/socket.io' }, 'rooms, fixed'],
    ['a path that only begins like one', { path: '/rooms/socket.iouch' }, 'undecided'],
    ['the path of lms', { path: '/chat-socket/', claims: TOKENS.rooms }, 'lms, fixed'],
    ['a namespace', { namespace: '/messages', auth: { dialect: 'lms' }, claims: TOKENS.rooms }, 'messenger, fixed'],
    ['another namespace', { namespace: '/notifications', claims: null }, 'messenger, fixed'],
    ['auth.dialect', { auth: { dialect: 'rooms' }, query: { dialect: 'marketplace' } }, 'rooms, fixed'],
    ['?dialect=', { query: { dialect: 'rooms' }, host: 'shop.example' }, 'rooms, fixed'],
    ['the host', { host: 'Shop.Example:443', claims: TOKENS.rooms }, 'marketplace, fixed'],
    ['a token of rooms', { claims: TOKENS.rooms }, 'rooms, free'],
    ['a token of rooms with all that any has', { claims: { ...TOKENS.rooms, ...ANY } }, 'rooms, free'],
    ['a token of rooms with one more', { claims: { ...TOKENS.rooms, role: 'client' } }, 'undecided'],
    ['a token of messenger', { claims: TOKENS.messenger }, 'messenger, free'],
    ['a token of Feathers', { claims: TOKENS.lms }, 'lms, free'],
    ['a token of Feathers without an audience', { claims: { sub: 'u', iss: 'feathers' } }, 'lms, free'],
    ['a token with a subject for an audience', { claims: { sub: 'u', aud: 'x', role: 'Teacher' } }, 'lms, free'],
    ['a token with a subject alone', { claims: { sub: 'u' } }, 'undecided'],
    ['a token of Feathers with a userId', { claims: { ...feathers, userId: 'u' } }, 'undecided'],
    ['a token of the marketplace', { claims: TOKENS.marketplace }, 'undecided'],
    ['a token that says nothing', { claims: {} }, 'undecided'],
    ['no token', { claims: null }, 'bedtime, fixed'],
    ['a dialect that there is not', { auth: { dialect: 'klingon' } }, 'unknown klingon'],
    ['something else for a name', { auth: { dialect: { $ne: 1 } }, query: { dialect: ['rooms'] } }, 'undecided'],
  ])('%s', (_, given, expected) => expect(chosen(given)).toBe(expected))

  test('the operator', () => {
    expect(chosen({ claims: TOKENS.lms }, { dialect: 'rooms' })).toBe('rooms, fixed')
    expect(chosen({ claims: null }, { dialect: 'rooms' })).toBe('rooms, fixed')
    expect(chosen({ auth: { dialect: 'marketplace' } }, { dialect: 'rooms' })).toBe('marketplace, fixed')
    expect(chosen({ claims: null }, { guests: false })).toBe('undecided')
    const without = dialects.filter(({ name }) => name !== 'bedtime' && name !== 'rooms')
    expect(chosen({ claims: null }, {}, without)).toBe('undecided')
    expect(chosen({ claims: TOKENS.rooms }, {}, without)).toBe('undecided')
    expect(chosen({ auth: { dialect: 'rooms' } }, {}, without)).toBe('unknown rooms')
  })
})

/** Each answers an event that nobody has in its own form, by which it is known. */
const ANSWERS: Readonly<Record<string, string>> = {
  'code message success': 'marketplace',
  error: 'lms',
  'error ok': 'messenger',
  'message success': 'rooms',
  'code error message': 'bedtime',
  'code error message ok success': 'undecided',
}

/** Which dialect answers, or why the handshake is refused. */
function arrive(options: Partial<ManagerOptions & SocketOptions> = {}, namespace = ''): Promise<string> {
  const common = { forceNew: true, reconnection: false, transports: ['websocket'] }
  const socket = io(`${server.url}${namespace}`, { ...common, ...options })
  return new Promise<string>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('neither connected nor refused')), 10_000)
    late.unref()
    socket.on('connect_error', (error) => resolve(`refused: ${error.message}`))
    socket.on('connect', () =>
      socket.emit('who are you', (answer: object) => {
        const keys = Object.keys(answer).sort().join(' ')
        resolve(ANSWERS[keys] ?? keys)
      }),
    )
  }).finally(() => socket.close())
}

test('over the wire', async () => {
  const auth = { token: server.token('ann') }
  expect(await arrive({ auth })).toBe('undecided')
  for (const { name } of dialects) {
    expect(await arrive({ auth, path: `/${name}/socket.io/` })).toBe(name)
    expect(await arrive({ auth: { ...auth, dialect: name } })).toBe(name)
    expect(await arrive({ auth, query: { dialect: name } })).toBe(name)
  }
  expect(await arrive({ auth, path: '/chat-socket/' })).toBe('lms')
  expect(await arrive({ auth: { ...auth, dialect: 'rooms' } }, '/messages')).toBe('messenger')
  expect(await arrive({ auth }, '/notifications')).toBe('messenger')
  expect(await arrive({ auth, path: '/marketplace/socket.io/', query: { dialect: 'rooms' } })).toBe('marketplace')
  expect(await arrive({ auth, extraHeaders: { host: 'chat.old-rooms.example' } })).toBe('rooms')
  expect(await arrive()).toBe('bedtime')
  expect(await arrive({ auth: { ...auth, dialect: 'klingon' } })).toBe('refused: Unknown dialect: klingon')
})

test('a namespace that a dialect has not', async () => {
  const auth = { token: server.token('ann') }
  expect(await arrive({ auth, path: '/rooms/socket.io/' }, '/messages')).toBe('refused: Invalid namespace')
  expect(await arrive({ auth }, '/nowhere')).toBe('refused: Invalid namespace')
})

test('tokens as each system made them, and the words of a refusal for one that is forged', async () => {
  const by = (claims: object) => ({
    auth: { token: server.token('u', { userId: undefined, role: undefined, ...claims }) },
  })
  const forged = (claims: object) => ({ auth: { token: jwt.sign(claims, 'the secret of somebody else') } })
  // The library writes these itself.
  const own = ({ iat, exp, ...claims }: Readonly<Record<string, unknown>>) => claims
  const table = [
    [TOKENS.rooms, 'rooms', 'Authentication failed'],
    [TOKENS.messenger, 'messenger', 'Unauthorized - Invalid token'],
    [TOKENS.lms, 'lms', 'Invalid authentication token'],
    [TOKENS.marketplace, 'undecided', 'Authentication failed'],
  ] as const
  for (const [claims, dialect, refusal] of table) {
    const told = [await arrive(by(own(claims))), await arrive(forged(own(claims)))]
    expect(told).toEqual([dialect, `refused: ${refusal}`])
  }
  expect(await arrive(forged({ id: 'u' }), '/messages')).toBe('refused: Unauthorized - Invalid token')
  expect(await arrive({ auth: { token: 'e30.eyJpZCI6.x' } })).toBe('refused: Authentication failed')
})

test('a user who is deactivated is refused in those words too', async () => {
  await server.actor('gone')
  await server.app.core.execute(server.app.system, 'user.upsert', { id: 'gone', active: false })
  const as = (dialect: string) => arrive({ auth: { token: server.token('gone'), dialect } })
  expect(await as('lms')).toBe('refused: User not found')
  expect(await as('messenger')).toBe('refused: Unauthorized - User not found')
  for (const name of ['marketplace', 'rooms', 'bedtime']) expect(await as(name)).toBe('refused: Authentication failed')
})
