/** Old clients that drop in awkward moments: while they are told, from one namespace alone, in the middle of a join. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type TestServer } from '../harness.ts'
import { Inbox } from '../inbox.ts'
import { startProxy } from '../proxy.ts'
import { Chat, names, visit } from './away.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server?.close())

const many = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `m${from + i}`)
const way = { dialect: 'messenger' }
/** Who types in a conversation from now on, as its member hears of it. */
async function typingIn(conversationId: string, member: string): Promise<Inbox<string>> {
  const typing = new Inbox<string>()
  const feed = await server.app.core.subscribe(await server.actor(member), { kind: 'conversation', conversationId })
  for await (const _ of feed.replay());
  feed.attach({ push: ({ name, payload }) => name === 'typing.changed' && typing.push(payload.userId), end: () => {} })
  return typing
}
const beside = { ...way, namespace: '/messages' }

test('who leaves a namespace, comes again and is cut has not said goodbye', async () => {
  const { ann, bob } = names()
  const chat = await Chat.between(server, ann, bob)
  await using proxy = await startProxy(server.url)
  const first = await visit(server, bob, { ...way, url: proxy.url })
  await (await visit(server, bob, { ...beside, on: first })).leave()
  await first.settled()
  const again = await visit(server, bob, { ...beside, on: first })
  await chat.write('m0')
  await again.hears(['m0'], 'message:new')
  await chat.received(1)
  proxy.stall(true)
  await chat.write('m1')
  proxy.cut()
  await again.gone()
  const next = await visit(server, bob, way)
  await chat.write('m2')
  await next.hears(['m1', 'm2'], 'message:new')
  next.socket.close()
})

test('who leaves a namespace and comes again on the same connection goes on there', async () => {
  const { ann, bob } = names()
  const chat = await Chat.between(server, ann, bob)
  await (await visit(server, bob, way)).leave()
  await chat.write('m0')
  const first = await visit(server, bob, way)
  const second = await visit(server, bob, { ...beside, on: first })
  await second.hears(['m0'], 'message:new')
  await chat.write('m1')
  await chat.received(2)
  await second.leave()
  await first.settled()
  await chat.write('m2')
  const again = await visit(server, bob, { ...beside, on: first })
  await chat.write('m3')
  await again.heard('m3', 'message:new')
  expect(again.said('message:new')).toEqual(['m2', 'm3'])
  first.socket.close()
})

test('whose connection hangs while they are told is told by the next one', async () => {
  const { ann, bob } = names()
  const chat = await Chat.between(server, ann, bob)
  await (await visit(server, bob)).leave()
  await chat.write(...many(0, 5))
  await using proxy = await startProxy(server.url)
  proxy.onData = () => {}
  const first = await visit(server, bob, { url: proxy.url })
  // No answer comes back, and the server is not told.
  proxy.stall(true)
  const second = await visit(server, bob)
  await chat.write('live')
  await second.heard('live')
  expect(second.said()).toEqual([...many(0, 5), 'live'])
  first.socket.close()
  second.socket.close()
})

test('who has gone before a room was joined does not hold its replay', async () => {
  const { ann, bob } = names()
  const rooms = { dialect: 'rooms' }
  const [room, other] = [`room of ${ann}`, `other of ${ann}`]
  const writer = await visit(server, ann, rooms)
  const write = (body: string) => writer.ask('roomMessage', { roomId: room, body })
  await writer.ask('joinRoom', { roomId: room })
  const first = await visit(server, bob, rooms)
  await first.ask('joinRoom', { roomId: room })
  const hasty = await visit(server, bob, rooms)
  await hasty.ask('joinRoom', { roomId: other })
  for (const body of many(0, 5)) hasty.socket.emit('roomMessage', { roomId: other, body })
  hasty.socket.emit('joinRoom', { roomId: room })
  await hasty.leave()
  await first.ask('leaveRoom', { roomId: room })
  await write('m0')
  const third = await visit(server, bob, rooms)
  await third.ask('joinRoom', { roomId: room })
  await third.settled()
  expect(third.said('roomMessageRecieved', 'body')).toEqual(['m0'])
  for (const { socket } of [writer, first, third]) socket.close()
})

test('who says goodbye while they are told is told the rest the next time', async () => {
  const { ann, bob } = names()
  const chat = await Chat.between(server, ann, bob)
  await (await visit(server, bob)).leave()
  await chat.write(...many(0, 40))
  const hasty = await visit(server, bob)
  await hasty.leave()
  const next = await visit(server, bob)
  await chat.write('live')
  await next.heard('live')
  expect([...new Set([...hasty.said(), ...next.said()])]).toEqual([...many(0, 40), 'live'])
  next.socket.close()
})

test('what is on its way to a socket when it decides, and then says goodbye, is told the next time', async () => {
  const { ann, bob } = names()
  const chat = await Chat.between(server, ann, bob)
  await (await visit(server, bob)).leave()
  await using proxy = await startProxy(server.url)
  const first = await visit(server, bob, { dialect: 'auto', url: proxy.url })
  await chat.write('m0')
  await first.heard('m0')
  proxy.hold()
  await chat.write('m1')
  const typing = await typingIn(chat.id, ann)
  first.socket.emit('typing-start', chat.id)
  await typing.count(1, 'what it said')
  await first.leave()
  const second = await visit(server, bob)
  await chat.write('m2')
  await second.heard('m2')
  expect(second.said()).toEqual(expect.arrayContaining(['m1', 'm2']))
  second.socket.close()
})
