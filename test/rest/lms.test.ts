/** Conversations and messages over HTTP, as `lms` has them: lists of Feathers, its errors, who may do what. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type Asking, ask } from './ask.ts'
import { type RestServer, startRest } from './server.ts'

let server: RestServer
beforeAll(async () => {
  server = await startRest(['lms'])
})
afterAll(() => server?.close())

const as = (userId: string, body?: unknown): Asking => ({
  token: server.token(userId),
  ...(body !== undefined && { body }),
})
const call = async (place: string, asking: Asking) => {
  const { status, body } = await ask(server.url, place, asking)
  return { status, body }
}
const One = z.looseObject({ _id: z.string() })
const made = async (place: string, asking: Asking) => One.parse((await call(place, asking)).body)._id
const opened = (userId: string, recipientId: string) => made('POST /conversations', as(userId, { recipientId }))
const sent = (userId: string, conversationId: string, content: string) =>
  made('POST /messages', as(userId, { conversationId, content }))
const refusal = (code: number, name: string, className: string, message: unknown, errors = {}) => ({
  status: code,
  body: { name, message, code, className, errors },
})

describe('conversations', () => {
  test('are found again, also with somebody whom nobody has seen', async () => {
    const chat = await opened('ann', 'new-to-all')
    expect(await opened('ann', 'new-to-all')).toBe(chat)
    expect(await opened('new-to-all', 'ann')).toBe(chat)
    const { body } = await call(`GET /conversations/${chat}`, as('new-to-all'))
    expect(body).toEqual({
      ...{ _id: chat, id: chat, participants: ['ann', 'new-to-all'], isActive: true },
      ...{ lastMessage: null, lastMessageAt: null, unreadCount: { ann: 0, 'new-to-all': 0 } },
      ...{ createdAt: expect.any(String), updatedAt: expect.any(String) },
    })
  })

  test('are listed by activity, page by page, each with the counts of both', async () => {
    const [first, second, third] = [
      await opened('lea', 'kim'),
      await opened('lea', 'leo'),
      await opened('max', 'lea'),
    ] as const
    await sent('lea', first, 'One')
    await sent('lea', first, 'Two')
    const page = async (query: string) => {
      const { status, body } = await call(`GET /conversations${query}`, as('lea'))
      expect(status).toBe(200)
      const list = z
        .strictObject({ total: z.number(), limit: z.number(), skip: z.number(), data: z.array(One) })
        .parse(body)
      return { ...list, data: list.data.map(({ _id }) => _id) }
    }
    expect(await page('')).toEqual({ total: 3, limit: 20, skip: 0, data: [first, third, second] })
    expect(await page('?$limit=2')).toEqual({ total: 3, limit: 2, skip: 0, data: [first, third] })
    expect(await page('?$limit=2&$skip=2')).toEqual({ total: 3, limit: 2, skip: 2, data: [second] })
    expect(await page('?$limit=0')).toEqual({ total: 3, limit: 0, skip: 0, data: [] })
    expect(await page('?$limit=1000')).toMatchObject({ limit: 50 })
    const { body } = await call('GET /conversations?$limit=1', as('kim'))
    expect(body).toMatchObject({
      data: [{ _id: first, lastMessage: { content: 'Two', senderId: 'lea' }, unreadCount: { lea: 0, kim: 2 } }],
    })
  })

  test('of more than two are not in the list', async () => {
    const actor = await server.app.auth.authenticate(server.token('gus'))
    await call('GET /conversations', as('ann'))
    await server.app.core.execute(actor, 'conversation.create', { kind: 'group', memberIds: ['ann'] })
    expect((await call('GET /conversations', as('gus'))).body).toMatchObject({ total: 0, data: [] })
  })

  test('that are deleted leave the own list alone, until they are asked for again', async () => {
    const chat = await opened('dan', 'eva')
    await sent('dan', chat, 'Still here')
    const { status, body } = await call(`DELETE /conversations/${chat}`, as('dan'))
    expect([status, body]).toEqual([200, expect.objectContaining({ _id: chat, isActive: false })])
    expect((await call('GET /conversations', as('dan'))).body).toMatchObject({ total: 0, data: [] })
    expect((await call('GET /conversations', as('eva'))).body).toMatchObject({ total: 1, data: [{ _id: chat }] })
    expect(await opened('dan', 'eva')).toBe(chat)
    expect((await call('GET /conversations', as('dan'))).body).toMatchObject({ total: 1, data: [{ _id: chat }] })
  })

  test('are read as a whole', async () => {
    const chat = await opened('ida', 'joe')
    await sent('ida', chat, 'One')
    const { status, body } = await call(`PATCH /conversations/${chat}`, as('joe', { markAsRead: true }))
    expect([status, body]).toEqual([200, expect.objectContaining({ unreadCount: { ida: 0, joe: 0 } })])
  })
})

describe('messages', () => {
  test('come newest first, in pages that do not move by what is hidden', async () => {
    const chat = await opened('pia', 'quin')
    const ids: string[] = []
    for (const text of ['1', '2', '3', '4', '5']) ids.unshift(await sent('pia', chat, text))
    const page = async (query = '') => {
      const { body } = await call(`GET /messages?conversationId=${chat}${query}`, as('quin'))
      const list = z.looseObject({ data: z.array(One) }).parse(body)
      return { ...list, data: list.data.map(({ _id }) => _id) }
    }
    expect(await page()).toEqual({ total: 5, limit: 50, skip: 0, data: ids })
    expect(await page('&$limit=2')).toEqual({ total: 5, limit: 2, skip: 0, data: ids.slice(0, 2) })
    expect(await page('&$limit=2&$skip=2')).toEqual({ total: 5, limit: 2, skip: 2, data: ids.slice(2, 4) })
    expect(await page('&$limit=2&$skip=4')).toEqual({ total: 5, limit: 2, skip: 4, data: ids.slice(4) })
    expect(await page('&$skip=5')).toMatchObject({ data: [] })
    // However far back.
    expect(await page('&$skip=1000000')).toMatchObject({ total: 5, skip: 1_000_000, data: [] })
    expect(await page('&$limit=0')).toMatchObject({ total: 5, data: [] })
    const quin = await server.app.auth.authenticate(server.token('quin'))
    await server.app.core.execute(quin, 'message.hide', { messageId: ids[1] ?? '' })
    expect(await page('&$limit=2')).toMatchObject({ data: ids.slice(0, 1) })
    expect(await page('&$limit=2&$skip=2')).toMatchObject({ data: ids.slice(2, 4) })
  })

  test('know how far they came, and when', async () => {
    const chat = await opened('rio', 'sam')
    const first = await sent('rio', chat, 'First')
    const second = await sent('rio', chat, 'Second')
    const time = expect.stringMatching(/Z$/)
    const status = async (id: string) => (await call(`GET /messages/${id}`, as('rio'))).body
    await call(`PATCH /messages/${first}`, as('sam', { markAsRead: true }))
    expect(await status(first)).toMatchObject({
      recipientId: 'sam',
      status: { delivered: true, deliveredAt: time, read: true, readAt: time },
    })
    expect(await status(second)).toMatchObject({
      status: { delivered: false, deliveredAt: null, read: false, readAt: null },
    })
    const { body } = await call(`PATCH /messages/${second}`, as('sam', { markAsDelivered: true }))
    expect(body).toMatchObject({ status: { delivered: true, deliveredAt: time, read: false, readAt: null } })
  })

  test('are changed and deleted by their sender alone', async () => {
    const chat = await opened('tom', 'uma')
    const id = await sent('tom', chat, 'Mine')
    const yours = (doing: string) =>
      refusal(403, 'Forbidden', 'forbidden', `Unauthorized: You can only ${doing} your own messages`)
    expect(await call(`PATCH /messages/${id}`, as('uma', { content: 'Hers' }))).toEqual(yours('edit'))
    expect(await call(`DELETE /messages/${id}`, as('uma'))).toEqual(yours('delete'))
    const admin = { token: server.token('uma', { role: 'Admin' }) }
    expect(await call(`DELETE /messages/${id}`, admin)).toEqual(yours('delete'))
    expect((await call(`DELETE /messages/${id}`, as('tom'))).status).toBe(200)
    expect(await call(`DELETE /messages/${id}`, as('tom'))).toEqual(
      refusal(409, 'Conflict', 'conflict', 'Message already deleted'),
    )
  })
})

describe('errors', () => {
  test('of who is blocked do not say that their own message is not theirs', async () => {
    const place = `/messages/${await sent('abe', await opened('abe', 'bea'), 'hello')}`
    const bea = await server.app.auth.authenticate(server.token('bea'))
    await server.app.core.execute(bea, 'user.block', { userId: 'abe' })
    expect(await call(`PATCH ${place}`, as('abe', { content: 'x' }))).toEqual(
      refusal(403, 'Forbidden', 'forbidden', 'One of you has blocked the other'),
    )
  })

  const none = '0123456789abcdef01234567'
  test('of who has no token, or a bad one', async () => {
    for (const place of ['GET /conversations', 'POST /messages', `GET /messages/${none}`])
      expect(await call(place, {})).toEqual(
        refusal(401, 'NotAuthenticated', 'not-authenticated', 'Authentication token required'),
      )
    expect(await call('GET /conversations', { token: 'a.bad.token' })).toEqual(
      refusal(401, 'NotAuthenticated', 'not-authenticated', 'Invalid authentication token'),
    )
  })

  test('of a request that lacks something', async () => {
    const bad = (field: string) =>
      refusal(400, 'BadRequest', 'bad-request', expect.any(String), { [field]: expect.any(String) })
    expect(await call('GET /messages', as('vic'))).toEqual(bad('conversationId'))
    expect(await call('POST /conversations', as('vic', {}))).toEqual(bad('recipientId'))
    expect(await call('POST /messages', as('vic', { conversationId: none }))).toEqual(bad('content'))
    const long = { conversationId: none, content: 'x'.repeat(10_001) }
    expect(await call('POST /messages', as('vic', long))).toEqual(bad('content'))
    expect(await call(`PATCH /conversations/${none}`, as('vic', { markAsRead: false }))).toEqual(bad('markAsRead'))
    expect(await call('GET /conversations?$limit=many', as('vic'))).toEqual(bad('$limit'))
  })

  test('of what is not there, or is for others', async () => {
    const chat = await opened('wim', 'xia')
    const id = await sent('wim', chat, 'Between us')
    const missing = (what: string) => refusal(404, 'NotFound', 'not-found', `${what} not found`)
    expect(await call(`GET /conversations/${none}`, as('yan'))).toEqual(missing('Conversation'))
    expect(await call(`GET /messages/${none}`, as('yan'))).toEqual(missing('Message'))
    expect(await call(`GET /messages/${id}`, as('yan'))).toEqual(missing('Message'))
    expect(await call(`PATCH /messages/${id}`, as('yan', { markAsRead: true }))).toEqual(missing('Message'))
    for (const place of [`GET /conversations/${chat}`, `DELETE /conversations/${chat}`])
      expect(await call(place, as('yan'))).toEqual(
        refusal(403, 'Forbidden', 'forbidden', 'Not a member of this conversation'),
      )
    const stranger = as('yan', { conversationId: chat, content: 'Me too' })
    expect((await call('POST /messages', stranger)).status).toBe(403)
  })
})

test('LMS_REST_PREFIX moves it all; who asks too much is told so', async () => {
  // Enough for one list.
  const moved = await startRest(['lms'], { LMS_REST_PREFIX: '/school/', COMMAND_LIMIT: '5' })
  const lists = async (place: string) => {
    const { status, body } = await ask(moved.url, place, { token: moved.token('ann') })
    return { status, body }
  }
  try {
    expect((await lists('GET /conversations')).status).toBe(404)
    expect((await lists('GET /school/conversations')).status).toBe(200)
    expect(await lists('GET /school/conversations')).toEqual(
      refusal(429, 'TooManyRequests', 'too-many-requests', 'Rate limit exceeded'),
    )
  } finally {
    await moved.close()
  }
})
