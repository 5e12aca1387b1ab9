/** The typed wire as an unchanged stock client sees it (wsLink, superjson), and the frames themselves. */
import superjson from 'superjson'
import { afterEach, beforeAll, expect, test, vi } from 'vitest'
import type { Event } from '../shared/index.ts'
import { Inbox } from './inbox.ts'
import { openMemory } from './store/databases.ts'
import { type Backend, startBackend, startEntrance } from './trpc.entrance.ts'

type Page = { id: string; data: readonly Event[] }

let server: Backend & Awaited<ReturnType<typeof startEntrance>>
beforeAll(async () => {
  const backend = await startBackend({ store: await openMemory() })
  server = { ...backend, ...(await startEntrance(backend)) }
  return async () => {
    await server[Symbol.asyncDispose]()
    await backend[Symbol.asyncDispose]()
  }
})
afterEach(() => server.hangUp())

/** A conversation of two who are new: no test sees another's events. */
async function room() {
  const [owner, bob] = [`ann-${server.newId()}`, `bob-${server.newId()}`]
  await server.actor(bob)
  const actor = await server.actor(owner)
  const { conversation } = await server.core.execute(actor, 'conversation.create', { kind: 'group', memberIds: [bob] })
  const conversationId = conversation.id
  const send = (content: string) => server.core.execute(actor, 'message.send', { conversationId, content })
  return { actor, owner, bob, conversationId, send }
}

/** Pages as they come, and the texts of the messages in them. */
function reading() {
  const pages = new Inbox<Page>()
  const said = () =>
    pages.items.flatMap((page) =>
      page.data.flatMap((event) => (event.name === 'message.created' ? [event.payload.message.content] : [])),
    )
  const until = (count: number) => pages.until(() => (said().length >= count ? said() : undefined), `${count} messages`)
  return { pages, said, until, ready: () => pages.count(1, 'the ready page') }
}

test('commands round-trip with Dates, refusals are rows of the table', async () => {
  const { conversationId, bob } = await room()
  const { api } = server.stock(bob)
  const sent = await api.message.send.mutate({ conversationId, content: 'hi' })
  expect(sent).toMatchObject({ seq: 1, senderId: bob, createdAt: expect.any(Date) })
  expect((await api.message.history.query({ conversationId })).messages).toEqual([sent])

  const stranger = server.stock('eve').api
  const refused = (code: string, message?: unknown) =>
    expect.objectContaining({
      ...(message ? { message } : {}),
      data: expect.objectContaining({ app: { code, retry: false, data: null } }),
    })
  await expect(stranger.message.history.query({ conversationId })).rejects.toEqual(refused('FORBIDDEN'))
  await expect(api.message.get.query({ messageId: 'none' })).rejects.toEqual(refused('NOT_FOUND'))
  const wrong = api.message.send.mutate({ conversationId, content: '' })
  await expect(wrong).rejects.toEqual(refused('INVALID_INPUT', expect.stringContaining('content')))
})

test('a subscription is ready with a cursor, then live, in order, with Dates', async () => {
  const { conversationId, send, bob } = await room()
  const { api } = server.stock(bob)
  const [all, one] = [reading(), reading()]
  api.sync.events.subscribe(undefined, { onData: all.pages.push })
  api.message.onEvent.subscribe({ conversationId }, { onData: one.pages.push })
  const [first] = await all.ready()
  await one.ready()
  expect(first).toEqual({ id: server.hub.cursor, data: [] })

  const texts = Array.from({ length: 40 }, (_, index) => `m${index}`)
  await Promise.all(texts.map(send))
  expect(await all.until(40)).toEqual(texts)
  expect(await one.until(40)).toEqual(texts)
  const last = all.pages.items.at(-1)
  expect(last).toMatchObject({ id: server.hub.cursor, data: [{ at: expect.any(Date), origin: expect.any(String) }] })
})

test('what was missed comes in one page, then live goes on from it', async () => {
  const { send, bob } = await room()
  const cursor = server.hub.cursor
  for (let index = 0; index < 30; index++) await send(`m${index}`)
  const reader = reading()
  server.stock(bob).api.sync.events.subscribe({ lastEventId: cursor }, { onData: reader.pages.push })
  await reader.until(30)
  // Each with its notification: bob was away.
  expect(reader.pages.items.map((page) => page.data.length)).toEqual([0, 60])
  await send('live')
  expect((await reader.until(31)).at(-1)).toBe('live')
})

test('a stock client that is cut again and again gets every event once, in order', async () => {
  const { send, bob } = await room()
  const { api, sockets } = server.stock(bob)
  const reader = reading()
  api.sync.events.subscribe(undefined, { onData: reader.pages.push })
  await reader.ready()
  const texts = Array.from({ length: 300 }, (_, index) => `m${index}`)
  let pagesThen = 0
  for (const [index, text] of texts.entries()) {
    await send(text)
    if (index % 25 === 24) {
      // Every cut is the cut of a stream that lives.
      await reader.pages.count(pagesThen + 1, 'a page since the last cut')
      pagesThen = reader.pages.items.length
      sockets.at(-1)?.terminate()
    }
  }
  expect(await reader.until(300)).toEqual(texts)
  expect(sockets.length).toBeGreaterThan(5)
})

test('a reconnect that the server asks for neither loses nor doubles', async () => {
  const { send, bob } = await room()
  const { api, sockets } = server.stock(bob)
  const reader = reading()
  api.sync.events.subscribe(undefined, { onData: reader.pages.push })
  await reader.ready()
  await send('before')
  await reader.until(1)
  // What a draining server sends; this one stays, so the client hands its streams over to a second socket.
  const [socket] = sockets
  socket?.emit('message', Buffer.from('{"id":null,"method":"reconnect"}'), false)
  const texts = ['before', ...Array.from({ length: 50 }, (_, index) => `m${index}`)]
  for (const text of texts.slice(1)) await send(text)
  expect(await reader.until(51)).toEqual(texts)
  expect(sockets).toHaveLength(2)
})

test('who is removed gets that event last, and the stream completes', async () => {
  const { conversationId, actor, send, bob } = await room()
  const { api } = server.stock(bob)
  const reader = reading()
  const completed = new Promise<void>((resolve) => {
    api.message.onEvent.subscribe({ conversationId }, { onData: reader.pages.push, onComplete: resolve })
  })
  await reader.ready()
  await send('one')
  await server.core.execute(actor, 'conversation.removeMember', { conversationId, userId: bob })
  await send('two')
  await completed
  expect(reader.said()).toEqual(['one'])
  expect(reader.pages.items.at(-1)?.data[0]?.name).toBe('member.removed')
})

test('refusals of a subscription are typed: FORBIDDEN, RESET, INVALID_INPUT', async () => {
  const { conversationId } = await room()
  const { api } = server.stock('eve')
  const refusal = (subscribe: (on: { onError: (error: unknown) => void; onData: () => void }) => void) =>
    new Promise<unknown>((resolve) => subscribe({ onError: resolve, onData: () => resolve('data') }))
  const of = (code: string) =>
    expect.objectContaining({ data: expect.objectContaining({ app: expect.objectContaining({ code }) }) })
  expect(await refusal((on) => api.message.onEvent.subscribe({ conversationId }, on))).toEqual(of('FORBIDDEN'))
  expect(await refusal((on) => api.sync.events.subscribe({ lastEventId: 'elsewhere.5' }, on))).toEqual(of('RESET'))
  const beyond = server.hub.cursor.replace(/\d+$/, '999999')
  expect(await refusal((on) => api.sync.events.subscribe({ lastEventId: beyond }, on))).toEqual(of('RESET'))
  expect(await refusal((on) => api.sync.events.subscribe({ lastEventId: 'x' }, on))).toEqual(of('INVALID_INPUT'))
})

test('typing.onChange carries typing and nothing else, under the cursor', async () => {
  const { conversationId, actor, owner, send, bob } = await room()
  const { api } = server.stock(bob)
  const reader = reading()
  api.typing.onChange.subscribe({ conversationId }, { onData: reader.pages.push })
  await reader.ready()
  await send('noise')
  await server.core.execute(actor, 'typing.set', { conversationId, typing: true })
  const page = await reader.pages.next((one) => one.data.length > 0, 'typing')
  expect(page).toMatchObject({
    id: server.hub.cursor,
    data: [{ name: 'typing.changed', payload: { userId: owner, typing: true } }],
  })
})

test('the frame of a lane is, but for its bytes being shared, the frame tRPC would have sent', async () => {
  const { conversationId, send, bob } = await room()
  const cursor = server.hub.cursor
  const { call, frames } = await server.raw(bob)
  const about = (id: number | string, size: number) =>
    frames.until((items) => {
      const found = items.filter((frame) => frame.id === id && frame.result?.type === 'data')
      return found.length >= size ? found : undefined
    }, `${size} data frames of ${id}`)
  call(7, 'subscription', 'message.onEvent', { conversationId })
  call('seven', 'subscription', 'message.onEvent', { conversationId })
  await Promise.all([about(7, 1), about('seven', 1)])
  await send('hi')
  const [live, named] = [(await about(7, 2))[1], (await about('seven', 2))[1]]
  expect(named).toEqual({ ...live, id: 'seven' })

  // Replayed, the same event goes through tRPC's own path.
  call(8, 'subscription', 'message.onEvent', { conversationId, lastEventId: cursor })
  const replayed = (await about(8, 2))[1]
  expect(live).toEqual({ ...replayed, id: 7 })
  expect(superjson.deserialize(live?.result?.data as never)).toMatchObject({
    id: server.hub.cursor,
    data: [{ at: expect.any(Date) }],
  })
})

test('a stopped subscription is silent, and its id can be used again', async () => {
  const { conversationId, send, bob } = await room()
  const { call, frames, socket } = await server.raw(bob)
  const next = (type: string) => frames.next((frame) => frame.id === 1 && frame.result?.type === type, type)
  for (const text of ['first', 'second']) {
    call(1, 'subscription', 'message.onEvent', { conversationId })
    await next('started')
    await next('data')
    await send(text)
    expect(JSON.stringify(await next('data'))).toContain(text)
    socket.send(JSON.stringify({ id: 1, method: 'subscription.stop' }))
    await next('stopped')
    await send('unheard')
  }
  call(2, 'query', 'user.me')
  await frames.next((frame) => frame.id === 2, 'the answer behind everything else')
  expect(JSON.stringify(frames.items)).not.toContain('unheard')
  expect(server.hub.subscribers()).toEqual([])
})

test('who joins while messages flow gets all of them, replayed or live, once and in order', async () => {
  const { conversationId, send, bob } = await room()
  const cursor = server.hub.cursor
  const texts = Array.from({ length: 200 }, (_, index) => `m${index}`)
  const readers = Array.from({ length: 8 }, reading)
  const flow = Promise.all(texts.map(send))
  for (const { pages, until } of readers) {
    const { api } = server.stock(bob)
    api.message.onEvent.subscribe({ conversationId, lastEventId: cursor }, { onData: pages.push })
    await until(1)
  }
  await flow
  for (const { until } of readers) expect(await until(200)).toEqual(texts)
})

test('an event is serialised once, however many read it', async () => {
  const { conversationId, send, bob } = await room()
  const readers = Array.from({ length: 20 }, reading)
  for (const { pages, ready } of readers) {
    server.stock(bob).api.message.onEvent.subscribe({ conversationId }, { onData: pages.push })
    await ready()
  }
  const serialize = vi.spyOn(superjson, 'serialize')
  await send('hi')
  for (const { until } of readers) expect(await until(1)).toEqual(['hi'])
  expect(serialize.mock.calls.filter(([value]) => JSON.stringify(value).includes('"hi"'))).toHaveLength(1)
  serialize.mockRestore()
})
