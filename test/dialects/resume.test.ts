/** Old clients that drop and come back: what they missed comes in order, once, before what happens then. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startServer, type TestServer } from '../harness.ts'
import { startProxy } from '../proxy.ts'
import type { Transport, Version } from '../transcript.socket.ts'
import { Chat, names, type Visitor, visit } from './away.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server?.close())

const many = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `m${from + i}`)

const ways: [Version, Transport][] = [
  [4, 'websocket'],
  [4, 'polling'],
  [2, 'websocket'],
  [2, 'polling'],
  [3, 'upgrade'],
]

describe.concurrent('by each client and transport', () => {
  test.each(ways)(
    'client %i, %s: after a cut comes what was not received, and nothing else',
    async (version, transport) => {
      const { ann, bob } = names()
      const way = { version, transport }
      const chat = await Chat.between(server, ann, bob)
      await using proxy = await startProxy(server.url)
      const first = await visit(server, bob, { ...way, url: proxy.url })
      await chat.write('m0')
      await chat.write('m1')
      await first.hears(['m0', 'm1'])
      await chat.received(2)
      // Written to the old connection, which no longer brings anything.
      proxy.stall(true)
      await chat.write('m2')
      await chat.write('m3')
      proxy.cut()
      for (const text of many(4, 10)) await chat.write(text)
      const second = await visit(server, bob, way)
      await chat.write('m10')
      await second.hears(many(2, 11))
      await second.settled()
      expect(second.said()).toEqual(many(2, 11))
      expect(first.said()).toEqual(['m0', 'm1'])
      second.socket.close()
    },
  )

  test.each(ways)('client %i, %s: after a goodbye nothing is repeated', async (version, transport) => {
    const { ann, bob } = names()
    const way = { version, transport }
    const chat = await Chat.between(server, ann, bob)
    const first = await visit(server, bob, way)
    await chat.write('m0')
    await first.hears(['m0'])
    await first.socket.inbox.until((items) => items.find(([name]) => name === 'chat-updated'), 'the rest')
    // Over polls only fences count.
    if (transport !== 'websocket') await chat.received(1)
    await first.leave()
    await chat.received(1)
    const second = await visit(server, bob, way)
    await second.settled()
    expect(second.said()).toEqual([])
    await second.leave()
    await chat.write('m1')
    const third = await visit(server, bob, way)
    await third.hears(['m1'])
    third.socket.close()
  })
})

test('of two that come at once one is told what was missed, and both what happens then', async () => {
  const { ann, bob } = names()
  const chat = await Chat.between(server, ann, bob)
  await (await visit(server, bob)).leave()
  for (const text of many(0, 5)) await chat.write(text)
  const both = await Promise.all([visit(server, bob), visit(server, bob)])
  await chat.received(5)
  await chat.write('m5')
  await Promise.all(both.map((visitor) => visitor.heard('m5')))
  expect(both.map((visitor) => visitor.said()).sort((a, b) => a.length - b.length)).toEqual([['m5'], many(0, 6)])
  await chat.received(6)
  for (const visitor of both) await visitor.cut()
  await chat.write('m6')
  const next = await visit(server, bob)
  await next.heard('m6')
  expect(next.said()).not.toContain('m4')
  next.socket.close()
})

test('a second device is not told what the first has just received', async () => {
  const { ann, bob } = names()
  const chat = await Chat.between(server, ann, bob)
  const first = await visit(server, bob)
  await chat.write('m0')
  await first.hears(['m0'])
  const second = await visit(server, bob)
  await chat.write('m1')
  await second.hears(['m1'])
  for (const { socket } of [first, second]) socket.close()
})

test('who dies while being told leaves it to whoever comes next, before or after it is known', async () => {
  const { ann, bob } = names()
  const chat = await Chat.between(server, ann, bob)
  await (await visit(server, bob)).leave()
  await chat.write(...many(0, 400))
  await using proxy = await startProxy(server.url)
  let passed = 0
  proxy.onData = (bytes) => {
    passed += bytes
    if (passed > 30_000) proxy.stall(true)
  }
  const first = await visit(server, bob, { url: proxy.url })
  await first.heard('m0')
  const other = await visit(server, bob)
  await chat.write('live')
  await other.hears([...many(0, 400), 'live'])
  expect(first.said().length).toBeLessThan(400)
  await other.cut()
  proxy.cut()
  await first.gone()
  const last = await visit(server, bob)
  await chat.write('end')
  await last.heard('end')
  const all = [...many(0, 400), 'live', 'end']
  expect(all.slice(-last.said().length)).toEqual(last.said())
  last.socket.close()
})

test.each([
  ['websocket', 4],
  ['polling', 2],
] as const)('a long absence is told page by page: %s', async (transport, version) => {
  const { ann, bob } = names()
  const chat = await Chat.between(server, ann, bob)
  const way = { transport, version }
  await (await visit(server, bob, way)).leave()
  await chat.write(...many(0, 700))
  const back = await visit(server, bob, way)
  await chat.write('live')
  await back.hears([...many(0, 700), 'live'])
  await chat.received(701)
  back.socket.close()
})

describe('rooms', () => {
  const join = (visitor: Visitor, roomId: string) => visitor.ask('joinRoom', { roomId })
  const told = ({ socket }: Visitor) =>
    socket.inbox.items.flatMap(([name, payload]) =>
      name.startsWith('roomMessage')
        ? [`${name.replace('roomMessage', '')} ${Reflect.get(Object(payload), 'body')}`]
        : [],
    )
  const both = (...texts: string[]) => texts.flatMap((text) => [`Recieved ${text}`, `Confirmed ${text}`])

  test('what was missed comes on joinRoom, received before confirmed; a first join begins at the end', async () => {
    const { ann, bob } = names()
    const way = { dialect: 'rooms' }
    const room = `room of ${ann}`
    const writer = await visit(server, ann, way)
    await join(writer, room)
    const write = (body: string) => writer.ask('roomMessage', { roomId: room, body })
    await write('before')
    const first = await visit(server, bob, way)
    await join(first, room)
    await write('m0')
    await first.settled()
    expect(told(first)).toEqual(both('m0'))
    await first.ask('leaveRoom', { roomId: room })
    await write('m1')
    await first.settled()
    await join(first, room)
    expect(told(first)).toEqual(both('m0', 'm1'))
    await first.leave()
    await write('m2')
    await write('m3')
    const second = await visit(server, bob, way)
    await second.settled()
    expect(told(second)).toEqual([])
    await join(second, room)
    expect(told(second)).toEqual(both('m2', 'm3'))
    await write('m4')
    await second.settled()
    expect(told(second)).toEqual(both('m2', 'm3', 'm4'))
    // As a channel it is another way to hear the same, with a place of its own.
    const third = await visit(server, bob, way)
    await third.ask('JoinChannel', { channelId: room })
    await write('m5')
    await third.settled()
    expect(third.said('NewMessageReceived', 'body')).toEqual(['m5'])
    for (const { socket } of [writer, second, third]) socket.close()
  })
})

test('an undecided socket is told what lies before its arrival once it has said what it speaks', async () => {
  const { ann, bob } = names()
  const chat = await Chat.between(server, ann, bob)
  await (await visit(server, bob)).leave()
  await chat.write('m0')
  await chat.write('m1')
  const auto = await visit(server, bob, { dialect: 'auto' })
  await chat.write('m2')
  await auto.hears(['m2'])
  expect(auto.said('message:new')).toEqual(['m2'])
  auto.socket.emit('join-chat', chat.id)
  await auto.socket.inbox.until((items) => items.find(([name]) => name === 'chat-joined'), 'the answer')
  expect(auto.said()).toEqual(['m2', 'm0', 'm1'])
  await chat.write('m3')
  await auto.settled()
  expect(auto.said()).toEqual(['m2', 'm0', 'm1', 'm3'])
  expect(auto.said('message:new')).toEqual(['m2'])
  await chat.received(4)
  await auto.cut()
  const again = await visit(server, bob)
  await again.settled()
  expect(again.said()).toEqual([])
  again.socket.close()
})

describe('the offline queue', () => {
  const way = { dialect: 'messenger' }
  const size = async (user: string) => (await server.app.core.execute(await server.actor(user), 'queue.size', {})).size

  test('begins a first connection, and is empty once it was received; other namespaces are told the same', async () => {
    const { ann, bob } = names()
    const chat = await Chat.between(server, ann, bob)
    for (const text of many(0, 3)) await chat.write(text)
    expect(await size(bob)).toBe(3)
    const first = await visit(server, bob, way)
    await first.hears(many(0, 3), 'message:new')
    await expect.poll(() => size(bob), { timeout: 20_000 }).toBe(0)
    const beside = await visit(server, bob, { ...way, on: first, namespace: '/messages' })
    await beside.hears(many(0, 3), 'message:new')
    await chat.write('m3')
    await Promise.all([first.hears(many(0, 4), 'message:new'), beside.hears(many(0, 4), 'message:new')])
    await chat.received(4)
    await first.cut()
    await chat.write('m4')
    const again = await visit(server, bob, way)
    await again.hears(['m4'], 'message:new')
    again.socket.close()
  })

  test('stays when the client did not receive it', async () => {
    const { ann, bob } = names()
    const chat = await Chat.between(server, ann, bob)
    await using proxy = await startProxy(server.url)
    const first = await visit(server, bob, { ...way, url: proxy.url })
    proxy.stall(true)
    for (const text of many(0, 3)) await chat.write(text)
    proxy.cut()
    await first.gone()
    expect(await size(bob)).toBe(3)
    const second = await visit(server, bob, way)
    await second.hears(many(0, 3), 'message:new')
    await expect.poll(() => size(bob), { timeout: 20_000 }).toBe(0)
    second.socket.close()
  })
})
