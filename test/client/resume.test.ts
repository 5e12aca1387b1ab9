/** The SDK over a network that cuts, stalls and refuses: a real server, real sockets, every message exactly once and in order. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ClientOptions, createClient, type Item, type Parley } from '../../client/index.ts'
import { startServer, type TestServer } from '../harness.ts'
import { Inbox } from '../inbox.ts'
import { startProxy } from '../proxy.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

/** Two users of this test alone. */
let pairs = 0
function pair() {
  const names = { ann: `ann${++pairs}`, bob: `bob${pairs}` }
  return { names, ann: server.token(names.ann), bob: server.token(names.bob) }
}

const backoff = () => Math.random() * 20
const connect = (url: string, token: ClientOptions['token'], options: Partial<ClientOptions> = {}) =>
  createClient({ url, token, backoff, ...options })

const show = (item: Item) => (item.name === 'message.created' ? item.payload.message.content : item.name)
const contents = (items: readonly Item[]) =>
  items.flatMap((item) => (item.name === 'message.created' ? [item.payload.message.content] : []))
const numbers = (count: number) => Array.from({ length: count }, (_, index) => String(index))

async function talk(ann: Parley, bob: Parley, { names }: ReturnType<typeof pair>) {
  await bob.ready()
  const { conversation } = await ann.api.conversation.create.mutate({ memberIds: [names.bob] })
  return ann.conversation(conversation.id)
}

/** Reads on in the background, to the end of the iteration. */
function collect(events: AsyncIterable<Item>) {
  const inbox = new Inbox(show)
  const end = (async () => {
    for await (const item of events) inbox.push(item)
  })()
  end.catch(() => {})
  return Object.assign(inbox, { end })
}

test('1,000 sends, with the sockets of both sides cut again and again', async () => {
  const users = pair()
  await using toAnn = await startProxy(server.url)
  await using toBob = await startProxy(server.url)
  await using ann = connect(toAnn.url, users.ann)
  await using bob = connect(toBob.url, users.bob)
  const listened = new Inbox(show)
  bob.on('message.created', listened.push)
  const iterated = collect(bob.events())
  await talk(ann, bob, users)
  const ids: string[] = []
  for (let index = 0; index < 5; index++) {
    const { conversation } = await ann.api.conversation.create.mutate({ kind: 'group', memberIds: [users.names.bob] })
    ids.push(conversation.id)
  }

  // By bytes, so that frames are cut in the middle as well as between; not for ever, as a page may be bigger than that.
  const cutEvery = (proxy: typeof toAnn, bytes: number) => {
    let passed = 0
    let cuts = 30
    proxy.onData = (length) => {
      passed += length
      if (passed < bytes || cuts === 0) return
      passed = 0
      cuts--
      proxy.cut()
    }
  }
  cutEvery(toAnn, 10_000)
  cutEvery(toBob, 20_000)
  const sends = numbers(1_000).map((n) => ann.conversation(ids[Number(n) % 5] ?? '').send(n))
  const stored = await Promise.all(sends)
  await iterated.until((items) => (contents(items).length >= 1_000 ? true : undefined), '1,000 messages', 40_000)

  for (const inbox of [listened, iterated]) {
    const messages = inbox.items.flatMap((item) => (item.name === 'message.created' ? [item.payload.message] : []))
    for (const [which, id] of ids.entries()) {
      const ours = messages.filter(({ conversationId }) => conversationId === id)
      expect(ours.map(({ content }) => content)).toEqual(numbers(1_000).filter((n) => Number(n) % 5 === which))
      expect(ours.map(({ seq }) => seq)).toEqual(numbers(200).map((n) => Number(n) + 1))
    }
    const positions = inbox.items.flatMap(({ ...item }) => ('position' in item ? [item.position ?? 0] : []))
    expect(positions).toEqual([...new Set(positions)].toSorted((a, b) => a - b))
  }
  expect(stored.map(({ content }) => content)).toEqual(numbers(1_000))
  expect(sends.every(({ status }) => status === 'sent')).toBe(true)
  expect(toAnn.connections).toBeGreaterThan(30)
  expect(toBob.connections).toBeGreaterThan(30)
}, 60_000)

test('sends while offline get through once, in order, when the connection is back', async () => {
  const users = pair()
  await using proxy = await startProxy(server.url)
  await using ann = connect(proxy.url, users.ann, { timeoutMs: 500 })
  await using bob = connect(server.url, users.bob)
  const inbox = collect(bob.events())
  const chat = await talk(ann, bob, users)
  const offline = state(ann, 'offline')
  proxy.refuse(true)
  proxy.cut()
  await offline
  const sends = numbers(20).map((n) => ann.conversation(chat.id).send(n))
  const failing = await ann.api.user.me.query({}).catch((error) => error)
  expect(failing).toMatchObject({ name: 'ParleyError', code: 'UNAVAILABLE', retry: true })
  expect(ann.conversation(chat.id).pending).toEqual(sends)
  expect(sends.map(({ message }) => message.content)).toEqual(numbers(20))
  proxy.refuse(false)
  await Promise.all(sends)
  await inbox.until((items) => (contents(items).includes('19') ? true : undefined), 'the last message')
  expect(contents(inbox.items)).toEqual(numbers(20))
})

test('a connection that says nothing any more is left, and the stream goes on', async () => {
  const users = pair()
  await using proxy = await startProxy(server.url)
  await using ann = connect(server.url, users.ann)
  await using bob = connect(proxy.url, users.bob, { keepAlive: { idleMs: 50, patienceMs: 50 } })
  const inbox = collect(bob.events())
  const chat = await talk(ann, bob, users)
  const offline = state(bob, 'offline')
  proxy.stall(true)
  await chat.send('while nothing passes and nobody is told')
  await offline
  expect(bob.connection.error).toMatchObject({ code: 'UNAVAILABLE', message: 'The server does not answer' })
  proxy.stall(false)
  await inbox.until((items) => (contents(items).length > 0 ? true : undefined), 'the message')
  expect(contents(inbox.items)).toHaveLength(1)
})

test('a stored cursor goes on where the app stopped', async () => {
  const users = pair()
  await using ann = connect(server.url, users.ann)
  const first = connect(server.url, users.bob)
  const chat = await talk(ann, first, users)
  const events = first.events({ cursor: await first.ready() })
  const seen: string[] = []
  const sent = Promise.all(numbers(10).map((n) => chat.send(n)))
  for await (const event of events) {
    seen.push(...contents([event]))
    if (seen.length === 4) break
  }
  const { cursor } = events
  if (cursor === undefined) throw new Error('no cursor')
  await first.close()
  await sent
  await using second = connect(server.url, users.bob)
  for await (const event of second.events({ cursor })) {
    seen.push(...contents([event]))
    if (seen.length === 10) break
  }
  await using third = connect(server.url, users.bob, { cursor })
  const listened = new Inbox(show)
  third.on('message.created', listened.push)
  await listened.count(6, 'the other six')
  expect(seen).toEqual(numbers(10))
  expect(contents(listened.items)).toEqual(numbers(10).slice(4))
  expect(third.cursor).toBeDefined()
})

test.each([
  ['of another log', () => 'zzz.1'],
  ['beyond the end', (cursor: string) => `${cursor}000`],
])('a cursor %s gives a reset with what is known now, and the stream goes on', async (_, broken) => {
  const users = pair()
  await using ann = connect(server.url, users.ann)
  await using bob = connect(server.url, users.bob)
  const chat = await talk(ann, bob, users)
  await chat.send('before')
  const { cursor } = await bob.api.sync.snapshot.query({})
  await using late = connect(server.url, users.bob, { cursor: broken(cursor) })
  const resets = new Inbox<Item>(show)
  late.on('reset', resets.push)
  const inbox = collect(late.events({ cursor: broken(cursor) }))
  const [reset] = await resets.count(1, 'a reset')
  await inbox.count(1, 'a reset')
  expect(reset).toMatchObject({ name: 'reset', reason: expect.any(String), snapshot: { cursor } })
  const { conversations } = reset?.name === 'reset' ? reset.snapshot : { conversations: [] }
  expect(conversations.map(({ lastMessage }) => lastMessage?.content)).toEqual(['before'])
  await chat.send('after')
  await inbox.until((items) => (contents(items).length > 0 ? true : undefined), 'what came after')
  // That another connection has come may be told to the first one before.
  expect(inbox.items.map(show).filter((item) => item !== 'connection.opened')).toEqual(['reset', 'after'])
})

test('a slow reader holds a bounded number of items and misses none', async () => {
  const users = pair()
  await using ann = connect(server.url, users.ann)
  await using bob = connect(server.url, users.bob, { buffer: 5 })
  const quick = new Inbox(show)
  bob.on('message.created', quick.push)
  const slow = bob.events()
  const chat = await talk(ann, bob, users)
  await Promise.all(numbers(100).map((n) => chat.send(n)))
  await quick.count(100, 'the quick one has all')
  const seen: Item[] = []
  for await (const item of slow) {
    seen.push(item)
    if (contents(seen).length === 100) break
  }
  expect(contents(seen)).toEqual(numbers(100))
})

test('ephemeral events pass, and a message is confirmed by whichever comes first', async () => {
  const users = pair()
  await using ann = connect(server.url, users.ann)
  await using bob = connect(server.url, users.bob)
  const chat = await talk(ann, bob, users)
  const typing = new Inbox<Item>()
  const elsewhere = new Inbox<Item>()
  bob.conversation(chat.id).on('typing.changed', typing.push)
  bob.conversation('another').on('typing.changed', elsewhere.push)
  chat.typing()
  chat.typing()
  expect((await typing.count(1, 'typing'))[0]).toMatchObject({ payload: { userId: users.names.ann, typing: true } })
  await ann.ready()
  const pending = chat.send({ content: 'hi', metadata: { mood: 'good' } })
  expect(pending.message).toMatchObject({ content: 'hi', id: null, seq: null, metadata: { mood: 'good' } })
  expect(await pending).toMatchObject({ content: 'hi', seq: 1, clientId: pending.clientId })
  expect((await bob.conversation(chat.id).history()).messages).toHaveLength(1)
  expect(await bob.conversation(chat.id).markRead()).toMatchObject({ seq: 1, unread: 0 })
  expect(elsewhere.items).toEqual([])
})

const state = (client: Parley, wanted: Parley['connection']['state']) =>
  new Promise<void>((resolve) => {
    if (client.connection.state === wanted) resolve()
    const off = client.connection.onChange((now) => {
      if (now !== wanted) return
      off()
      resolve()
    })
  })
