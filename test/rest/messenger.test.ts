/** Messages, conversations and notifications over HTTP, as `messenger` has them. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type Asking, ask } from './ask.ts'
import { type RestServer, startRest } from './server.ts'

let server: RestServer
beforeAll(async () => {
  server = await startRest(['messenger', 'marketplace'])
})
afterAll(() => server?.close())

const as = (userId: string, body?: unknown): Asking => ({
  headers: { cookie: `a=b; token=${server.token(userId, { name: userId })}` },
  ...(body !== undefined && { body }),
})
const call = async (place: string, asking: Asking) => {
  const { status, body } = await ask(server.url, `${place.replace(' ', ' /api')}`, asking)
  return { status, body }
}
const refused = (status: number, error: string) => ({ status, body: { error } })
const One = z.looseObject({ _id: z.string(), conversationId: z.string().optional() })
const none = '0123456789abcdef01234567'
async function people(...ids: readonly string[]): Promise<void> {
  await Promise.all(ids.map((id) => server.actor(id, { name: id })))
}
async function wrote(from: string, to: string, content: string) {
  const { body } = await call('POST /messages', as(from, { recipient_id: to, content }))
  return z.looseObject({ _id: z.string(), conversationId: z.string() }).parse(body)
}
async function notified(userId: string, title: string): Promise<void> {
  await server.app.core.execute(server.app.system, 'notification.send', { userId, title, body: 'Body' })
}

describe('messages', () => {
  test('are sent to a user or in a conversation, once for a clientId', async () => {
    await people('ann', 'bob')
    const given = { recipient_id: 'bob', content: 'Hello', clientId: 'c-1' }
    const first = await call('POST /messages', as('ann', given))
    const { _id, conversationId } = One.parse(first.body)
    expect(first).toEqual({
      status: 201,
      body: {
        ...{ _id: expect.stringMatching(/^[0-9a-f]{24}$/), sender: 'ann', recipient: 'bob', group: null },
        ...{ conversation: conversationId, conversationId, content: 'Hello', type: 'text', mediaUrl: null },
        ...{ replyTo: null, mentions: [], reactions: [], createdAt: expect.any(String), status: 'sent' },
        ...{ edited: false, deleted: false, clientId: 'c-1' },
      },
    })
    expect((await call('POST /messages', as('ann', given))).body).toMatchObject({ _id })
    const reply = { conversation_id: conversationId, content: 'Hello back', replyTo: _id, clientId: null, type: 'text' }
    expect(await call('POST /messages', as('bob', reply))).toMatchObject({
      status: 201,
      body: { sender: 'bob', recipient: 'ann', replyTo: _id, conversationId },
    })
    const bearer = { token: server.token('ann'), body: { recipient_id: 'bob', content: 'By header' } }
    expect((await call('POST /messages', bearer)).status).toBe(201)
  })

  test('are refused in the words of the sockets', async () => {
    await people('cat', 'dan', 'eve')
    const { conversationId } = await wrote('cat', 'dan', 'Hi')
    const post = (body: unknown) => call('POST /messages', as('eve', body))
    expect(await post({ content: 'x' })).toEqual(refused(400, 'recipient required'))
    expect(await post({ recipient_id: 'dan' })).toEqual(refused(400, 'content required'))
    expect(await post({ recipient_id: 'dan', content: 'x'.repeat(5_001) })).toEqual(refused(400, 'too long'))
    expect(await post({ recipient_id: 'nobody', content: 'x' })).toEqual(refused(404, 'recipient not found'))
    expect(await post({ conversation_id: none, content: 'x' })).toEqual(refused(404, 'Conversation not found'))
    expect(await post({ conversation_id: conversationId, content: 'x' })).toEqual(refused(403, 'Access denied'))
    expect(await call('POST /messages', { body: { content: 'x' } })).toEqual(
      refused(401, 'Unauthorized - Authentication token required'),
    )
    const expired = { headers: { cookie: `token=${server.token('eve', {}, -1)}` } }
    expect(await call('GET /conversations', expired)).toEqual(refused(401, 'Unauthorized - The token has expired'))
  })

  test('with a user, or of a conversation, come in pages from the newest', async () => {
    await people('fay', 'gus', 'eve')
    const { conversationId } = await wrote('fay', 'gus', '1')
    for (const text of ['2', '3']) await wrote('gus', 'fay', text)
    const page = async (userId: string, place: string) => {
      const Page = z.looseObject({ messages: z.array(z.looseObject({ content: z.string() })) })
      const { messages, ...rest } = Page.parse((await call(`GET /messages/${place}`, as(userId))).body)
      return { ...rest, text: messages.map(({ content }) => content).join('') }
    }
    expect(await page('fay', 'gus')).toEqual({ text: '123', total: 3, page: 1, limit: 50, totalPages: 1 })
    expect(await page('gus', 'fay?limit=2')).toEqual({ text: '23', total: 3, page: 1, limit: 2, totalPages: 2 })
    expect(await page('gus', `conversation/${conversationId}?limit=2&page=2`)).toMatchObject({ text: '1', page: 2 })
    expect(await call(`GET /messages/conversation/${conversationId}`, as('eve'))).toEqual(refused(403, 'Access denied'))
    expect(await call(`GET /messages/conversation/${none}`, as('eve'))).toEqual(refused(404, 'Conversation not found'))
    // To look makes nothing.
    expect(await page('eve', 'fay')).toEqual({ text: '', total: 0, page: 1, limit: 50, totalPages: 0 })
    expect((await call('GET /conversations', as('eve'))).body).toMatchObject({ total: 0 })
    expect(await call('GET /messages/nobody', as('eve'))).toEqual(refused(404, 'recipient not found'))
  })

  test('are changed and deleted by their sender, unless somebody else is editing', async () => {
    await people('hal', 'ida')
    const { _id, conversationId } = await wrote('hal', 'ida', 'Mine')
    const put = (userId: string, content: unknown) => call(`PUT /messages/${_id}`, as(userId, { content }))
    const hal = await server.actor('hal')
    const ida = await server.actor('ida')
    expect(await put('ida', 'Hers')).toEqual(refused(403, 'forbidden'))
    expect(await put('hal', '')).toEqual(refused(400, 'content required'))
    const lock = await server.app.core.execute(ida, 'lock.acquire', { messageId: _id })
    expect(await put('hal', 'Locked')).toEqual(refused(409, 'Message is locked by another user'))
    await server.app.core.execute(ida, 'lock.release', { messageId: _id, token: lock.token })
    expect(await put('hal', 'Better')).toMatchObject({ status: 200, body: { _id, content: 'Better', edited: true } })
    const moderator = { token: server.token('ida', { role: 'moderator' }) }
    for (const asking of [as('ida'), moderator])
      expect(await call(`DELETE /messages/${_id}`, asking)).toEqual(refused(403, 'forbidden'))
    expect(await call(`DELETE /messages/${_id}`, as('hal'))).toEqual({
      status: 200,
      body: { ok: true, messageId: _id, conversationId, deletedBy: 'hal', _id, conversation: conversationId },
    })
    expect(await call(`DELETE /messages/${none}`, as('hal'))).toEqual(refused(404, 'not found'))
    expect(await server.app.core.execute(hal, 'message.get', { messageId: _id })).toMatchObject({ content: '' })
  })

  test('are read by who received them', async () => {
    await people('joe', 'kim', 'eve')
    const { _id } = await wrote('joe', 'kim', 'Read me')
    const read = (userId: string, id = _id) => call(`POST /messages/${id}/read`, as(userId))
    expect(await read('joe')).toEqual(refused(403, 'forbidden'))
    expect(await read('eve')).toEqual(refused(403, 'forbidden'))
    expect(await read('kim', none)).toEqual(refused(404, 'not found'))
    for (let time = 0; time < 2; time += 1) expect(await read('kim')).toEqual({ status: 200, body: { ok: true } })
    expect((await call('GET /messages/kim', as('joe'))).body).toMatchObject({ messages: [{ _id, status: 'read' }] })
  })
})

test('conversations: found or made, listed by activity, read as a whole', async () => {
  await people('lea', 'max', 'ned')
  const direct = (participantId: string) => call('POST /conversations/direct', as('lea', { participantId }))
  const { status, body } = await direct('max')
  const { _id } = One.parse(body)
  const person = (id: string) => ({ _id: id, name: id, avatar: null, role: 'client' })
  expect({ status, body }).toEqual({
    status: 201,
    body: {
      ...{ _id, type: 'direct', name: null, participants: [person('lea'), person('max')] },
      ...{ lastMessage: null, lastMessageAt: null, unreadCount: 0, lastSeen: {} },
      ...{ createdAt: expect.any(String), updatedAt: expect.any(String) },
    },
  })
  expect((await direct('max')).body).toMatchObject({ _id })
  expect(await direct('nobody')).toEqual(refused(404, 'User not found'))
  await direct('ned')
  await wrote('max', 'lea', 'One')
  await wrote('max', 'lea', 'Two')
  const list = async (query = '') => (await call(`GET /conversations${query}`, as('lea'))).body
  expect(await list()).toMatchObject({
    conversations: [
      { _id, lastMessage: { content: 'Two', sender: 'max', recipient: 'lea' }, unreadCount: 2 },
      { unreadCount: 0 },
    ],
    ...{ total: 2, page: 1, limit: 20, totalPages: 1 },
  })
  expect(await list('?limit=1&page=2')).toMatchObject({
    conversations: [{ lastMessage: null }],
    page: 2,
    totalPages: 2,
  })
  expect(await list('?limit=500')).toMatchObject({ limit: 50 })
  const read = (userId: string, id = _id) => call(`POST /conversations/${id}/mark-read`, as(userId))
  expect(await read('lea')).toEqual({ status: 200, body: { ok: true, count: 2 } })
  expect(await read('lea')).toEqual({ status: 200, body: { ok: true, count: 0 } })
  expect(await list()).toMatchObject({ conversations: [{ unreadCount: 0, lastSeen: { lea: expect.any(String) } }, {}] })
  expect(await read('ned')).toEqual(refused(403, 'Access denied'))
  expect(await read('ned', none)).toEqual(refused(404, 'Conversation not found'))
})

describe('notifications', () => {
  const Listed = z.looseObject({ notifications: z.array(z.looseObject({ _id: z.string(), title: z.string() })) })
  const list = async (userId: string, query = '') =>
    Listed.parse((await call(`GET /notifications${query}`, as(userId))).body)
  const titles = async (userId: string, query = '') => {
    const { notifications, ...rest } = await list(userId, query)
    return { ...rest, titles: notifications.map(({ title }) => title) }
  }

  test('are listed in pages, newest first, and counted', async () => {
    await people('pia')
    for (const title of ['A', 'B', 'C']) await notified('pia', title)
    const { notifications } = await list('pia')
    expect(notifications[0]).toEqual({
      ...{ _id: expect.any(String), type: 'system', title: 'C', message: 'Body', data: null, actionUrl: null },
      ...{ priority: 'normal', createdAt: expect.any(String), read: false, readAt: null },
    })
    const all = { total: 3, unreadCount: 3 }
    expect(await titles('pia')).toEqual({ titles: ['C', 'B', 'A'], ...all, page: 1, limit: 20, totalPages: 1 })
    expect(await titles('pia', '?limit=2')).toEqual({ titles: ['C', 'B'], ...all, page: 1, limit: 2, totalPages: 2 })
    expect(await titles('pia', '?limit=2&page=2')).toMatchObject({ titles: ['A'], page: 2 })
    for (const name of ['unread', 'unread-count'])
      expect(await call(`GET /notifications/${name}`, as('pia'))).toEqual({ status: 200, body: { count: 3 } })
  })

  test.each(['POST', 'PUT'])('are read one by one, or all, by %s', async (method) => {
    const user = `quin-${method}`
    await people(user, 'eve')
    for (const title of ['A', 'B', 'C']) await notified(user, title)
    const [first] = (await list(user)).notifications
    const one = `/notifications/${first?._id}`
    expect((await call(`GET ${one}`, as(user))).body).toMatchObject({ title: 'C', read: false })
    expect(await call(`${method} ${one}/read`, as(user))).toMatchObject({
      status: 200,
      body: { _id: first?._id, read: true, readAt: expect.any(String) },
    })
    expect((await call(`GET ${one}`, as(user))).body).toMatchObject({ read: true })
    expect(await call(`GET ${one}`, as('eve'))).toEqual(refused(404, 'not found'))
    expect(await call(`${method} ${one}/read`, as('eve'))).toEqual(refused(404, 'not found'))
    expect(await titles(user)).toMatchObject({ total: 3, unreadCount: 2 })
    const all = { status: 200, body: { ok: true, count: 2 } }
    expect(await call(`${method} /notifications/mark-all-read`, as(user))).toEqual(all)
    expect(await titles(user)).toMatchObject({ total: 3, unreadCount: 0 })
  })

  test('are deleted one by one, those that are read, or all', async () => {
    await people('rob', 'eve')
    for (const title of ['A', 'B', 'C', 'D']) await notified('rob', title)
    const [d, c] = (await list('rob')).notifications
    expect(await call(`DELETE /notifications/${d?._id}`, as('eve'))).toEqual(refused(404, 'not found'))
    expect(await call(`DELETE /notifications/${d?._id}`, as('rob'))).toEqual({ status: 200, body: { ok: true } })
    expect(await call(`DELETE /notifications/${d?._id}`, as('rob'))).toEqual(refused(404, 'not found'))
    await call(`PUT /notifications/${c?._id}/read`, as('rob'))
    expect((await call('DELETE /notifications/clear-read', as('rob'))).body).toEqual({ ok: true, count: 1 })
    expect(await titles('rob')).toMatchObject({ titles: ['B', 'A'] })
    expect((await call('DELETE /notifications', as('rob'))).body).toEqual({ ok: true, count: 2 })
    expect(await titles('rob')).toMatchObject({ titles: [], total: 0, totalPages: 0 })
  })
})

test('its places and those of `marketplace` lie side by side', async () => {
  await people('sue', 'tom')
  const { conversationId } = await wrote('sue', 'tom', 'Hi')
  const asking = { token: server.token('sue') }
  expect((await call('GET /messages/chats', asking)).body).toMatchObject({ success: true, data: { totalCount: 1 } })
  expect((await call(`GET /messages/chats/${conversationId}`, asking)).body).toMatchObject({ success: true })
  expect((await call('GET /messages/tom', asking)).body).toMatchObject({ total: 1 })
  expect(await call('GET /messages/chats', as('sue'))).toMatchObject({ status: 401, body: { success: false } })
})
