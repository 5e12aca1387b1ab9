/** The same router over HTTP and server-sent events. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { createTRPCClient, httpBatchLink, httpLink } from '@trpc/client'
import superjson from 'superjson'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AppRouter, Event } from '../shared/index.ts'
import { Inbox } from './inbox.ts'
import { type Backend, startBackend, startEntrance } from './trpc.entrance.ts'

let backend: Backend
beforeAll(async () => {
  backend = await startBackend()
})
afterAll(() => backend[Symbol.asyncDispose]())

async function conversation() {
  const [ann] = await Promise.all([backend.actor('ann'), backend.actor('bob')])
  const { conversation } = await backend.core.execute(ann, 'conversation.create', { kind: 'group', memberIds: ['bob'] })
  const conversationId = conversation.id
  return {
    ann,
    conversationId,
    send: (content: string) => backend.core.execute(ann, 'message.send', { conversationId, content }),
  }
}

interface Sse {
  event: string
  id: string | undefined
  data: string
}

/** An event stream, read as an EventSource does. */
async function stream(url: string, path: string, input: object, token: string, lastEventId?: string) {
  const abort = new AbortController()
  const query = encodeURIComponent(JSON.stringify(superjson.serialize(input)))
  const response = await fetch(`${url}/trpc/${path}?input=${query}`, {
    headers: {
      ...{ accept: 'text/event-stream', authorization: `Bearer ${token}` },
      ...(lastEventId && { 'last-event-id': lastEventId }),
    },
    signal: abort.signal,
  })
  const inbox = new Inbox<Sse>()
  const ended = (async () => {
    let rest = ''
    const decoder = new TextDecoder()
    for await (const chunk of response.body ?? []) {
      rest += decoder.decode(chunk, { stream: true })
      const blocks = rest.split('\n\n')
      rest = blocks.pop() ?? ''
      for (const block of blocks) {
        const line = (name: string) => block.match(new RegExp(`^${name}: (.*)$`, 'm'))?.[1]
        if (block.trim()) inbox.push({ event: line('event') ?? 'message', id: line('id'), data: line('data') ?? '' })
      }
    }
  })()
  ended.catch(() => undefined)
  const page = (sse: Sse): Event[] => superjson.deserialize(JSON.parse(sse.data))
  const said = () =>
    inbox.items
      .filter((sse) => sse.event === 'message')
      .flatMap(page)
      .flatMap((event) => (event.name === 'message.created' ? [event.payload.message.content] : []))
  const until = (count: number) => inbox.until(() => (said().length >= count ? said() : undefined), `${count} messages`)
  return { response, inbox, page, until, ended, abort }
}

test('commands over HTTP, one by one and in batches; refusals carry the status of the table', async () => {
  await using server = await startEntrance(backend)
  const { conversationId } = await conversation()
  const headers = { authorization: `Bearer ${backend.token('bob')}` }
  for (const link of [httpLink, httpBatchLink]) {
    const api = createTRPCClient<AppRouter>({
      links: [link({ url: `${server.url}/trpc`, transformer: superjson, headers })],
    })
    const [me, sent] = await Promise.all([
      api.user.me.query({}),
      api.message.send.mutate({ conversationId, content: 'hi' }),
    ])
    expect(me).toMatchObject({ id: 'bob', createdAt: expect.any(Date) })
    expect(sent.createdAt).toBeInstanceOf(Date)
    const lost = api.message.get.query({ messageId: 'none' })
    await expect(lost).rejects.toMatchObject({ data: { httpStatus: 404, app: { code: 'NOT_FOUND' } } })
  }
  const ask = (path: string, init?: RequestInit) => fetch(`${server.url}/trpc/${path}`, init)
  const input = encodeURIComponent('{"json":{}}')
  expect((await ask(`user.me?input=${input}`)).status).toBe(401)
  expect((await ask(`user.me?input=${input}`, { headers })).status).toBe(200)
  expect((await ask('no.such', { headers })).status).toBe(404)
  expect((await ask('message.get?input={', { headers })).status).toBe(400)
})

test('bodies and batches are bounded, nonsense is refused, nothing stops the server', async () => {
  await using server = await startEntrance(backend, { maxPayload: 10_000, limits: { batch: 5 } })
  const headers = { authorization: `Bearer ${backend.token('bob')}`, 'content-type': 'application/json' }
  const post = (body: string, path = 'message.send', more = {}) =>
    fetch(`${server.url}/trpc/${path}`, { method: 'POST', headers: { ...headers, ...more }, body })
  const api = createTRPCClient<AppRouter>({
    links: [httpLink({ url: `${server.url}/trpc`, transformer: superjson, headers })],
  })
  const large = api.message.send.mutate({ conversationId: 'c', content: 'x'.repeat(10_000) })
  await expect(large).rejects.toMatchObject({ data: { httpStatus: 413, app: { code: 'TOO_LARGE' } } })
  const deep = '['.repeat(4_000) + ']'.repeat(4_000)
  for (const body of [
    '',
    '{',
    'null',
    '5',
    '[]',
    deep,
    `{"json":${deep}}`,
    '{"json":{},"meta":{"values":{"__proto__":["Date"]}}}',
  ]) {
    expect((await post(body)).status).toBe(400)
  }
  expect((await post('x', 'message.send', { 'content-type': 'text/plain' })).status).toBeGreaterThanOrEqual(400)
  expect((await post('{}', `${'user.me,'.repeat(5)}user.me?batch=1`)).status).toBe(400)
  expect((await fetch(`${server.url}/trpc/user.me?input=%7B%22json%22%3A%7B%7D%7D`, { headers })).status).toBe(200)
  expect(server.logged).toEqual([])
})

test('a subscription over SSE: ready, live, and resumed by Last-Event-ID', async () => {
  await using server = await startEntrance(backend)
  const { conversationId, send } = await conversation()
  const token = backend.token('bob')
  const first = await stream(server.url, 'message.onEvent', { conversationId }, token)
  const ready = await first.inbox.next((sse) => sse.event === 'message', 'the ready page')
  expect(first.page(ready)).toEqual([])
  await send('one')
  expect(await first.until(1)).toEqual(['one'])
  const cursor = first.inbox.items.findLast((sse) => sse.id !== undefined)?.id
  first.abort.abort()
  for (const text of ['two', 'three']) await send(text)
  const second = await stream(server.url, 'message.onEvent', { conversationId }, token, cursor)
  expect(await second.until(2)).toEqual(['two', 'three'])
  await send('four')
  expect(await second.until(3)).toEqual(['two', 'three', 'four'])
  second.abort.abort()
  await expect.poll(() => backend.hub.occupancy(`conversation:${conversationId}`).connections).toBe(0)
})

test('over SSE refusals are typed, the removed member’s stream completes', async () => {
  await using server = await startEntrance(backend)
  const { ann, conversationId } = await conversation()
  await backend.actor('eve')
  const refused = await stream(server.url, 'message.onEvent', { conversationId }, backend.token('eve'))
  const error = await refused.inbox.next((sse) => sse.event === 'serialized-error', 'the refusal')
  expect(superjson.deserialize(JSON.parse(error.data))).toMatchObject({
    data: { app: { code: 'FORBIDDEN', retry: false } },
  })
  const bob = await stream(server.url, 'message.onEvent', { conversationId }, backend.token('bob'))
  await bob.inbox.next((sse) => sse.event === 'message', 'the ready page')
  await backend.core.execute(ann, 'conversation.removeMember', { conversationId, userId: 'bob' })
  await bob.inbox.next((sse) => sse.event === 'return', 'the end')
  await bob.ended
})

test('an SSE stream breaks off, to be resumed: at the end of its token, and when the server stops', async () => {
  await using server = await startEntrance(backend)
  const short = await stream(server.url, 'sync.events', {}, backend.token('bob', 3))
  await short.ended
  const long = await stream(server.url, 'sync.events', {}, backend.token('bob'))
  await long.inbox.next((sse) => sse.event === 'message', 'the ready page')
  await server.trpc.drain()
  await long.ended
  for (const { inbox } of [short, long]) {
    expect(inbox.items.map((sse) => sse.event)).toEqual(['connected', 'message'])
  }
})

// An SSE reader that did not read was cut off in name only: its stream, its events and its connection stayed.
test('an SSE reader that never reads loses its connection', async () => {
  await using server = await startEntrance(backend, { limits: { queue: 50, closeMs: 50 } })
  const ann = await backend.actor('ann')
  const { conversation } = await backend.core.execute(ann, 'conversation.create', { kind: 'group' })
  const conversationId = conversation.id
  const reader = connect(server.port, '127.0.0.1')
  reader.on('error', () => undefined)
  const input = encodeURIComponent(JSON.stringify({ json: { conversationId } }))
  reader.write(
    `GET /trpc/message.onEvent?input=${input} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${server.token('ann')}\r\n\r\n`,
  )
  await once(reader, 'data')
  reader.pause()
  const readers = () => backend.hub.occupancy(`conversation:${conversationId}`).connections
  await expect.poll(readers).toBe(1)
  // The kernel takes some megabytes before anything waits in the server.
  const metadata = { text: 'x'.repeat(15_000) }
  const large = () =>
    backend.core.execute(ann, 'message.send', { conversationId, content: 'x'.repeat(10_000), metadata })
  for (let round = 0; round < 40 && readers() > 0; round++) await Promise.all(Array.from({ length: 20 }, large))
  await expect.poll(readers).toBe(0)
  reader.destroy()
}, 60_000)

// A batch over HTTP names its calls in the path; beyond 100 characters it was an unknown route.
test('twenty calls in one request', async () => {
  await using server = await startEntrance(backend)
  const headers = { authorization: `Bearer ${server.token('zoe')}` }
  const api = createTRPCClient<AppRouter>({
    links: [httpBatchLink({ url: `${server.url}/trpc`, transformer: superjson, headers })],
  })
  const answers = await Promise.all(Array.from({ length: 20 }, () => api.conversation.list.query({})))
  expect(answers).toEqual(Array.from({ length: 20 }, () => ({ conversations: [], next: null })))
})
