import { createTRPCClient, createWSClient, wsLink } from '@trpc/client'
import superjson from 'superjson'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { isParleyError } from '../../client/index.ts'
import type { Event } from '../../shared/events.ts'
import type { Actor } from '../../shared/ports.ts'
import type { AppRouter } from '../../shared/router/index.ts'
import { startServer, type TestServer } from '../harness.ts'
import { Inbox } from '../inbox.ts'
import { lastingDatabase } from '../store/databases.ts'
import { device, listed, people, type Told } from './people.ts'

let server: TestServer
let root: Actor
beforeAll(async () => {
  server = await startServer()
  root = await server.actor('root', { role: 'admin' })
})
afterAll(() => server.close())

const execute: TestServer['app']['core']['execute'] = (...call) => server.app.core.execute(...call)
const notify = (userId: string, title: string, more: object = {}) =>
  execute(root, 'notification.send', { userId, title, body: `${title}!`, ...more })
const refusal = (call: PromiseLike<unknown>) =>
  Promise.resolve(call).then(
    () => 'ok',
    (error: unknown) => (isParleyError(error) ? error.code : String(error)),
  )

test('a reaction is told to the author once, however often it is toggled', async () => {
  const { ann, bob } = await people(server, 'ann', 'bob')
  await using a = await device(server, ann.userId)
  await using b = await device(server, bob.userId)
  const { id: messageId, conversationId } = await a.api.message.send.mutate({ to: bob.userId, content: 'news' })
  for (const on of [true, false, true]) await b.api.message.react.mutate({ messageId, reaction: '👍', on })
  await a.api.message.react.mutate({ messageId, reaction: '🎉' })
  await b.api.message.react.mutate({ messageId, reaction: '🎉' })
  const told = await a.heard.count(2, 'two reactions')
  expect(told.map(({ payload }) => payload)).toMatchObject(
    ['👍', '🎉'].map((reaction) => ({
      notification: {
        type: 'reaction',
        title: 'bob',
        body: 'news',
        messageId,
        data: { conversationId, userId: bob.userId, reaction },
      },
    })),
  )
  expect(await listed(server, ann)).toEqual(['reaction: news', 'reaction: news'])
})

test('a group tells of being added, of a role, of a title, of being removed; never who did it, nor who joined', async () => {
  const { ann, bob, cid, dan } = await people(server, 'ann', 'bob', 'cid', 'dan')
  const made = await execute(ann, 'conversation.create', {
    kind: 'group',
    title: 'Club',
    memberIds: [bob.userId],
    joinPolicy: 'open',
  })
  const conversationId = made.conversation.id
  await execute(ann, 'conversation.addMembers', { conversationId, memberIds: [cid.userId, bob.userId] })
  await execute(dan, 'conversation.join', { conversationId })
  await execute(ann, 'conversation.setRole', { conversationId, userId: bob.userId, role: 'admin' })
  await execute(bob, 'conversation.update', { conversationId, title: 'Society' })
  await execute(bob, 'conversation.update', { conversationId, title: 'Society', historyVisible: false })
  await execute(bob, 'conversation.removeMember', { conversationId, userId: cid.userId })
  await execute(dan, 'conversation.leave', { conversationId })
  await execute(ann, 'conversation.leave', { conversationId })
  const invited = 'group_invite: ann added you'
  const titled = 'group_update: The title is now Society'
  expect(await listed(server, bob)).toEqual([
    'group_update: Your role is now owner',
    'group_update: Your role is now admin',
    invited,
  ])
  expect(await listed(server, cid)).toEqual(['group_update: You were removed', titled, invited])
  expect(await listed(server, dan)).toEqual([titled])
  expect(await listed(server, ann)).toEqual([titled])
  const [removed] = (await execute(cid, 'notification.list', {})).notifications
  expect(removed).toMatchObject({ title: 'Society', data: { conversationId, userId: bob.userId, change: 'removed' } })
  await execute(ann, 'conversation.create', { memberIds: [bob.userId] })
  expect(await listed(server, bob, 'group_invite')).toHaveLength(1)
})

test('listed newest first in pages, filtered by type and by being read; somebody else’s do not exist', async () => {
  const { ann, bob } = await people(server, 'ann', 'bob')
  for (const [n, type] of (['system', 'call', 'system', 'forward', 'system'] as const).entries())
    await notify(ann.userId, `n${n}`, { type })
  await notify(bob.userId, 'other')
  const list = (input: object) => execute(ann, 'notification.list', input)
  const titles = async (input: object) => (await list(input)).notifications.map(({ title }) => title)
  const first = await list({ limit: 3 })
  expect(first.notifications.map(({ title }) => title)).toEqual(['n4', 'n3', 'n2'])
  expect(first).toMatchObject({ unread: 5, next: first.notifications[2]?.id })
  expect(await list({ limit: 3, before: first.next })).toMatchObject({
    notifications: [{ title: 'n1' }, { title: 'n0' }],
    next: null,
  })
  expect(await titles({ types: ['call', 'forward'] })).toEqual(['n3', 'n1'])
  expect(await list({ types: ['reaction'] })).toEqual({ notifications: [], next: null, unread: 0 })
  const ids = first.notifications.map(({ id }) => id)
  const other = (await execute(bob, 'notification.list', {})).notifications[0]?.id ?? ''
  expect(await execute(ann, 'notification.read', { notificationIds: [ids[0] ?? '', other, 'none'] })).toEqual({
    changed: 1,
    unread: 4,
  })
  expect(await titles({ unread: true, types: ['system'] })).toEqual(['n2', 'n0'])
  expect(await titles({ unread: false })).toEqual(['n4'])
  expect(await execute(ann, 'notification.unreadCount', {})).toEqual({ unread: 4 })
  expect(await execute(ann, 'notification.unreadCount', { types: ['system'] })).toEqual({ unread: 2 })
  expect(await execute(ann, 'notification.get', { notificationId: ids[0] ?? '' })).toMatchObject({
    title: 'n4',
    readAt: expect.any(Date),
  })
  await expect(execute(ann, 'notification.get', { notificationId: other })).rejects.toMatchObject({ code: 'NOT_FOUND' })
  expect(await execute(ann, 'notification.delete', { notificationIds: [other] })).toEqual({ changed: 0, unread: 4 })
  expect(await execute(bob, 'notification.unreadCount', {})).toEqual({ unread: 1 })
})

test('a user’s devices hear what is read and deleted, with what is left; nothing changed is not told', async () => {
  const { ann } = await people(server, 'ann')
  await using phone = await device(server, ann.userId)
  await using desk = await device(server, ann.userId)
  for (const title of ['a', 'b', 'c', 'd', 'e'])
    await notify(ann.userId, title, { type: title === 'e' ? 'call' : 'system' })
  const [a = '', b = ''] = (await desk.heard.count(5, 'five')).flatMap(({ payload }) =>
    'notification' in payload ? [payload.notification.id] : [],
  )
  for (const _again of [1, 2]) await phone.api.notification.read.mutate({ notificationIds: [a] })
  for (const _again of [1, 2]) await phone.api.notification.delete.mutate({ notificationIds: [b, 'unknown'] })
  for (const _again of [1, 2]) await phone.api.notification.readAll.mutate({ types: ['call'] })
  for (const _again of [1, 2]) await phone.api.notification.deleteAll.mutate({ read: true })
  for (const _again of [1, 2]) await phone.api.notification.readAll.mutate()
  for (const _again of [1, 2]) await phone.api.notification.deleteAll.mutate()
  await notify(ann.userId, 'last')
  const heard = await desk.heard.until((items) => (items.length >= 12 ? items.slice(5, -1) : undefined), 'the changes')
  expect(heard.map(({ name, payload }) => [name, payload])).toEqual([
    ['notification.read', { notificationIds: [a], types: null, unread: 4 }],
    ['notification.deleted', { notificationIds: [b], readOnly: false, unread: 3 }],
    ['notification.read', { notificationIds: null, types: ['call'], unread: 2 }],
    ['notification.deleted', { notificationIds: null, readOnly: true, unread: 2 }],
    ['notification.read', { notificationIds: null, types: null, unread: 0 }],
    ['notification.deleted', { notificationIds: null, readOnly: false, unread: 0 }],
  ])
})

test('a muted type is not made, nor a message of a muted conversation; a mention in it is', async () => {
  const { ann, bob } = await people(server, 'ann', 'bob')
  expect(await execute(bob, 'notification.mute', { types: ['system', 'call', 'system'] })).toEqual({
    types: ['system', 'call'],
  })
  expect(await execute(bob, 'notification.muted', {})).toEqual({ types: ['system', 'call'] })
  expect(await notify(bob.userId, 'muted')).toEqual({ made: false })
  expect(await notify(bob.userId, 'wanted', { type: 'forward' })).toEqual({ made: true })
  await execute(bob, 'notification.mute', { types: [] })
  expect(await notify(bob.userId, 'again')).toEqual({ made: true })
  const { conversationId } = await execute(ann, 'message.send', { to: bob.userId, content: 'loud' })
  const mutedUntil = new Date(Date.now() + 60_000)
  await execute(bob, 'conversation.configure', { conversationId, mutedUntil })
  await execute(ann, 'message.send', { conversationId, content: 'quiet' })
  await execute(ann, 'message.send', { conversationId, content: '@bob' })
  expect(await listed(server, bob)).toEqual(['mention: @bob', 'message: loud', 'system: again!', 'forward: wanted!'])
})

test('who is not to be disturbed gets them silently, but for the urgent', async () => {
  const { ann } = await people(server, 'ann')
  await using a = await device(server, ann.userId)
  await a.api.presence.set.mutate({ status: 'dnd' })
  await notify(ann.userId, 'hush')
  await notify(ann.userId, 'fire', { priority: 'urgent' })
  await a.api.presence.set.mutate({ status: 'online' })
  await notify(ann.userId, 'loud')
  const silent = (await a.heard.count(3, 'three')).map(
    ({ payload }) => 'notification' in payload && payload.notification.silent,
  )
  expect(silent).toEqual([true, false, false])
  const { notifications } = await a.api.notification.list.query({})
  expect(notifications.map((one) => one.silent)).toEqual([false, false, true])
})

test('servers send to one user, once for a cause; others may not', async () => {
  const { ann } = await people(server, 'ann')
  await using a = await device(server, ann.userId)
  const more = { type: 'call', priority: 'urgent', data: { room: 7 }, actionUrl: 'app://call/7', cause: 'call 7' }
  expect(await notify(ann.userId, 'Ring', more)).toEqual({ made: true })
  expect(await notify(ann.userId, 'Ring again', more)).toEqual({ made: false })
  const [told] = await a.heard.count(1, 'the call')
  const { cause: _, ...shown } = more
  expect(told).toMatchObject({
    actorId: 'root',
    payload: { notification: { ...shown, title: 'Ring', body: 'Ring!', messageId: null } },
  })
  expect(await refusal(a.api.notification.send.mutate({ userId: ann.userId, title: 'x' }))).toBe('FORBIDDEN')
  await expect(notify('nobody at all', 'x')).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

test('who may no longer see a message does not read on in its notification', async () => {
  const { ann, bob, cid } = await people(server, 'ann', 'bob', 'cid')
  const memberIds = [bob.userId, cid.userId]
  const { conversation } = await execute(ann, 'conversation.create', { kind: 'group', memberIds })
  const conversationId = conversation.id
  const { id: messageId } = await execute(ann, 'message.send', { conversationId, content: '@bob @cid' })
  await execute(ann, 'conversation.removeMember', { conversationId, userId: bob.userId })
  await execute(ann, 'message.edit', { messageId, content: '@cid between us' })
  expect(await listed(server, cid, 'mention')).toEqual(['mention: @cid between us'])
  expect(await listed(server, bob, 'mention')).toEqual(['mention: '])
})

test('a stock client follows notifications alone', async () => {
  const { ann, bob } = await people(server, 'ann', 'bob')
  const ws = createWSClient({
    ...{ url: server.wsUrl, WebSocket: WebSocket as never },
    connectionParams: { token: server.token(ann.userId) },
  })
  const api = createTRPCClient<AppRouter>({ links: [wsLink<AppRouter>({ client: ws, transformer: superjson })] })
  const events = new Inbox<Event>(({ name }) => name)
  const pages = new Inbox<number>()
  const subscription = api.notification.onChange.subscribe(undefined, {
    onData: ({ data }) => {
      pages.push(data.length)
      for (const event of data) events.push(event)
    },
  })
  await pages.count(1, 'the ready page')
  const { conversationId } = await execute(bob, 'message.send', { to: ann.userId, content: 'one' })
  await execute(ann, 'conversation.view', { conversationId })
  await notify(ann.userId, 'two')
  await execute(ann, 'notification.readAll', {})
  await events.count(2, 'what was made and read')
  expect(events.items.map(({ name }) => name)).toEqual(['notification.created', 'notification.read'])
  subscription.unsubscribe()
  await ws.close()
})

test('who was away gets each once, also over a restart; what was erased meanwhile stays erased', async () => {
  await using database = await lastingDatabase()
  const start = () => startServer(database)
  let own = await start()
  const [ann] = await Promise.all([own.actor('ann'), own.actor('bob')])
  const before = await device(own, 'bob')
  await before.client.close()
  const sent = []
  for (const content of ['secret', '@bob kept'])
    sent.push(await own.app.core.execute(ann, 'message.send', { to: 'bob', content }))
  await own.app.core.execute(ann, 'message.delete', { messageId: sent[0]?.id ?? '' })
  await own.close()

  own = await start()
  const bob = await own.actor('bob')
  await using after = await device(own, 'bob', before.started)
  await own.app.core.execute(bob, 'notification.readAll', {})
  await after.heard.next(({ name }) => name === 'notification.read', 'the end')
  const told = after.heard.items.flatMap(({ payload }) => ('notification' in payload ? [payload.notification] : []))
  expect(told.map(({ type, body, messageId }) => [type, body, messageId])).toEqual([
    ['message', '', sent[0]?.id],
    ['mention', '@bob kept', sent[1]?.id],
  ])
  expect(new Set(after.heard.items.map(({ position }: Told) => position)).size).toBe(3)
  expect(await listed(own, bob)).toEqual(['mention: @bob kept', 'message: '])
  await own.close()
})

test('who has just gone is told of a message all the same', async () => {
  const { ann, bob } = await people(server, 'ann', 'bob')
  const b = await device(server, bob.userId)
  const { conversationId } = await execute(ann, 'message.send', { to: bob.userId, content: 'hello' })
  const online = async () => (await execute(ann, 'presence.online', { conversationId })).users.length
  await expect.poll(online).toBe(1)
  await b.client.close()
  const connected = async () => (await execute(root, 'admin.connections', { userId: bob.userId })).connections.length
  await expect.poll(connected).toBe(0)
  await execute(ann, 'message.send', { to: bob.userId, content: 'you have missed this' })
  expect(await listed(server, bob)).toEqual(['message: you have missed this'])
})

test('pages by number, and how many there are', async () => {
  const { ann } = await people(server, 'ann')
  for (const [n, type] of (['system', 'call', 'system', 'call', 'system'] as const).entries())
    await notify(ann.userId, `n${n}`, { type })
  const list = (input: object) => execute(ann, 'notification.list', input)
  const titles = async (input: object) => (await list(input)).notifications.map(({ title }) => title)
  expect(await titles({ skip: 2, limit: 2 })).toEqual(['n2', 'n1'])
  expect(await titles({ skip: 1, types: ['system'] })).toEqual(['n2', 'n0'])
  expect(await list({ skip: 5 })).toEqual({ notifications: [], next: null, unread: 5 })
  const { next } = await list({ skip: 1, limit: 1 })
  expect(await titles({ before: next })).toEqual(['n2', 'n1', 'n0'])
  await execute(ann, 'notification.readAll', { types: ['call'] })
  const count = async (input: object) => (await execute(ann, 'notification.count', input)).count
  expect([await count({}), await count({ unread: true }), await count({ unread: false })]).toEqual([5, 3, 2])
  expect([await count({ types: ['system'] }), await count({ types: ['call'], unread: true })]).toEqual([3, 0])
  for (const input of [{ skip: 1, before: next }, { skip: -1 }, { skip: 10_001 }])
    await expect(list(input)).rejects.toMatchObject({ code: 'INVALID_INPUT' })
})
