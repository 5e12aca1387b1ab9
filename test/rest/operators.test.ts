/** What operators look at over HTTP, in `rooms` and `bedtime`: open outside production, in production for administrators. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClient } from '../../client/index.ts'
import type { Event } from '../../shared/events.ts'
import { Inbox } from '../inbox.ts'
import { ask } from './ask.ts'
import { type RestServer, startRest } from './server.ts'

let development: RestServer
let production: RestServer
beforeAll(async () => {
  development = await startRest(['rooms', 'bedtime'])
  production = await startRest(['rooms', 'bedtime'], { NODE_ENV: 'production' })
})
afterAll(async () => {
  await development?.close()
  await production?.close()
})

const OPERATORS = [
  'GET /debug/sockets',
  'GET /diagnostics/sockets',
  'GET /diagnostics/test-notification',
  'POST /diagnostics/test-notification',
]

test.each(OPERATORS)('%s: anybody outside production, administrators alone in production', async (place) => {
  expect((await ask(development.url, place)).status).toBe(200)
  expect((await ask(production.url, place)).status).toBe(401)
  expect((await ask(production.url, place, { token: production.token('ann') })).status).toBe(403)
  expect((await ask(production.url, place, { token: production.token('root', { role: 'admin' }) })).status).toBe(200)
})

test('a page from elsewhere cannot make anybody’s browser tell everybody something', async () => {
  const place = 'GET /diagnostics/test-notification'
  const status = async (headers: Record<string, string>) => (await ask(development.url, place, { headers })).status
  expect(await status({ 'sec-fetch-site': 'cross-site' })).toBe(403)
  expect(await status({ origin: 'https://evil.example' })).toBe(403)
  expect(await status({ 'sec-fetch-site': 'same-origin' })).toBe(200)
})

test('who is connected, and how many users, rooms and sockets there are', async () => {
  const { app, url, token } = development
  const { conversation } = await app.core.execute(await app.auth.authenticate(token('cat')), 'conversation.create', {
    kind: 'group',
  })
  const count = async () => (await ask(url, 'GET /debug/sockets')).body
  expect(await count()).toEqual({
    stats: { totalUsers: 0, totalRooms: 0, totalSockets: 0 },
    timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
  })
  const clients = [1, 2].map(() => createClient({ url, token: token('cat', { name: 'Cat' }) }))
  await Promise.all(clients.map((client) => client.ready()))
  // A client is ready a moment before it is counted.
  await expect.poll(count).toMatchObject({ stats: { totalUsers: 1, totalRooms: 1, totalSockets: 2 } })
  const { body } = await ask(url, 'GET /diagnostics/sockets')
  const one = { userId: 'cat', username: 'Cat', socketId: expect.any(String), connectedAt: expect.any(String) }
  expect(body).toEqual({ status: 'success', connectedUsers: [one, one], count: 1 })
  expect(conversation.kind).toBe('group')
  await Promise.all(clients.map((client) => client.close()))
})

test('a test notification reaches everybody as one of bedtime', async () => {
  const { url, token } = development
  await using client = createClient({ url, token: token('dan') })
  const heard = new Inbox<Event<'notification.created'>>()
  client.on('notification.created', heard.push)
  await client.ready()
  const { body } = await ask(url, 'POST /diagnostics/test-notification', { body: {} })
  expect(body).toEqual({ status: 'success', message: 'Test notification sent' })
  const { payload } = await heard.next(() => true, 'the notification')
  expect(payload.notification).toMatchObject({ type: 'system', data: { kind: 'bedtime' } })
})
