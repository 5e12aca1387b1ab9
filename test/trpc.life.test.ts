/** How connections at the typed entrance begin and end: who is refused, what expires, what a stopping server does. */
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
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
  await using server = await startEntrance(backend, { limits: { pingMs: 50, pongMs: 1_500 } })
  const [silent, polite] = [await server.raw('ann'), await server.raw('bob')]
  polite.socket.on('message', (data) => String(data) === 'PING' && polite.socket.send('PONG'))
  expect((await silent.closed).code).toBe(1006)
  expect(silent.texts).toContain('PING')
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
