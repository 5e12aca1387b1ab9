/** How connections at the typed entrance begin and end: who is refused, what expires, what a stopping server does. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { system } from '../server/auth.ts'
import { type Backend, startBackend, startEntrance } from './trpc.entrance.ts'

let backend: Backend
beforeAll(async () => {
  backend = await startBackend()
})
afterAll(() => backend[Symbol.asyncDispose]())

const UNAUTHENTICATED = { error: { json: { data: { app: { code: 'UNAUTHENTICATED', retry: false } } } } }

test.each([
  ['no token', undefined],
  ['a forged token', 'eyJhbGciOiJIUzI1NiJ9.eyJ1c2VySWQiOiJhbm4ifQ.AAAA'],
])('%s: every call is answered UNAUTHENTICATED, then the connection is refused', async (_, token) => {
  await using server = await startEntrance(backend)
  const client = await server.raw(null, token)
  client.call(1, 'query', 'user.me')
  client.call(2, 'mutation', 'message.send', { conversationId: 'c', content: 'hi' })
  client.call(3, 'subscription', 'sync.events')
  for (const id of [1, 2, 3]) expect(await client.answer(id)).toMatchObject(UNAUTHENTICATED)
  expect(await client.closed).toEqual({ code: 4003, reason: 'not authenticated' })
})

test('a stock client with a bad token gets the refusal, not silence', async () => {
  await using server = await startEntrance(backend)
  const { api } = server.stock('ann', 'nonsense')
  await expect(api.user.me.query({})).rejects.toMatchObject({ data: { app: { code: 'UNAUTHENTICATED' } } })
})

test('who promises connectionParams and sends none is refused after a while', async () => {
  await using server = await startEntrance(backend, { limits: { handshakeMs: 50 } })
  const client = await server.raw(null, undefined, '?connectionParams=1')
  expect((await client.closed).code).toBe(4003)
})

test('a connection ends with its token', async () => {
  await using server = await startEntrance(backend)
  const client = await server.raw('ann', server.token('ann', 3))
  client.call(1, 'query', 'user.me')
  expect(await client.answer(1)).toMatchObject({ result: { type: 'data' } })
  expect(await client.closed).toEqual({ code: 4001, reason: 'token expired' })
})

test('a silent client is asked, and cut off when it does not answer; one that answers stays', async () => {
  await using strict = await startEntrance(backend, { limits: { pingMs: 50, pongMs: 50 } })
  await using server = await startEntrance(backend, { limits: { pingMs: 50, pongMs: 20_000 } })
  const [silent, polite] = [await strict.raw('ann'), await server.raw('bob')]
  polite.socket.on('message', (data) => String(data) === 'PING' && polite.socket.send('PONG'))
  expect((await silent.closed).code).toBe(1006)
  expect(silent.texts).toContain('PING')
  // Asked again, so the first answer counted.
  await expect.poll(() => polite.texts.filter((text) => text === 'PING').length).toBeGreaterThan(1)
  polite.call(1, 'query', 'user.me')
  expect(await polite.answer(1)).toMatchObject({ result: { type: 'data' } })
})

test('a stopping server says reconnect, answers what is in flight, closes with restart, takes nobody new', async () => {
  let release = () => {}
  await using server = await startEntrance(backend, {
    wrap: (core) => ({
      ...core,
      execute: async (actor, name, input) => {
        if (actor.userId === 'busy') await new Promise<void>((resolve) => (release = resolve))
        return core.execute(actor, name, input)
      },
    }),
  })
  const [idle, busy] = [await server.raw('idle'), await server.raw('busy')]
  idle.call(1, 'subscription', 'sync.events')
  await idle.frames.until((items) => items.find((frame) => frame.result?.type === 'data'), 'ready')
  busy.call(1, 'query', 'user.me')
  await expect.poll(() => release.name).not.toBe('release')
  const drained = server.trpc.drain()
  await idle.frames.until((items) => items.find((frame) => frame.method === 'reconnect'), 'reconnect')
  expect(await idle.closed).toEqual({ code: 1012, reason: 'server restarting' })
  await expect(server.raw('late')).rejects.toThrow('503')
  release()
  expect(await busy.answer(1)).toMatchObject({ result: { type: 'data' } })
  expect((await busy.closed).code).toBe(1012)
  await drained
})

test('who does not go when the server stops is cut off', async () => {
  await using server = await startEntrance(backend, {
    limits: { graceMs: 100 },
    wrap: (core) => ({ ...core, execute: () => new Promise(() => {}) }),
  })
  const client = await server.raw('ann')
  client.call(1, 'query', 'user.me')
  client.call(2, 'subscription', 'sync.events')
  await client.frames.until((items) => items.find((frame) => frame.result?.type === 'data'), 'ready')
  await Promise.race([server.trpc.drain(), wait(4_000).then(() => Promise.reject(new Error('still draining')))])
  expect((await client.closed).code).toBe(1006)
})

test('health: alive, and which part is not well', async () => {
  let broken = false
  const check = async () => {
    if (broken) throw new Error('password of the database')
  }
  await using server = await startEntrance(backend, { checks: { database: check, never: async () => undefined } })
  const ask = async (path: string) => {
    const answer = await fetch(server.url + path)
    return { status: answer.status, body: await answer.json() }
  }
  expect(await ask('/livez')).toEqual({ status: 200, body: { status: 'ok' } })
  expect(await ask('/healthz')).toEqual({ status: 200, body: { status: 'ok', database: 'ok', never: 'ok' } })
  broken = true
  expect(await ask('/healthz')).toEqual({ status: 503, body: { status: 'failed', database: 'failed', never: 'ok' } })
  expect((await ask('/livez')).status).toBe(200)
})

// A user who was deactivated kept their typed connections until their token ended, or for ever.
test('sockets and streams of a deactivated user end at once, those of others stay', async () => {
  await using server = await startEntrance(backend)
  const [ann, bob] = [await server.raw('leaver'), await server.raw('bob')]
  for (const client of [ann, bob]) {
    client.call(1, 'query', 'user.me')
    expect(await client.answer(1)).toMatchObject({ result: { type: 'data' } })
  }
  const headers = { authorization: `Bearer ${server.token('leaver')}` }
  const stream = await fetch(`${server.url}/trpc/sync.events`, { headers })
  await backend.core.execute(system, 'user.upsert', { id: 'leaver', active: false })
  expect(await ann.closed).toEqual({ code: 4003, reason: 'not authenticated' })
  expect(await stream.text()).not.toContain('event: return')
  expect((await fetch(`${server.url}/trpc/user.me`, { headers })).status).toBe(401)
  bob.call(2, 'query', 'user.me')
  expect(await bob.answer(2)).toMatchObject({ result: { type: 'data' } })
  expect(bob.socket.readyState).toBe(WebSocket.OPEN)
})

// A token that could not be checked in time was answered as a refused one, and a client with a fixed token gave up for good.
test('who has presented a token is told to come back', async () => {
  const slow = { ...backend, auth: { ...backend.auth, authenticate: () => new Promise<never>(() => {}) } }
  await using server = await startEntrance(slow, { limits: { handshakeMs: 50 } })
  const client = await server.raw('ann')
  expect(await client.closed).toEqual({ code: 1012, reason: 'server restarting' })
})

/** A client's frame, masked with zeros. */
const frame = (opcode: number, body: Buffer) =>
  Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | body.length, 0, 0, 0, 0]), body])

// A call that came after the server had closed a connection was executed all the same, and its answer dropped.
test('what comes after the close is not executed', async () => {
  const executed: string[] = []
  await using server = await startEntrance(backend, {
    wrap: (core) => ({
      ...core,
      execute: (actor, name, input) => {
        executed.push(name)
        return core.execute(actor, name, input)
      },
    }),
  })
  const socket = connect(server.port, '127.0.0.1')
  socket.write(
    `GET /trpc HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
      `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer ${server.token('ann')}\r\n\r\n`,
  )
  let heard = Buffer.alloc(0)
  const hears = async (bytes: Buffer | string) => {
    while (!heard.includes(bytes)) heard = Buffer.concat([heard, (await once(socket, 'data'))[0]])
  }
  await hears('\r\n\r\n')
  const call = (id: number, path: string) =>
    frame(1, Buffer.from(`{"id":${id},"method":"query","params":{"path":"${path}"}}`))
  socket.write(call(1, 'user.me'))
  await hears('"id":1')
  const drained = server.trpc.drain()
  await hears('server restarting')
  const closed = once(socket, 'close')
  socket.write(Buffer.concat([call(2, 'admin.stats'), frame(8, Buffer.from([0x03, 0xf4]))]))
  await closed
  await drained
  expect(executed).toEqual(['user.me'])
})
