/** Old clients in a flood, where the node keeps account of what was written only now and then (flow.ts). */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type TestServer } from '../harness.ts'
import { startProxy } from '../proxy.ts'
import { Chat, names, type Visitor, visit } from './away.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server?.close())

const flood = Array.from({ length: 200 }, (_, i) => `m${i}`)
/** One after the other, with no quiet in between. */
async function pour(chat: Chat): Promise<void> {
  for (const text of flood) await chat.write(text)
}

test.each([
  ['says goodbye', (visitor: Visitor) => visitor.leave(), 'websocket'],
  ['says goodbye', (visitor: Visitor) => visitor.leave(), 'polling'],
  ['is cut', (visitor: Visitor) => visitor.cut(), 'websocket'],
] as const)('who %s in the middle misses nothing', async (_, end, transport) => {
  const { ann, bob } = names()
  const chat = await Chat.between(server, ann, bob)
  const first = await visit(server, bob, { transport })
  const pouring = pour(chat)
  await first.heard('m80')
  await end(first)
  await pouring
  const second = await visit(server, bob, { transport })
  await chat.write('last')
  await second.heard('last')
  const all = [...flood, 'last']
  const [before, after] = [first.said(), second.said()]
  expect(before).toEqual(all.slice(0, before.length))
  expect(after).toEqual(all.slice(-after.length))
  expect(before.length + after.length).toBeGreaterThanOrEqual(all.length)
  second.socket.close()
})

test('who says goodbye in the middle while something is on its way is told it the next time', async () => {
  const { ann, bob } = names()
  const chat = await Chat.between(server, ann, bob)
  await using proxy = await startProxy(server.url)
  const first = await visit(server, bob, { url: proxy.url })
  const pouring = pour(chat)
  await first.heard('m80')
  proxy.hold()
  await chat.write('on its way')
  await first.leave()
  await pouring
  const second = await visit(server, bob)
  await second.heard('m199')
  const missed = [...flood, 'on its way'].filter((text) => !first.said().includes(text))
  expect(missed).toContain('on its way')
  expect(second.said()).toEqual(expect.arrayContaining(missed))
  second.socket.close()
})

test('a device that comes in the middle is told no more than what the other has not received yet', async () => {
  const { ann, bob } = names()
  const chat = await Chat.between(server, ann, bob)
  const first = await visit(server, bob)
  const pouring = pour(chat)
  await first.heard('m100')
  const second = await visit(server, bob)
  await pouring
  await chat.write('last')
  await Promise.all([first.heard('last'), second.heard('last')])
  expect(first.said()).toEqual([...flood, 'last'])
  const told = second.said()
  expect(told).toEqual([...flood, 'last'].slice(-told.length))
  expect(told.length).toBeLessThan(flood.length - 50)
  for (const { socket } of [first, second]) socket.close()
})

test('when it is over, all is marked as delivered, and a goodbye repeats nothing', async () => {
  const { ann, bob } = names()
  const chat = await Chat.between(server, ann, bob)
  const first = await visit(server, bob)
  await pour(chat)
  await first.hears(flood)
  await chat.received(flood.length)
  await first.leave()
  const second = await visit(server, bob)
  await chat.write('last')
  await second.hears(['last'])
  second.socket.close()
})
