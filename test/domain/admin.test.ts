/** What an operator sees and does: connections, rooms, queues, kick, revoke, what became of a message, figures. */
import jwt from 'jsonwebtoken'
import { io, type Socket } from 'socket.io-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createClient, type Event, isParleyError, type Parley } from '../../client/index.ts'
import { createApp, readConfig } from '../../server/app.ts'
import { system } from '../../server/auth.ts'
import { memoryCluster } from '../../server/cluster/memory.ts'
import { dialectNames } from '../../server/dialects/index.ts'
import { createLog } from '../../server/log.ts'
import { SECRET, startServer, type TestServer } from '../harness.ts'
import { Inbox } from '../inbox.ts'
import { withSql } from '../postgres.ts'
import { nativeDatabase, withoutNative } from '../store/databases.ts'
import { startBackend, startEntrance } from '../trpc.entrance.ts'

let server: TestServer
let root: Parley
beforeAll(async () => {
  server = await startServer({ env: { NODE_ENV: 'production' } })
  root = createClient({ url: server.url, token: server.token('root', { role: 'admin' }) })
})
afterAll(async () => {
  await root?.close()
  await server?.close()
})

const PATIENT = { timeout: 10_000 }
const codeOf = (error: unknown) => (isParleyError(error) ? error.code : error)

/** A typed client, ready; and how it ends. */
async function typed(token: string, cursor?: string) {
  const client = createClient({ url: server.url, token, ...(cursor !== undefined && { cursor }) })
  const heard = new Inbox<Event>(({ name }) => name)
  for (const name of ['user.revoked', 'connection.kicked', 'message.created'] as const) client.on(name, heard.push)
  const states = new Inbox<string>()
  client.connection.onChange((state) => states.push(`${state} ${client.connection.error?.code}`))
  const ready = await client.ready()
  return { client, heard, states, cursor: ready, [Symbol.asyncDispose]: () => client.close() }
}

/** A stream of server-sent events, open; `text` is all of it once it has ended, `broken` if it was cut off. */
async function stream(token: string) {
  const response = await fetch(`${server.url}/trpc/sync.events`, { headers: { authorization: `Bearer ${token}` } })
  const reader = response.body?.getReader()
  const decoder = new TextDecoder()
  let text = decoder.decode((await reader?.read())?.value)
  const ended = (async () => {
    try {
      for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
        text += decoder.decode(part.value, { stream: true })
      }
      return { text, broken: !text.includes('event: return') }
    } catch {
      return { text, broken: true }
    }
  })()
  return { ended, text: () => text }
}

async function legacy(token: string): Promise<{ socket: Socket; ended: Promise<string>; refusal: Promise<string> }> {
  const socket = io(server.url, { auth: { token, dialect: 'marketplace' }, forceNew: true, transports: ['websocket'] })
  const ended = new Promise<string>((resolve) => socket.on('disconnect', resolve))
  const refusal = new Promise<string>((resolve) => socket.on('connect_error', ({ message }) => resolve(message)))
  await new Promise<void>((resolve) => socket.on('connect', resolve))
  return { socket, ended, refusal }
}

const connections = async (userId: string) => (await root.api.admin.connections.query({ userId })).connections

describe('who is connected', () => {
  test('connections and rooms, by page, at every entrance', async () => {
    await using phone = await typed(server.token('conn-ann', { name: 'Ann' }))
    const { conversation } = await phone.client.api.conversation.create.mutate({
      ...{ kind: 'group', memberIds: ['root'] },
    })
    await stream(server.token('conn-ann', { name: 'Ann' }))
    const { socket } = await legacy(server.token('conn-ann', { name: 'Ann' }))
    const all = await connections('conn-ann')
    expect(all.map(({ entrance }) => entrance).sort()).toEqual(['socketio', 'sse', 'websocket'])
    for (const one of all) expect(one).toMatchObject({ userId: 'conn-ann', name: 'Ann', conversations: 1 })

    const { next, ...first } = await root.api.admin.connections.query({ userId: 'conn-ann', limit: 2 })
    expect(first.connections).toEqual(all.slice(0, 2))
    const rest = await root.api.admin.connections.query({ userId: 'conn-ann', limit: 2, after: next ?? '' })
    expect(rest).toEqual({ connections: all.slice(2), next: null })

    const { rooms, totalRooms, totalSockets } = await root.api.admin.rooms.query({})
    expect(totalRooms).toBe(rooms.length)
    expect(totalSockets).toBeGreaterThanOrEqual(3)
    expect(rooms.find(({ conversationId }) => conversationId === conversation.id)).toEqual({
      ...{ conversationId: conversation.id, connections: 3, users: 1, userIds: ['conn-ann'] },
      connectionIds: expect.arrayContaining(all.map(({ connectionId }) => connectionId)),
    })
    socket.close()
  })

  test('queues: what waits here, and for somebody who is away', async () => {
    await server.actor('away')
    await using ann = await typed(server.token('conn-ann'))
    await ann.client.api.message.send.mutate({ to: 'away', content: 'Are you there?' })
    const { offline, subscriptions, ...rest } = await root.api.admin.queues.query({ userId: 'away' })
    expect({ offline, ...rest }).toEqual({ offline: 1, sends: 0, receipts: 0, tailLag: 0 })
    expect(subscriptions).toBeGreaterThan(0)
    expect(await root.api.admin.queues.query({})).toMatchObject({ offline: null })
  })
})

describe('kicked', () => {
  test('from everywhere: every kind of connection ends for good, and a new one is let in', async () => {
    const token = server.token('kicked')
    const phone = await typed(token)
    await using other = await typed(server.token('kicked-not'))
    const events = await stream(token)
    const { socket, ended } = await legacy(token)
    await root.api.admin.kick.mutate({ userId: 'kicked', reason: 'maintenance' })
    expect(await phone.states.next((state) => state.startsWith('closed'), 'the end')).toBe('closed CLOSED')
    expect(await ended).toBe('io server disconnect')
    expect(await events.ended).toMatchObject({ broken: false })
    expect(events.text()).toContain('maintenance')
    await expect.poll(() => connections('kicked'), PATIENT).toEqual([])
    expect(socket.active).toBe(false)
    expect(other.client.connection.state).toBe('online')

    await using again = await typed(token)
    expect((await again.client.api.user.me.query()).id).toBe('kicked')
  })

  test('from one connection: the others hear of it and stay', async () => {
    const token = server.token('kicked-once')
    await using phone = await typed(token)
    await expect.poll(() => connections('kicked-once')).toHaveLength(1)
    const [{ connectionId } = { connectionId: '' }] = await connections('kicked-once')
    const events = await stream(token)
    const { socket } = await legacy(token)
    const laptop = await typed(token)
    await root.api.admin.kick.mutate({ userId: 'kicked-once', connectionId, reason: 'old version' })
    await phone.states.next((state) => state === 'closed CLOSED', 'the end')
    const { payload } = await laptop.heard.next(({ name }) => name === 'connection.kicked', 'the kick')
    expect(payload).toEqual({ userId: 'kicked-once', connectionId, reason: 'old version' })
    await expect
      .poll(async () => (await connections('kicked-once')).map(({ entrance }) => entrance).sort())
      .toEqual([...['socketio', 'sse', 'websocket']])
    expect(socket.connected).toBe(true)
    expect(events.text()).not.toContain('event: return')
    await laptop.client.close()
    socket.close()
  })

  test('on the way in: a legacy socket comes back and is heard', async () => {
    const { core } = server.app
    const { subscribe } = core
    let kicks = 0
    core.subscribe = async (actor, ...rest) => {
      if (actor.userId === 'kicked-early' && kicks++ === 0)
        await core.execute(system, 'admin.kick', { userId: actor.userId })
      return subscribe(actor, ...rest)
    }
    try {
      const { socket } = await legacy(server.token('kicked-early'))
      const said = await new Promise<{ message: string }>((resolve) => socket.emit('anything', resolve))
      expect(said.message).toBe('Missing or invalid data')
      socket.close()
    } finally {
      core.subscribe = subscribe
    }
  })
})

test.skipIf(withoutNative())('on another node: kicked and revoked alike', async () => {
  const database = await nativeDatabase()
  const cluster = memoryCluster()
  const start = async () => {
    const config = readConfig(dialectNames, {
      ...{ PORT: '0', HOST: '127.0.0.1', JWT_SECRET: SECRET, LOG_LEVEL: 'silent', DATABASE_URL: database.url },
    })
    return createApp({ config, log: createLog(config), broker: cluster.join() })
  }
  const [here, there] = [await start(), await start()]
  try {
    const url = there.url.replace('localhost', '127.0.0.1')
    for (const verb of ['kick', 'revoke'] as const) {
      const token = there.auth.sign({ userId: `far-${verb}`, role: 'client' }, 3_600)
      await using client = createClient({ url, token })
      const closed = new Inbox<string>()
      client.connection.onChange((state) => state === 'closed' && closed.push(client.connection.error?.code ?? 'none'))
      await client.ready()
      await here.core.execute(here.system, `admin.${verb}`, { userId: `far-${verb}` })
      await closed.next((code) => code === (verb === 'kick' ? 'CLOSED' : 'UNAUTHENTICATED'), `the end by ${verb}`)
    }
  } finally {
    await Promise.all([here.close(), there.close()])
    await database.drop()
  }
})

describe('revoked', () => {
  test('connections of every kind end, the tokens are refused, new ones are not; it is told once', async () => {
    const token = server.token('lost', { name: 'Lost' })
    const phone = await typed(token)
    const events = await stream(token)
    const { socket, ended, refusal } = await legacy(token)
    const { at } = await root.api.admin.revoke.mutate({ userId: 'lost' })
    expect(await phone.states.next((state) => state.startsWith('closed'), 'the end')).toBe('closed UNAUTHENTICATED')
    expect(await ended).toBe('transport close')
    expect(await refusal).toBe('Authentication failed')
    expect(await events.ended).toMatchObject({ broken: true })
    socket.close()

    const me = (bearer: string) =>
      fetch(`${server.url}/trpc/user.me`, { headers: { authorization: `Bearer ${bearer}` } }).then(
        ({ status }) => status,
      )
    expect(await me(token)).toBe(401)
    // Not even what it says of the user is kept.
    expect(await me(server.token('lost', { name: 'Thief', iat: at.getTime() / 1000 }))).toBe(401)
    await using again = await typed(server.token('lost', { iat: (at.getTime() + 1) / 1000 }), phone.cursor)
    await again.heard.next(({ name }) => name === 'user.revoked', 'the revocation')
    expect(again.heard.items.map(({ payload }) => payload)).toEqual([{ userId: 'lost', at }])
    expect(await again.client.api.user.me.query()).toMatchObject({ name: 'Lost' })
  })

  test('a token that does not tell when it was issued, or only the second, is refused in doubt', async () => {
    await server.actor('doubt')
    const { at } = await root.api.admin.revoke.mutate({ userId: 'doubt' })
    const second = Math.floor(at.getTime() / 1000)
    const arrive = (claims: object, options: jwt.SignOptions = {}) =>
      server.app.auth.authenticate(jwt.sign({ userId: 'doubt', ...claims }, SECRET, options)).then(
        () => 'in',
        ({ message }: Error) => message,
      )
    expect(await arrive({}, { noTimestamp: true })).toBe('The token has been revoked')
    expect(await arrive({ iat: second })).toBe('The token has been revoked')
    expect(await arrive({ iat: second + 1 })).toBe('in')
  })

  test('while the handshake is under way', async () => {
    await using backend = await startBackend()
    const { core, auth } = backend
    const authenticate = async (token: string | undefined) => {
      const actor = await auth.authenticate(token)
      await core.execute(system, 'admin.revoke', { userId: actor.userId })
      return actor
    }
    await using entrance = await startEntrance({ ...backend, auth: { ...auth, authenticate } })
    const socket = await entrance.raw('hasty')
    expect(await socket.closed).toEqual({ code: 4005, reason: 'token revoked' })
    const headers = { authorization: `Bearer ${backend.token('hasty too')}` }
    const text = await fetch(`${entrance.url}/trpc/sync.events`, { headers }).then((response) => response.text())
    expect(text).not.toContain('event: return')
  })

  test('of somebody unknown', async () => {
    expect(await root.api.admin.revoke.mutate({ userId: 'nobody at all' }).catch(codeOf)).toBe('NOT_FOUND')
  })
})

describe('what became of a message', () => {
  test('when, by whom, to whom, read by whom', async () => {
    const { core, store } = server.app
    const [ann, bob, cid] = await Promise.all(['x-ann', 'x-bob', 'x-cid', 'x-dan'].map((id) => server.actor(id)))
    if (!ann || !bob || !cid) throw new Error('there are four')
    const memberIds = ['x-bob', 'x-cid', 'x-dan']
    const { conversation } = await core.execute(ann, 'conversation.create', { kind: 'group', memberIds })
    const conversationId = conversation.id
    await core.execute(ann, 'message.send', { conversationId, content: 'before' })
    await core.execute(bob, 'message.markRead', { conversationId })
    const { id: messageId } = await core.execute(ann, 'message.send', { conversationId, content: 'this one' })
    const { position } = await store.log.tail()
    await core.execute(bob, 'message.markDelivered', { conversationId })
    await core.execute(ann, 'message.edit', { messageId, content: 'that one' })
    await core.execute(bob, 'message.markRead', { conversationId })
    await core.execute(cid, 'message.markDelivered', { conversationId })
    await core.execute(ann, 'message.delete', { messageId })

    const told = await root.api.admin.explain.query({ messageId })
    const { events } = await store.log.page(null, 0, 100_000)
    const at = (name: Event['name'], userId?: string) =>
      events.findLast((event) => event.name === name && (userId === undefined || event.actorId === userId))?.at
    expect(told).toMatchObject({
      ...{ messageId, conversationId, seq: 2, senderId: 'x-ann', version: 2, deletedBy: 'x-ann', next: null },
      ...{ committedAt: told.createdAt, origin: ann.connectionId },
      changes: [
        { name: 'message.updated', actorId: 'x-ann', origin: ann.connectionId, at: at('message.updated') },
        { name: 'message.deleted', actorId: 'x-ann', at: at('message.deleted') },
      ],
      members: [
        {
          ...{ userId: 'x-bob', delivered: true, read: true },
          ...{ deliveredAt: at('receipt.delivered', 'x-bob'), readAt: at('receipt.read', 'x-bob') },
        },
        { userId: 'x-cid', delivered: true, read: false, deliveredAt: at('receipt.delivered', 'x-cid'), readAt: null },
        { userId: 'x-dan', delivered: false, read: false, deliveredAt: null, readAt: null },
      ],
    })
    expect(events.find((event) => event.position === told.position)?.payload).toMatchObject({
      message: { id: messageId },
    })
    expect(told.position).toBeLessThanOrEqual(position)
    // Nobody was connected.
    for (const { type } of told.notifications) expect(type).toBe('message')

    const page = await root.api.admin.explain.query({ messageId, limit: 2 })
    expect([page.members.length, page.next]).toEqual([2, 'x-cid'])
    const last = await root.api.admin.explain.query({ messageId, limit: 2, after: 'x-cid' })
    expect(last.members).toEqual(told.members.slice(2))
    expect(await root.api.admin.explain.query({ messageId: 'none' }).catch(codeOf)).toBe('NOT_FOUND')
  })

  test('notifications about it are counted, and the marks of large conversations are found', async () => {
    const { core, store } = server.app
    const userIds = Array.from({ length: 101 }, (_, index) => `y-${String(index).padStart(3, '0')}`)
    await store.write(async (tx) => {
      for (const id of userIds) await tx.upsertUser({ id })
    })
    const [owner, reader] = [await server.actor('y-000'), await server.actor('y-007')]
    const { conversation } = await core.execute(owner, 'conversation.create', {
      ...{ kind: 'group', memberIds: userIds.slice(1) },
    })
    const conversationId = conversation.id
    const { id: messageId } = await core.execute(owner, 'message.send', { conversationId, content: 'to many' })
    await store.write((tx) =>
      tx.notify(
        ['y-001', 'y-002'].map((userId) => ({
          ...{ id: `n-${userId}`, userId, cause: `test:${messageId}`, type: 'system', priority: 'normal' },
          ...{ title: 'x', body: '', data: null, actionUrl: null, messageId, conversationId: null, by: null },
          createdAt: new Date(),
        })),
        null,
      ),
    )
    await core.execute(reader, 'message.markDelivered', { conversationId })
    await core.execute(reader, 'message.markRead', { conversationId })
    const { members, notifications } = await root.api.admin.explain.query({ messageId, after: 'y-006', limit: 1 })
    const { events } = await store.log.page({ userId: 'y-007' }, 0, 100_000)
    const marked = events.filter(({ name }) => name === 'receipt.marked').map(({ at }) => at)
    expect(members).toEqual([
      { userId: 'y-007', delivered: true, read: true, deliveredAt: marked[0], readAt: marked[1] },
    ])
    expect(notifications).toContainEqual({ type: 'system', count: 2 })
  })
})

describe('figures', () => {
  test('in production for administrators alone', async () => {
    const scrape = (headers: Record<string, string>) => fetch(`${server.url}/metrics`, { headers })
    const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
    expect((await scrape({})).status).toBe(401)
    expect((await scrape(bearer(server.token('ann')))).status).toBe(403)
    const seen = await scrape(bearer(server.token('root', { role: 'admin' })))
    expect([seen.status, await seen.text()]).toEqual([200, expect.stringMatching(/^parley_messages \d+$/m)])
  })

  test.skipIf(withoutNative())('drift is 0, and not 0 once a row is wrong', async () => {
    const database = await nativeDatabase()
    try {
      await using audited = await startServer({ env: { DATABASE_URL: database.url, AUDIT_INTERVAL: '20' } })
      const { core } = audited.app
      const [ann, bob] = await Promise.all([audited.actor('ann'), audited.actor('bob')])
      const { conversation } = await core.execute(ann, 'conversation.create', { memberIds: ['bob'] })
      const conversationId = conversation.id
      for (const content of ['one', 'two']) await core.execute(ann, 'message.send', { conversationId, content })
      await core.execute(bob, 'message.markRead', { conversationId, seq: 1 })
      const scrape = async () => {
        const response = await fetch(`${audited.url}/metrics`)
        expect(response.headers.get('content-type')).toContain('text/plain')
        const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
        const figures = new Map(lines.map((line) => [line.split(' ')[0], Number(line.split(' ')[1])]))
        return (name: string) => figures.get(name)
      }
      const drift = async () => {
        const figure = await scrape()
        return [figure('parley_audit_checked'), figure('parley_audit_drift')]
      }
      await expect.poll(drift, PATIENT).toEqual([2, 0])
      const figure = await scrape()
      expect(figure('parley_messages')).toBe(2)
      expect(figure('parley_log_lag')).toBe(0)
      expect(figure('parley_log_position')).toBe((await audited.app.store.log.tail()).position)
      expect(figure('parley_connections')).toBe(0)
      expect(figure('process_resident_memory_bytes')).toBeGreaterThan(0)
      await withSql(database.url, (sql) => sql.unsafe("update members set sent_at_read = 1 where user_id = 'bob'"))
      await expect.poll(drift, PATIENT).toEqual([2, 1])
    } finally {
      await database.drop()
    }
  })
})
