/** How a socket comes in: where its token may stand, which dialect it gets, by which path, transport and client version. */
import { request } from 'node:http'
import { io, type ManagerOptions, type SocketOptions } from 'socket.io-client'
import io2 from 'socket.io-client-2'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { dialects } from '../../server/dialects/index.ts'
import { chooseDialect } from '../../server/transports/socketio/choice.ts'
import { credential } from '../../server/transports/socketio/credential.ts'
import { startServer, type TestServer } from '../harness.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer({ env: { SOCKETIO_HOSTS: 'chat.old-rooms.example=rooms, shop.example=marketplace' } })
})
afterAll(() => server?.close())

const SPEAKS: Record<string, string> = { 'Missing or invalid data': 'marketplace', 'Unknown event': 'rooms' }

/** Which dialect answers, or why the handshake is refused. */
function arrive(options: Partial<ManagerOptions & SocketOptions>): Promise<string> {
  const socket = io(server.url, { forceNew: true, reconnection: false, transports: ['websocket'], ...options })
  return new Promise<string>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('neither connected nor refused')), 10_000)
    late.unref()
    socket.on('connect_error', (error) => resolve(`refused: ${error.message}`))
    socket.on('connect', () =>
      socket.emit('who are you', (answer: { message: string; ok?: boolean }) =>
        resolve(answer.ok === false ? 'undecided' : (SPEAKS[answer.message] ?? answer.message)),
      ),
    )
  }).finally(() => socket.close())
}

describe('the choice of a dialect', () => {
  const arrival = { path: '/socket.io/', namespace: '/', auth: {}, query: {}, host: undefined, claims: {} }
  const settings = { dialect: undefined, guests: false, hosts: new Map([['shop.example', 'marketplace']]) }
  const own = { email: 'a@example.org', username: 'ann', id: 'u1' }
  test.each([
    ['the path', { path: '/rooms/socket.io/', auth: { dialect: 'marketplace' } }, 'rooms, fixed'],
    ['the path without a slash', { path: '/rooms/socket.io' }, 'rooms, fixed'],
    ['a path that only begins like one', { path: '/rooms/socket.iouch' }, 'undecided'],
    ['auth.dialect', { auth: { dialect: 'rooms' }, query: { dialect: 'marketplace' } }, 'rooms, fixed'],
    ['?dialect=', { query: { dialect: 'rooms' }, host: 'shop.example' }, 'rooms, fixed'],
    ['the host', { host: 'Shop.Example:443', claims: own }, 'marketplace, fixed'],
    ['claims', { claims: { ...own, iat: 1, exp: 2, iss: 'x', aud: 'y', nbf: 3, jti: 'z' } }, 'rooms, free'],
    ['claims with one more', { claims: { ...own, role: 'client' } }, 'undecided'],
    ['claims of the marketplace', { claims: { userId: 'u', role: 'client' } }, 'undecided'],
    ['a dialect that there is not', { auth: { dialect: 'klingon' } }, 'unknown klingon'],
    ['something else for a name', { auth: { dialect: { $ne: 1 } }, query: { dialect: ['rooms'] } }, 'undecided'],
  ])('%s', (_, given, expected) => {
    const choice = chooseDialect(dialects, settings, { ...arrival, ...given })
    if ('unknown' in choice) expect(`unknown ${choice.unknown}`).toBe(expected)
    else
      expect(choice.dialect ? `${choice.dialect.name}, ${choice.fixed ? 'fixed' : 'free'}` : 'undecided').toBe(expected)
  })
  test('the operator', () => {
    const one = { ...settings, dialect: 'rooms' }
    expect(chooseDialect(dialects, one, arrival)).toMatchObject({ dialect: { name: 'rooms' }, fixed: true })
    expect(chooseDialect(dialects, one, { ...arrival, auth: { dialect: 'marketplace' } })).toMatchObject({
      dialect: { name: 'marketplace' },
    })
  })

  test('over the wire', async () => {
    const auth = { token: server.token('ann') }
    expect(await arrive({ auth, path: '/rooms/socket.io/' })).toBe('rooms')
    expect(await arrive({ auth, path: '/marketplace/socket.io/', query: { dialect: 'rooms' } })).toBe('marketplace')
    expect(await arrive({ auth: { ...auth, dialect: 'rooms' } })).toBe('rooms')
    expect(await arrive({ auth, query: { dialect: 'marketplace' } })).toBe('marketplace')
    expect(await arrive({ auth, extraHeaders: { host: 'chat.old-rooms.example' } })).toBe('rooms')
    expect(await arrive({ auth })).toBe('undecided')
    expect(await arrive({ auth: { ...auth, dialect: 'klingon' } })).toBe('refused: Unknown dialect: klingon')
    expect(await arrive({ auth, path: '/messenger/socket.io/' })).toMatch(/^refused: /)
  })
})

describe('the token', () => {
  const none = { auth: {}, query: {}, headers: {} }
  test.each([
    ['auth', { auth: { token: 'a' }, query: { token: 'b' } }, 'a'],
    ['auth with Bearer', { auth: { token: 'Bearer a' } }, 'a'],
    ['the query', { query: { token: 'b' }, headers: { authorization: 'Bearer c' } }, 'b'],
    ['the Authorization header', { headers: { authorization: 'Bearer c', 'access-token': 'd' } }, 'c'],
    ['the access-token header', { headers: { authorization: 'Basic x', 'access-token': 'd', cookie: 'token=e' } }, 'd'],
    ['the cookie', { headers: { cookie: 'mytoken=x; token=e%20; other=1' } }, 'e'],
    ['a broken cookie', { headers: { cookie: 'token=%E0%A4%A' } }, '%E0%A4%A'],
    ['nowhere', { auth: { token: { a: 1 } }, query: { token: '' } }, undefined],
  ])('%s', (_, given, expected) => expect(credential({ ...none, ...given })).toBe(expected))

  test('over the wire', async () => {
    const token = server.token('ann')
    const rooms = { query: { dialect: 'rooms' } }
    expect(await arrive({ query: { ...rooms.query, token } })).toBe('rooms')
    expect(await arrive({ ...rooms, extraHeaders: { authorization: `Bearer ${token}` } })).toBe('rooms')
    expect(await arrive({ ...rooms, extraHeaders: { 'access-token': token } })).toBe('rooms')
    expect(await arrive({ ...rooms, extraHeaders: { cookie: `token=${token}` } })).toBe('rooms')
    expect(await arrive(rooms)).toBe('refused: Authentication failed')
    expect(await arrive({ auth: { token: server.token('ann', {}, -10) } })).toBe('refused: Authentication failed')
    expect(await arrive({ auth: { token: 'e30.eyJpZCI6.x' } })).toBe('refused: Authentication failed')
  })
})

test('who is deactivated is cut off, and not let in again', async () => {
  const socket = io(server.url, { auth: { token: server.token('gone') }, forceNew: true, transports: ['websocket'] })
  await new Promise<void>((resolve) => socket.on('connect', resolve))
  const end = new Promise((resolve) => socket.on('disconnect', resolve))
  const refusal = new Promise<Error>((resolve) => socket.on('connect_error', resolve))
  await server.app.core.execute(server.app.system, 'user.upsert', { id: 'gone', active: false })
  expect(await end).toBe('transport close')
  expect((await refusal).message).toBe('Authentication failed')
  socket.close()
})

test('who is there when the token ends may stay, by default', async () => {
  const token = server.token('short', {}, 1)
  const socket = io(server.url, { auth: { token, dialect: 'rooms' }, forceNew: true, transports: ['websocket'] })
  await new Promise<void>((resolve) => socket.on('connect', resolve))
  const refused = () => server.app.auth.authenticate(token).catch(() => 'refused')
  await expect.poll(refused, { timeout: 5_000 }).toBe('refused')
  expect(await socket.timeout(5_000).emitWithAck('joinRoom', { roomId: 'hall' })).toMatchObject({ success: true })
  socket.close()
})

describe('transports', () => {
  const auth = () => ({ token: server.token('ann'), dialect: 'rooms' })
  test.each([[['polling']], [['websocket']], [['polling', 'websocket']]])('%s', async (transports) => {
    expect(await arrive({ auth: auth(), transports })).toBe('rooms')
  })
  test.each([[['polling']], [['websocket']], [['polling', 'websocket']]])(
    '%s with the client of 2019',
    async (transports) => {
      const socket = io2(server.url, { forceNew: true, reconnection: false, transports, query: auth() })
      await new Promise<void>((resolve, reject) => {
        socket.on('connect', resolve)
        socket.on('error', (error: unknown) => reject(new Error(String(error))))
      })
      const callback = await new Promise((resolve) => socket.emit('joinRoom', { roomId: 'hall' }, resolve))
      expect(callback).toMatchObject({ success: true })
      socket.close()
    },
  )
  test('a refused client of 2019 gets a bare string', async () => {
    const socket = io2(server.url, { forceNew: true, reconnection: false, query: { token: 'no' } })
    expect(await new Promise((resolve) => socket.on('error', resolve))).toBe('Authentication failed')
    socket.close()
  })
})

describe('plain HTTP', () => {
  const get = (path: string, headers = {}) =>
    new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
      request(`${server.url}${path}`, { headers }, (response) => {
        let body = ''
        response.on('data', (part) => {
          body += part
        })
        response.on('end', () => resolve({ status: response.statusCode, body }))
      })
        .on('error', reject)
        .end()
    })
  test('pages can load the client from any of the paths', async () => {
    for (const path of ['/socket.io/socket.io.js', '/rooms/socket.io/socket.io.min.js']) {
      const { status, body } = await get(path)
      expect([status, body.slice(0, 20)]).toEqual([200, expect.stringContaining('/*!')])
    }
  })
  test('a handshake that goes no further is harmless', async () => {
    expect((await get('/socket.io/?EIO=4&transport=polling')).status).toBe(200)
    expect((await get('/socket.io/?EIO=4&transport=carrier-pigeon')).status).toBe(400)
    expect((await get('/socket.io/?EIO=4&transport=polling&sid=none')).status).toBe(400)
  })
  test('pages of foreign origins are refused, those of this host are not', async () => {
    const path = '/socket.io/?EIO=4&transport=polling'
    expect((await get(path, { origin: 'https://evil.example' })).status).toBe(403)
    expect((await get(path, { origin: 'https://app.example', host: 'app.example' })).status).toBe(200)
  })
  test('a page of another origin cannot load answers as a script', async () => {
    for (const query of [
      'EIO=3&transport=polling&j=0',
      'j=0&EIO=4&transport=polling',
      'EIO=3?&%6a=0&transport=polling',
    ]) {
      const { status, body } = await get(`/socket.io/?${query}`, { cookie: `token=${server.token('ann')}` })
      expect([status, body]).toEqual([403, expect.not.stringContaining('___eio')])
    }
  })
  test('paths of dialects that are not enabled do not exist', async () => {
    expect((await get('/messenger/socket.io/?EIO=4&transport=polling')).status).toBe(404)
  })
})
