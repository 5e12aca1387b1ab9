/** What legacy clients have received is marked delivered, in crowds too. */
import { io } from 'socket.io-client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type TestServer } from '../harness.ts'
import { Inbox } from '../inbox.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server?.close())

test.each([
  ['a few', 3],
  ['a crowd', 120],
])('in a conversation of %s', async (_, count) => {
  const { core } = server.app
  const names = Array.from({ length: count }, (_, number) => `${count}-${number}`)
  const [ann = '', bob = ''] = names
  await Promise.all(names.map((name) => server.actor(name)))
  const writer = await server.actor(ann)
  const { conversation } = await core.execute(writer, 'conversation.create', { kind: 'group', memberIds: names })
  const heard = new Inbox<string>()
  const socket = io(server.url, { transports: ['websocket'], auth: { token: server.token(bob), dialect: 'messenger' } })
  socket.on('connect', () => heard.push('connect'))
  socket.on('message:new', ({ content }: { content: string }) => heard.push(content))
  await heard.next((item) => item === 'connect', 'the connection')
  for (const content of ['one', 'two'])
    await core.execute(writer, 'message.send', { conversationId: conversation.id, content })
  await heard.next((item) => item === 'two', 'both messages')
  const reader = await server.actor(bob)
  await expect.poll(async () => (await core.execute(reader, 'queue.size', {})).size, { timeout: 10_000 }).toBe(0)
  const away = await server.actor(names[2] ?? '')
  expect(await core.execute(away, 'queue.size', {})).toEqual({ size: 2 })
  socket.close()
})
