/** The offline queue through the SDK: what waits for whom, and that no message is given twice or never. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createClient } from '../../client/index.ts'
import type { Event } from '../../shared/events.ts'
import type { Message } from '../../shared/model.ts'
import { startServer, type TestServer } from '../harness.ts'
import { Inbox } from '../inbox.ts'
import { withSql } from '../postgres.ts'
import { nativeDatabase, withoutNative } from '../store/databases.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer({ env: { COMMAND_LIMIT: '1000000' } })
})
afterAll(() => server?.close())

const device = (userId: string, claims?: object, on = server) =>
  createClient({ url: on.url, token: on.token(userId, claims) })
const texts = ({ messages }: { messages: readonly Message[] }) => messages.map(({ content }) => content)

let places = 0
/** Three people whom no other test knows. */
async function people(on = server) {
  places++
  const names = { ann: `ann${places}`, bob: `bob${places}`, cid: `cid${places}` }
  for (const name of Object.values(names)) await on.actor(name)
  return names
}

test('what others wrote waits, oldest first over all conversations, and is given once', async () => {
  const { ann, bob, cid } = await people()
  await using a = device(ann)
  await using b = device(bob)
  await using c = device(cid)
  const receipts = new Inbox<Event<'receipt.delivered'>>()
  a.on('receipt.delivered', receipts.push)
  await a.ready()
  expect(await b.api.queue.size.query()).toEqual({ size: 0 })
  expect(await b.api.queue.dequeue.mutate({})).toMatchObject({ messages: [], hasMore: false })
  const { conversationId } = await a.api.message.send.mutate({ to: bob, content: 'a1' })
  await c.api.message.send.mutate({ to: bob, content: 'c1' })
  await a.api.message.send.mutate({ to: bob, content: 'a2' })
  await b.api.message.send.mutate({ to: ann, content: 'b1' })
  await a.api.message.send.mutate({ to: bob, content: 'a3' })
  expect(await b.api.queue.size.query()).toEqual({ size: 4 })
  const peeked = await b.api.queue.peek.query({})
  expect(texts(peeked)).toEqual(['a1', 'c1', 'a2', 'a3'])
  const { next, ...page } = peeked
  expect(next).toBeNull()
  expect(await b.api.queue.dequeue.mutate({})).toEqual(page)
  expect((await receipts.count(1, 'the receipt'))[0]).toMatchObject({
    actorId: bob,
    payload: { conversationId, userId: bob, fromSeq: 0, seq: 4 },
  })
  expect(await b.api.queue.size.query()).toEqual({ size: 0 })
  expect(texts(await b.api.queue.dequeue.mutate({}))).toEqual([])
  // It is delivered, not read.
  const { conversations } = await b.api.conversation.list.query({})
  expect(conversations.map(({ unread }) => unread).sort()).toEqual([1, 3])
  // What is marked delivered or read otherwise does not wait either; the sender's own answer waits for them.
  const last = await a.api.message.send.mutate({ to: bob, content: 'a4' })
  await b.api.message.markRead.mutate({ messageId: last.id })
  expect(texts(await b.api.queue.peek.query({}))).toEqual([])
  expect(texts(await a.api.queue.peek.query({}))).toEqual(['b1'])
})

test('a page that the limit cuts leaves the rest for the next', async () => {
  const { ann, bob, cid } = await people()
  await using a = device(ann)
  await using b = device(bob)
  await using c = device(cid)
  const sent: string[] = []
  for (let n = 0; n < 9; n++) {
    const from = n % 3 === 2 ? c : a
    sent.push((await from.api.message.send.mutate({ to: bob, content: `text ${n}` })).content)
  }
  const given: string[][] = []
  for (let more = true; more; ) {
    const page = await b.api.queue.dequeue.mutate({ limit: 2 })
    given.push(texts(page))
    more = page.hasMore
    const { size } = await b.api.queue.size.query()
    expect(size).toBe(9 - given.flat().length)
  }
  expect(given.map(({ length }) => length)).toEqual([2, 2, 2, 2, 1])
  expect(given.flat()).toEqual(sent)
})

test('the queue is read page by page without being moved: what waited at the first page, and the stream has the rest', async () => {
  const { ann, bob, cid } = await people()
  await using a = device(ann)
  await using b = device(bob)
  await using c = device(cid)
  const sent: string[] = []
  for (let n = 0; n < 11; n++) {
    const from = n % 3 === 2 ? c : a
    sent.push((await from.api.message.send.mutate({ to: bob, content: `text ${n}` })).content)
  }
  for (const limit of [1, 2, 3, 11, 12]) {
    const pages: string[][] = []
    for (let after: string | undefined; ; ) {
      const page = await b.api.queue.peek.query({ limit, ...(after !== undefined && { after }) })
      pages.push(texts(page))
      expect(page.hasMore).toBe(page.next !== null)
      if (page.next === null) break
      after = page.next
    }
    expect(pages.flat()).toEqual(sent)
    expect(pages.map(({ length }) => length).slice(0, -1)).toEqual(pages.slice(1).map(() => limit))
  }

  const first = await b.api.queue.peek.query({ limit: 4 })
  await using d = device(`dan${places}`)
  const late = await Promise.all([a, c, d].map(({ api }) => api.message.send.mutate({ to: bob, content: 'late' })))
  const rest = await b.api.queue.peek.query({ after: first.next ?? '' })
  expect(texts(rest)).toEqual(sent.slice(4))
  expect(rest).toMatchObject({ cursor: first.cursor, next: null })
  await using stream = createClient({ url: server.url, token: server.token(bob), cursor: first.cursor })
  const heard = new Inbox<Message>(({ content }) => content)
  stream.on('message.created', (event) => heard.push(event.payload.message))
  const streamed = await heard.count(3, 'what was written after the first page')
  expect(streamed.map(({ id }) => id).sort()).toEqual(late.map(({ id }) => id).sort())
  expect(await b.api.queue.size.query()).toEqual({ size: 14 })

  const actor = await server.actor(bob)
  for (const after of ['', 'x', '1.2.3', `1.${Date.now()}.1.`, '1.9999999999999999.1.c', '99999999999999999.1.1.c'])
    await expect(server.app.core.execute(actor, 'queue.peek', { after })).rejects.toMatchObject({
      code: 'INVALID_INPUT',
    })
})

test('nothing waits of what the user may not see, has deleted for themselves, or nobody can read any more', async () => {
  const { ann, bob, cid } = await people()
  await using a = device(ann)
  await using b = device(bob)
  const create = async (historyVisible: boolean) => {
    const { conversation } = await a.api.conversation.create.mutate({ kind: 'group', memberIds: [cid], historyVisible })
    return conversation.id
  }
  for (const historyVisible of [true, false]) {
    const conversationId = await create(historyVisible)
    const say = (content: string) => a.api.message.send.mutate({ conversationId, content })
    await say('before')
    await a.api.conversation.addMembers.mutate({ conversationId, memberIds: [bob] })
    const [, deleted, hidden] = [await say('one'), await say('deleted'), await say('hidden'), await say('two')]
    await a.api.message.delete.mutate({ messageId: deleted?.id ?? '' })
    await b.api.message.hide.mutate({ messageId: hidden?.id ?? '' })
    expect(texts(await b.api.queue.peek.query({}))).toEqual(['one', 'two'])
    expect(await b.api.queue.size.query()).toEqual({ size: 2 })
    if (historyVisible) expect(texts(await b.api.queue.dequeue.mutate({}))).toEqual(['one', 'two'])
    else await a.api.conversation.removeMember.mutate({ conversationId, userId: bob })
    expect(texts(await b.api.queue.peek.query({}))).toEqual([])
    expect(await b.api.queue.size.query()).toEqual({ size: 0 })
  }
})

test('a server enqueues: a message of its own in the direct conversation, once for a clientId', async () => {
  const { bob } = await people()
  await using backend = device(`shop${places}`, { role: 'admin' })
  await using b = device(bob)
  const order = { userId: bob, content: 'it is on its way', type: 'notification', clientId: 'order 7' } as const
  const message = await backend.api.queue.enqueue.mutate({ ...order, data: { order: 7 } })
  expect(message).toMatchObject({ senderId: `shop${places}`, type: 'notification', metadata: { order: 7 }, seq: 1 })
  expect(await backend.api.queue.enqueue.mutate({ ...order, content: 'again' })).toMatchObject({ id: message.id })
  expect(await backend.api.queue.size.query({ userId: bob })).toEqual({ size: 1 })
  expect((await b.api.queue.dequeue.mutate({})).messages).toEqual([message])
  expect(await backend.api.queue.size.query({ userId: bob })).toEqual({ size: 0 })
})

test('the queue, then the stream from its cursor, over and over: everything once; what was missed is neither more nor less', async () => {
  const { ann, bob, cid } = await people()
  await using a = device(ann)
  await using c = device(cid)
  const TOTAL = 60
  const sent: string[] = []
  const sending = (async () => {
    for (let n = 0; n < TOTAL; n++) {
      const from = n % 2 ? c : a
      sent.push((await from.api.message.send.mutate({ to: bob, content: `text ${n}` })).content)
    }
  })()
  const given: string[] = []
  let lastAt = new Date(0)
  const take = (messages: readonly Message[]) => {
    given.push(...texts({ messages }))
    for (const { createdAt } of messages) if (createdAt > lastAt) lastAt = createdAt
  }
  let streamed = 0
  const { url } = server
  const token = server.token(bob)
  while (given.length < TOTAL) {
    const queued = createClient({ url, token })
    let cursor = ''
    for (let more = true; more; ) {
      const page = await queued.api.queue.dequeue.mutate({ limit: 5 })
      take(page.messages)
      more = page.hasMore
      cursor = page.cursor
    }
    await queued.close()
    if (given.length >= TOTAL) break
    await using client = createClient({ url, token, cursor })
    const heard = new Inbox<Message>(({ content }) => content)
    client.on('message.created', (event) => heard.push(event.payload.message))
    // All that was not in the queue has to come by the stream.
    await heard.count(Math.min(6, TOTAL - given.length), 'what the queue did not give')
    // Whatever comes after this is not taken: the next session finds it in the queue.
    const taken = [...heard.items]
    take(taken)
    streamed += taken.length
    const marks = new Map(taken.map(({ conversationId, seq }) => [conversationId, seq]))
    for (const [conversationId, seq] of marks) await client.api.message.markDelivered.mutate({ conversationId, seq })
  }
  await sending
  expect(new Set(given).size).toBe(given.length)
  expect([...given].sort()).toEqual([...sent].sort())
  expect(streamed).toBeGreaterThan(0)
  await using b = device(bob)
  expect(texts(await b.api.queue.dequeue.mutate({}))).toEqual([])
  expect(texts(await b.api.message.missed.query({ since: lastAt }))).toEqual([])
  await a.api.message.send.mutate({ to: bob, content: 'afterwards' })
  expect(texts(await b.api.message.missed.query({ since: lastAt }))).toEqual(['afterwards'])
  expect(texts(await b.api.queue.dequeue.mutate({}))).toEqual(['afterwards'])
})

describe.skipIf(withoutNative())('on native Postgres', () => {
  let native: TestServer
  let database: Awaited<ReturnType<typeof nativeDatabase>>
  beforeAll(async () => {
    database = await nativeDatabase()
    native = await startServer({ env: { DATABASE_URL: database.url, COMMAND_LIMIT: '1000000' } })
  })
  afterAll(async () => {
    await native?.close()
    await database?.drop()
  })

  test('devices that dequeue at once never get the same message, and together they get all', async () => {
    const { ann, bob, cid } = await people(native)
    await using a = device(ann, {}, native)
    await using c = device(cid, {}, native)
    await Promise.all(
      Array.from({ length: 60 }, (_, n) => (n % 2 ? a : c).api.message.send.mutate({ to: bob, content: `text ${n}` })),
    )
    const drain = async () => {
      const all: string[] = []
      await using client = device(bob, {}, native)
      for (let more = true; more; ) {
        const { hasMore, ...page } = await client.api.queue.dequeue.mutate({ limit: 7 })
        all.push(...texts(page))
        more = hasMore
      }
      return all
    }
    const given = (await Promise.all(Array.from({ length: 6 }, drain))).flat()
    expect(given).toHaveLength(60)
    expect(new Set(given).size).toBe(60)
    await using client = device(bob, {}, native)
    expect(await client.api.queue.size.query()).toEqual({ size: 0 })
  })

  test('what nobody received for a week waits no longer', async () => {
    const { ann, bob } = await people(native)
    await using a = device(ann, {}, native)
    await using b = device(bob, {}, native)
    const { conversationId } = await a.api.message.send.mutate({ to: bob, content: 'old' })
    for (const content of ['older than a week', 'newer', 'new']) await a.api.message.send.mutate({ to: bob, content })
    const age = (interval: string, toSeq: number) =>
      withSql(
        database.url,
        (sql) => sql`update messages set created_at = clock_timestamp() - ${interval}::interval
          where conversation_id = ${conversationId} and seq <= ${toSeq}`,
      )
    await age('6 days 23 hours', 3)
    await age('7 days 1 hour', 2)
    expect(await b.api.queue.size.query()).toEqual({ size: 2 })
    expect(texts(await b.api.queue.dequeue.mutate({ limit: 1 }))).toEqual(['newer'])
    expect(texts(await b.api.queue.dequeue.mutate({}))).toEqual(['new'])
    await a.api.message.send.mutate({ to: bob, content: 'last' })
    await age('8 days', 5)
    expect(await b.api.queue.size.query()).toEqual({ size: 0 })
    expect(texts(await b.api.queue.peek.query({}))).toEqual([])
  })
})
