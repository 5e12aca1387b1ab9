/** How a socket comes in: where its token may stand, by which path, transport and client version. */
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server } from 'socket.io'
import { io, type ManagerOptions, type SocketOptions } from 'socket.io-client'
import io2 from 'socket.io-client-2'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { credential } from '../../server/transports/socketio/credential.ts'
import { introduce } from '../../server/transports/socketio/talk.ts'
import { startServer, type TestServer } from '../harness.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer({ env: { TRUST_REGISTER: 'false', SOCKETIO_DIALECTS: 'marketplace,rooms' } })
})
afterAll(() => server?.close())

/** `rooms` if that is what answers, or why the handshake is refused. */
function arrive(options: Partial<ManagerOptions & SocketOptions>): Promise<string> {
  const socket = io(server.url, { forceNew: true, reconnection: false, transports: ['websocket'], ...options })
  return new Promise<string>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('neither connected nor refused')), 10_000)
    late.unref()
    socket.on('connect_error', (error) => resolve(`refused: ${error.message}`))
    socket.on('connect', () =>
      socket.emit('who are you', (answer: object) =>
        resolve(Object.keys(answer).join() === 'success,message' ? 'rooms' : JSON.stringify(answer)),
      ),
    )
  }).finally(() => socket.close())
}

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

test("operators' own code finds who a socket is", async () => {
  const http = createServer()
  const host = new Server(http)
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const actor = await server.actor('ann', { role: 'client', name: 'Ann', email: 'ann@example.org' })
  const found = new Promise((resolve) =>
    host.on('connection', (socket) => {
      introduce(socket, actor)
      resolve({ data: socket.data.user, own: 'user' in socket && socket.user })
    }),
  )
  // It listens on a port, not on a pipe.
  const { port } = http.address() as AddressInfo
  const socket = io(`http://127.0.0.1:${port}`, { transports: ['websocket'], forceNew: true })
  const user = { userId: 'ann', role: 'client', name: 'Ann', email: 'ann@example.org', avatar: null }
  expect(await found).toEqual({ data: user, own: user })
  socket.close()
  await host.close()
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
  test('any number of them leaves nobody behind, and others come in', async () => {
    const before = server.app.attached().length
    for (const version of [3, 4]) {
      const asked = Array.from({ length: 50 }, () => get(`/socket.io/?EIO=${version}&transport=polling`))
      expect((await Promise.all(asked)).map(({ status }) => status)).toEqual(asked.map(() => 200))
    }
    expect(await arrive({ auth: { token: server.token('ann'), dialect: 'rooms' } })).toBe('rooms')
    await expect.poll(() => server.app.attached().length).toBe(before)
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
