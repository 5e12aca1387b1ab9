/** What a client may do to the typed entrance: nothing but be refused, or end its own connection. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Event } from '../shared/index.ts'
import { type Backend, startBackend, startEntrance } from './trpc.entrance.ts'

let backend: Backend
beforeAll(async () => {
  backend = await startBackend()
})
afterAll(() => backend[Symbol.asyncDispose]())

type Entrance = Awaited<ReturnType<typeof startEntrance>>
type Raw = Awaited<ReturnType<Entrance['raw']>>

const refusal = (code: string) => ({ error: { json: { data: { app: { code } } } } })

/** The connection still serves. */
async function alive({ call, answer }: Raw, id = 'alive') {
  call(id, 'query', 'user.me')
  expect(await answer(id)).toMatchObject({ result: { type: 'data' } })
}

/** A conversation of ann and bob. */
async function conversation() {
  const [ann] = await Promise.all([backend.actor('ann'), backend.actor('bob')])
  const { conversation } = await backend.core.execute(ann, 'conversation.create', { kind: 'group', memberIds: ['bob'] })
  return { ann, conversationId: conversation.id }
}

const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`
const frame = (params: string) => `{"id":1,"method":"query","params":${params}}`
const NONSENSE = [
  ...['', '{', 'null', '1', '"text"', '[]', '[null]', '[[]]', '{}', '{"id":1}', '\u0000', deep],
  '{"id":{},"method":"query","params":{"path":"user.me"}}',
  '{"id":null,"method":"query","params":{"path":"user.me"}}',
  `{"id":"${'x'.repeat(1_000)}","method":"query","params":{"path":"user.me"}}`,
  '{"id":1,"method":"subscription.stop"}',
  '{"id":1,"method":"explode","params":{"path":"user.me"}}',
  '{"id":1,"jsonrpc":"1.0","method":"query","params":{"path":"user.me"}}',
  ...[frame('null'), frame('{}'), frame('{"path":5}'), frame('{"path":"user.me","lastEventId":5}')],
  frame('{"path":"__proto__"}'),
  frame('{"path":"constructor.prototype"}'),
  frame('{"path":"user.me.then"}'),
  frame('{"path":"user.get","input":5}'),
  frame('{"path":"user.me","input":{"json":null,"meta":{"values":{"a":["Date"]}}}}'),
  frame(
    '{"path":"user.get","input":{"json":{"userId":"x"},"meta":{"values":{"__proto__":["Date"],"userId":["custom","y"]}}}}',
  ),
  frame('{"path":"user.get","input":{"json":{"userId":"1"},"meta":{"values":{"userId":["regexp"]}}}}'),
  frame(`{"path":"user.get","input":{"json":${deep}}}`),
  frame('{"path":"sync.events"}'),
  '{"id":1,"method":"mutation","params":{"path":"user.me","input":{"json":{}}}}',
  '{"id":1,"method":"subscription","params":{"path":"user.me","input":{"json":{}}}}',
  '{"id":1,"method":"subscription","params":{"path":"message.onEvent","input":{"json":{}}}}',
]

test('malformed frames, binary frames and wrong types are answered or ignored; the connection serves on', async () => {
  await using server = await startEntrance(backend)
  const client = await server.raw('bob')
  for (const text of NONSENSE) client.socket.send(text)
  client.socket.send(Buffer.from('{"id":1,"method":"query","params":{"path":"user.me","input":{"json":{}}}}'), {
    binary: true,
  })
  client.socket.ping('x'.repeat(125))
  await alive(client)
  const answers = client.frames.items.filter((item) => item.id !== 'alive')
  expect(answers.length).toBeGreaterThan(NONSENSE.length / 2)
  for (const { error } of answers) expect(error?.json.data.app.code).toMatch(/^(INVALID_INPUT|NOT_FOUND)$/)
  expect(JSON.stringify(answers)).not.toMatch(/stack|node_modules|JSON at position/)
  expect(server.logged).toEqual([])
})

test('nonsense in place of connectionParams, a bad Host, a broken frame: that connection ends, others live', async () => {
  await using server = await startEntrance(backend, { limits: { closeMs: 50 } })
  const witness = await server.raw('bob')
  const upgrade = (path: string, headers = 'Host: 127.0.0.1') =>
    `GET ${path} HTTP/1.1\r\n${headers}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`
  const text = (body: string) => Buffer.concat([Buffer.from([0x81, 0x80 | body.length, 0, 0, 0, 0]), Buffer.from(body)])
  const broken = [
    [upgrade('/trpc?connectionParams=1'), text('{')],
    [upgrade('/trpc?connectionParams=1'), text('{"data":{"token":5}}')],
    [upgrade('/trpc', 'Host: a b/[')],
    [upgrade('/trpc'), Buffer.from([0xff, 0xff, 0xff])],
    // Of a length that no memory has.
    [upgrade('/trpc'), Buffer.from([0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0])],
  ] as const
  const ends = broken.map(async ([hello, bytes]) => {
    const socket = connect(server.port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.write(hello)
    if (bytes) {
      await once(socket, 'data')
      socket.write(bytes)
    }
    socket.resume()
    await once(socket, 'close')
  })
  await Promise.all(ends)
  await alive(witness)
})

test('an oversized frame closes its connection with 1009', async () => {
  await using server = await startEntrance(backend, { maxPayload: 10_000 })
  const [client, witness] = [await server.raw('bob'), await server.raw('ann')]
  client.call(1, 'mutation', 'message.send', { conversationId: 'c', content: 'x'.repeat(10_000) })
  expect((await client.closed).code).toBe(1009)
  await alive(witness)
})

test('unknown paths are 404, foreign origins 403; one that is allowed, or the same, may connect', async () => {
  await using server = await startEntrance(backend, { origins: ['https://app.example'] })
  const asked = async (path: string, origin?: string) => {
    const socket = connect(server.port, '127.0.0.1')
    const lines = [
      `GET ${path} HTTP/1.1`,
      `Host: 127.0.0.1:${server.port}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
    ]
    lines.push(
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      ...(origin ? [`Origin: ${origin}`] : []),
    )
    socket.write(`${lines.join('\r\n')}\r\n\r\n`)
    const [answer] = await once(socket, 'data')
    socket.destroy()
    return Number(String(answer).split(' ')[1])
  }
  expect(await asked('/elsewhere')).toBe(404)
  expect(await asked('/trpc', 'https://evil.example')).toBe(403)
  expect(await asked('/trpc', 'null')).toBe(403)
  expect(await asked('/trpc/', 'https://app.example')).toBe(101)
  expect(await asked('/trpc', `http://127.0.0.1:${server.port}`)).toBe(101)
  expect(await asked('/trpc')).toBe(101)
})

test('subscriptions are bounded per connection; a stopped one makes room', async () => {
  await using server = await startEntrance(backend, { limits: { streams: 3 } })
  const client = await server.raw('bob')
  const data = (id: number) =>
    client.frames.until((items) => items.find((f) => f.id === id && (f.error || f.result?.type === 'data')), `${id}`)
  for (const id of [1, 2, 3]) client.call(id, 'subscription', 'sync.events')
  for (const id of [1, 2, 3]) expect(await data(id)).toMatchObject({ result: { type: 'data' } })
  client.call(4, 'subscription', 'sync.events')
  expect(await data(4)).toMatchObject(refusal('RATE_LIMITED'))
  client.socket.send('{"id":2,"method":"subscription.stop"}')
  await client.frames.until((items) => items.find((f) => f.id === 2 && f.result?.type === 'stopped'), 'stopped')
  // A refused one does not hold a place either.
  for (const id of [5, 6]) {
    client.call(id, 'subscription', 'message.onEvent', { conversationId: 'none' })
    expect(await data(id)).toMatchObject(refusal('NOT_FOUND'))
  }
  client.call(7, 'subscription', 'sync.events')
  expect(await data(7)).toMatchObject({ result: { type: 'data' } })
})

test('calls in flight are bounded per connection, and so is a batch', async () => {
  const held: (() => void)[] = []
  await using server = await startEntrance(backend, {
    limits: { calls: 5, batch: 8 },
    wrap: (core) => ({
      ...core,
      execute: async (...args) => {
        await new Promise<void>((resolve) => held.push(resolve))
        return core.execute(...args)
      },
    }),
  })
  const [client, other] = [await server.raw('bob'), await server.raw('ann')]
  const batch = (ids: readonly number[]) =>
    client.socket.send(
      JSON.stringify(ids.map((id) => ({ id, method: 'query', params: { path: 'user.me', input: { json: {} } } }))),
    )
  batch([1, 2, 3, 4, 5, 6, 7])
  expect(await client.answer(6)).toMatchObject(refusal('RATE_LIMITED'))
  expect(await client.answer(7)).toMatchObject(refusal('RATE_LIMITED'))
  other.call(1, 'query', 'user.me')
  batch(Array.from({ length: 9 }, (_, index) => 20 + index))
  for (let id = 20; id < 29; id++) expect(await client.answer(id)).toMatchObject(refusal('INVALID_INPUT'))
  await expect.poll(() => held.length).toBe(6)
  for (const release of held) release()
  for (const id of [1, 5]) expect(await client.answer(id)).toMatchObject({ result: { type: 'data' } })
  expect(await other.answer(1)).toMatchObject({ result: { type: 'data' } })
})

test('a reader that does not read is closed as slow; the others get everything', async () => {
  await using server = await startEntrance(backend, { maxBuffered: 1_000_000, limits: { closeMs: 60_000 } })
  const { ann, conversationId } = await conversation()
  const [slow, good] = [await server.raw('bob'), await server.raw('bob')]
  for (const client of [slow, good]) {
    client.call(1, 'subscription', 'message.onEvent', { conversationId })
    await client.frames.until((items) => items.find((f) => f.result?.type === 'data'), 'ready')
  }
  slow.socket.pause()
  // The kernel takes some megabytes before anything waits in the server.
  const metadata = { text: 'x'.repeat(15_000) }
  const large = () =>
    backend.core.execute(ann, 'message.send', { conversationId, content: 'x'.repeat(10_000), metadata })
  for (let round = 1; round <= 30; round++) {
    await Promise.all(Array.from({ length: 20 }, large))
    await good.frames.count(2 + round * 20, `round ${round}, at the good reader`)
  }
  slow.socket.resume()
  expect(await slow.closed).toEqual({ code: 4008, reason: 'reader too slow' })
}, 60_000)

test('a failure of ours is INTERNAL without its text, and logged with it', async () => {
  await using server = await startEntrance(backend, {
    wrap: (core) => ({ ...core, execute: () => Promise.reject(new Error('the secret of the database')) }),
  })
  const client = await server.raw('bob')
  client.call(1, 'query', 'user.me')
  const answer = await client.answer(1)
  expect(answer).toMatchObject(refusal('INTERNAL'))
  expect(JSON.stringify(answer)).not.toContain('secret')
  expect(server.logged).toMatchObject([{ fields: { err: { message: 'the secret of the database' }, path: 'user.me' } }])
})

/** Metadata of `depth` levels in which each level is four times the next. */
function laughs(depth: number) {
  let metadata: object = {}
  for (let level = 0; level < depth; level++) metadata = { a: metadata }
  const paths = Array.from({ length: depth }, (_, level) => `metadata${'.a'.repeat(level + 1)}`)
  const shared = paths.map((path) => [path, ['b', 'c', 'd'].map((key) => path.replace(/a$/, key))])
  return { metadata, meta: { referentialEqualities: Object.fromEntries(shared) } }
}

// A thousand bytes of superjson's shared references stood for a tree of a billion nodes, and checking it stopped the process.
test('metadata that refers to itself many times over costs what its text costs', async () => {
  await using server = await startEntrance(backend)
  const ann = await backend.actor('ann')
  const { conversation } = await backend.core.execute(ann, 'conversation.create', { kind: 'group' })
  const client = await server.raw('ann')
  // Eleven levels take a second to walk, each further one four times that; fifteen would take minutes.
  const { metadata, meta } = laughs(11)
  const json = { conversationId: conversation.id, content: 'ha', metadata }
  const params = { path: 'message.send', input: { json, meta } }
  client.socket.send(JSON.stringify({ id: 1, method: 'mutation', params }))
  const answer = await client.answer(1)
  expect(answer).toMatchObject({ result: { data: { json: { content: 'ha', metadata } } } })
})

// A catch-up of large messages was one frame of megabytes: whatever else was sent meanwhile closed the connection as too slow.
test('large messages are caught up with in frames of a size that passes', async () => {
  await using server = await startEntrance(backend)
  const { ann, conversationId } = await conversation()
  const cursor = backend.hub.cursor
  const texts = Array.from({ length: 60 }, (_, index) => `${index} ${'x'.repeat(9_000)}`)
  const metadata = { text: 'x'.repeat(15_000) }
  for (const content of texts) await backend.core.execute(ann, 'message.send', { conversationId, content, metadata })
  const client = await server.raw('bob')
  client.call(1, 'subscription', 'message.onEvent', { conversationId, lastEventId: cursor })
  const pages = (items: readonly { result?: { data?: { json: unknown } } }[]) =>
    items.flatMap(({ result }) =>
      result?.data ? [result.data.json as { id: string; data: Event<'message.created'>[] }] : [],
    )
  const said = (items: Parameters<typeof pages>[0]) =>
    pages(items).flatMap(({ data }) => data.map(({ payload }) => payload.message.content))
  await client.frames.until((items) => said(items).length >= 60 || undefined, '60 messages')
  expect(said(client.frames.items)).toEqual(texts)
  expect(Math.max(...client.texts.map((text) => text.length))).toBeLessThan(400_000)
  // A page's cursor lies behind its events (what is not of the conversation may be between) and before those of the next.
  const places = pages(client.frames.items).flatMap(({ id, data }) => [
    ...data.map(({ position = 0 }) => position),
    Number(id.split('.')[1]),
  ])
  expect(places).toEqual(places.toSorted((a, b) => a - b))
})
