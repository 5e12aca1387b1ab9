/** Chats and messages over HTTP, as `marketplace` has them: who starts one, pages, refusals, what administrators see. */
import { io } from 'socket.io-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type Asking, ask } from './ask.ts'
import { type RestServer, startRest } from './server.ts'

let server: RestServer
beforeAll(async () => {
  server = await startRest(['marketplace'])
})
afterAll(() => server?.close())

const as = (userId: string, body?: unknown, role = 'client'): Asking => ({
  token: server.token(userId, { role, fullName: userId.toUpperCase() }),
  ...(body !== undefined && { body }),
})
const call = async (place: string, asking: Asking) => {
  const { status, body } = await ask(server.url, place, asking)
  return { status, body }
}
const done = (data: unknown, status = 200) => ({ status, body: { success: true, data, message: expect.any(String) } })
const refused = (status: number, error: string, message: unknown = expect.any(String)) => ({
  status,
  body: { success: false, message, error },
})
const One = z.looseObject({ data: z.looseObject({ _id: z.string() }) })
const craftsman = (id: string) => server.actor(id, { role: 'craftsman', fullName: id.toUpperCase() })
async function chatOf(client: string, craftsmanId: string, more: object = {}): Promise<string> {
  await craftsman(craftsmanId)
  return One.parse((await call('POST /api/messages/chats', as(client, { craftsmanId, ...more }))).body).data._id
}
const said = async (chat: string, userId: string, content: string) =>
  One.parse((await call(`POST /api/messages/chats/${chat}/messages`, as(userId, { content }))).body).data._id

describe('a chat', () => {
  test('is started by a client with a craftsman, about a job, with a first message', async () => {
    await craftsman('bob')
    const { status, body } = await call(
      'POST /api/messages/chats',
      as('ann', { craftsmanId: 'bob', jobId: 'job-1', message: 'Can you paint?' }),
    )
    const chat = {
      _id: expect.stringMatching(/^[0-9a-f]{24}$/),
      participants: [
        { _id: 'ann', fullName: 'ANN', role: 'client' },
        { _id: 'bob', fullName: 'BOB', role: 'craftsman' },
      ],
      jobId: { _id: 'job-1', title: '' },
      ...{ lastMessage: 'Can you paint?', lastMessageAt: expect.any(String), lastMessageSenderId: 'ann' },
      ...{ unreadCount: { ann: 0, bob: 1 }, isActive: true },
    }
    expect({ status, body }).toEqual(done(chat, 201))
    const { _id } = One.parse(body).data
    expect(await call(`GET /api/messages/chats/${_id}`, as('bob', undefined, 'craftsman'))).toEqual(done(chat))
  })

  test('is one for the two: started again, it is the same, and the message is sent', async () => {
    const chat = await chatOf('cat', 'dan')
    expect(await chatOf('cat', 'dan', { jobId: 'another', message: 'Hello again' })).toBe(chat)
    expect(await call(`GET /api/messages/chats/${chat}`, as('cat'))).toMatchObject({
      body: { data: { lastMessage: 'Hello again', unreadCount: { cat: 0, dan: 1 } } },
    })
    expect(await chatOf('cat', 'dan', { jobId: null, message: '' })).toBe(chat)
  })

  test.each(['craftsman', 'admin', 'user'])('is not started by a %s', async (role) => {
    await craftsman('eva')
    expect(await call('POST /api/messages/chats', as(`not-${role}`, { craftsmanId: 'eva' }, role))).toEqual(
      refused(403, 'UNAUTHORIZED', 'Only clients may start a chat'),
    )
  })

  test('is not started with somebody who is no craftsman, or who is not there', async () => {
    await server.actor('fay')
    for (const craftsmanId of ['fay', 'nobody'])
      expect(await call('POST /api/messages/chats', as('gus', { craftsmanId }))).toEqual(
        refused(404, 'NOT_FOUND', 'Craftsman not found'),
      )
    expect((await call('GET /api/messages/chats', as('gus'))).body).toMatchObject({ data: { totalCount: 0 } })
  })

  test('is for its two alone', async () => {
    const chat = await chatOf('hal', 'ida')
    for (const [place, body] of [
      [`GET /api/messages/chats/${chat}`],
      [`GET /api/messages/chats/${chat}/messages`],
      [`POST /api/messages/chats/${chat}/messages`, { content: 'Let me in' }],
      [`PATCH /api/messages/chats/${chat}/read`],
    ] as const) {
      expect([place, await call(place, as('eve', body))]).toEqual([place, refused(403, 'UNAUTHORIZED')])
      const missing = place.replace(chat, 'none')
      expect([missing, await call(missing, as('eve', body))]).toEqual([
        missing,
        refused(404, 'NOT_FOUND', 'Chat not found'),
      ])
    }
  })
})

test('chats come by activity, in pages of 20, at most 100', async () => {
  const chats: string[] = []
  for (const other of ['p1', 'p2', 'p3']) chats.unshift(await chatOf('pia', other))
  const page = async (query: string) => {
    const { body } = await call(`GET /api/messages/chats${query}`, as('pia'))
    const { data } = z
      .object({ data: z.looseObject({ chats: z.array(z.looseObject({ _id: z.string() })) }) })
      .parse(body)
    return { ...data, chats: data.chats.map(({ _id }) => _id) }
  }
  expect(await page('')).toEqual({ chats, totalCount: 3, totalPages: 1, currentPage: 1 })
  expect(await page('?page=1&limit=2')).toEqual({
    chats: chats.slice(0, 2),
    totalCount: 3,
    totalPages: 2,
    currentPage: 1,
  })
  expect(await page('?page=2&limit=2')).toEqual({ chats: chats.slice(2), totalCount: 3, totalPages: 2, currentPage: 2 })
  expect(await page('?page=3&limit=2')).toMatchObject({ chats: [], currentPage: 3 })
  expect(await page('?limit=1000')).toMatchObject({ chats, totalPages: 1 })
  for (const query of ['page=0', 'page=x', 'limit=0', 'page=10000&limit=100'])
    expect([query, (await call(`GET /api/messages/chats?${query}`, as('pia'))).status]).toEqual([query, 400])
})

describe('messages', () => {
  test('come in pages from the newest, the oldest first inside', async () => {
    const chat = await chatOf('kim', 'leo')
    for (const text of ['1', '2', '3', '4', '5']) await said(chat, text < '4' ? 'kim' : 'leo', text)
    const page = async (query: string) => {
      const { body } = await call(`GET /api/messages/chats/${chat}/messages${query}`, as('leo', undefined, 'craftsman'))
      const Data = z.looseObject({ messages: z.array(z.looseObject({ content: z.string() })) })
      const { data } = z.object({ data: Data }).parse(body)
      return { ...data, messages: data.messages.map(({ content }) => content).join('') }
    }
    expect(await page('')).toEqual({ messages: '12345', totalCount: 5, totalPages: 1, currentPage: 1 })
    expect(await page('?limit=2')).toEqual({ messages: '45', totalCount: 5, totalPages: 3, currentPage: 1 })
    expect(await page('?limit=2&page=2')).toMatchObject({ messages: '23', currentPage: 2 })
    expect(await page('?limit=2&page=3')).toMatchObject({ messages: '1' })
    expect(await page('?limit=2&page=4')).toMatchObject({ messages: '' })
  })

  test('are read once, which their sender sees', async () => {
    const chat = await chatOf('mia', 'ned')
    await said(chat, 'mia', 'Hello')
    const read = async () =>
      (await call(`PATCH /api/messages/chats/${chat}/read`, as('ned', undefined, 'craftsman'))).body
    const seen = async () => (await call(`GET /api/messages/chats/${chat}/messages`, as('mia'))).body
    expect(await seen()).toMatchObject({ data: { messages: [{ content: 'Hello', isRead: false }] } })
    expect(await read()).toMatchObject({ success: true, data: { updatedCount: 1 } })
    expect(await read()).toMatchObject({ success: true, data: { updatedCount: 0 } })
    expect(await seen()).toMatchObject({ data: { messages: [{ content: 'Hello', isRead: true }] } })
  })

  test('are sent as text or image, and nothing else', async () => {
    const chat = await chatOf('ona', 'pat')
    const place = `POST /api/messages/chats/${chat}/messages`
    expect(await call(place, as('ona', { content: 'https://cdn.example/x.png', messageType: 'image' }))).toEqual(
      done(
        {
          ...{ _id: expect.any(String), chatId: chat, senderId: { _id: 'ona', fullName: 'ONA', role: 'client' } },
          ...{ messageType: 'image', content: 'https://cdn.example/x.png', timestamp: expect.any(String) },
          ...{ isRead: false, isEdited: false, isDeleted: false },
        },
        201,
      ),
    )
    expect((await call(place, as('ona', { content: 'x'.repeat(2_000) }))).status).toBe(201)
    for (const body of [
      {},
      { content: '' },
      { content: 'x'.repeat(2_001) },
      { content: 'x', messageType: 'video' },
      [],
    ])
      expect(await call(place, as('ona', body))).toEqual(refused(400, 'INVALID_INPUT'))
    const long = { craftsmanId: 'pat', message: 'x'.repeat(2_001) }
    expect(await call('POST /api/messages/chats', as('ona', long))).toEqual(refused(400, 'INVALID_INPUT'))
  })

  test('are taken back by their sender, or by a moderator', async () => {
    const chat = await chatOf('quin', 'rob')
    const [first, second] = [await said(chat, 'quin', 'Oops'), await said(chat, 'quin', 'Rude')]
    const gone = (id: string) => `DELETE /api/messages/messages/${id}`
    expect(await call(gone(first), as('rob', undefined, 'craftsman'))).toEqual(refused(403, 'UNAUTHORIZED'))
    expect(await call(gone(first), as('eve'))).toEqual(refused(404, 'NOT_FOUND', 'Message not found'))
    expect(await call(gone(first), as('quin'))).toMatchObject({
      status: 200,
      body: { success: true, data: { _id: first, content: '', isDeleted: true, senderId: { _id: 'quin' } } },
    })
    expect(await call(gone(first), as('quin'))).toEqual(refused(409, 'CONFLICT', 'Message already deleted'))
    expect((await call(gone(second), as('mod', undefined, 'moderator'))).status).toBe(200)
  })

  test('are limited to 30 a minute, whatever way they are sent', async () => {
    const chat = await chatOf('sam', 'tim', { message: '1' })
    for (let count = 2; count <= 29; count += 1) await said(chat, 'sam', String(count))
    expect(await chatOf('sam', 'tim', { message: '30' })).toBe(chat)
    const over = refused(429, 'RATE_LIMIT', 'Rate limit exceeded')
    const place = `POST /api/messages/chats/${chat}/messages`
    const { status, body, headers } = await ask(server.url, place, as('sam', { content: '31' }))
    expect({ status, body }).toEqual(over)
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await call('POST /api/messages/chats', as('sam', { craftsmanId: 'tim', message: '31' }))).toEqual(over)
    expect((await call('POST /api/messages/chats', as('sam', { craftsmanId: 'tim' }))).status).toBe(201)
    expect((await call(`GET /api/messages/chats/${chat}`, as('sam'))).body).toMatchObject({
      data: { lastMessage: '30' },
    })
    const socket = io(server.url, { auth: { token: as('sam').token }, transports: ['websocket'] })
    try {
      const told = new Promise((resolve) => socket.once('error', resolve))
      socket.emit('send-message', { chatId: chat, content: '31' })
      expect(await told).toEqual({ message: 'Rate limit exceeded', code: 'RATE_LIMIT' })
    } finally {
      socket.close()
    }
    expect((await call(place, as('tim', { content: 'I am not limited' }, 'craftsman'))).status).toBe(201)
  })
})

describe('administrators', () => {
  const root = () => as('root', undefined, 'Admin')

  test('read all chats, the newest first, and what is written there', async () => {
    const first = await chatOf('uma', 'vic')
    const second = await chatOf('uma', 'wim')
    for (const text of ['1', '2', '3']) await said(first, 'uma', text)
    expect((await call('GET /api/messages/admin/chats?limit=2', root())).body).toMatchObject({
      success: true,
      data: { chats: [{ _id: second }, { _id: first, unreadCount: { uma: 0, vic: 3 } }], currentPage: 1 },
    })
    const { body } = await call('GET /api/messages/admin/chats?limit=1&page=2', root())
    const { data } = z.object({ data: z.looseObject({ totalCount: z.number(), totalPages: z.number() }) }).parse(body)
    expect(data).toMatchObject({ chats: [{ _id: first }], currentPage: 2 })
    expect(data.totalPages).toBe(data.totalCount)
    expect(await call(`GET /api/messages/admin/chats/${first}/messages?limit=2`, root())).toEqual(
      done({
        messages: [expect.objectContaining({ content: '2' }), expect.objectContaining({ content: '3' })],
        ...{ totalCount: 3, totalPages: 2, currentPage: 1 },
      }),
    )
    expect((await call(`GET /api/messages/admin/chats/${first}/messages?limit=2&page=2`, root())).body).toMatchObject({
      data: { messages: [{ content: '1', senderId: { _id: 'uma' } }] },
    })
    expect(await call('GET /api/messages/admin/chats/none/messages', root())).toEqual(
      refused(404, 'NOT_FOUND', 'Chat not found'),
    )
  })

  test('are administrators', async () => {
    const chat = await chatOf('xia', 'yan')
    for (const place of ['chats', `chats/${chat}/messages`, 'socket-debug'])
      for (const [asking, status, error] of [
        [as('xia'), 403, 'UNAUTHORIZED'],
        [{}, 401, 'UNAUTHENTICATED'],
        [{ token: 'a.bad.token' }, 401, 'UNAUTHENTICATED'],
      ] as const)
        expect([place, await call(`GET /api/messages/admin/${place}`, asking)]).toEqual([place, refused(status, error)])
  })
})
