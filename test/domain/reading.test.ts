/** Reading by who received it, and a conversation from a moment on: what old clients ask for. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type TestServer } from '../harness.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server?.close())

test('only who received a message may mark it received and read; a stranger is told no more than that', async () => {
  const [ann, bob, eve] = await Promise.all(['ann', 'bob', 'eve'].map((name) => server.actor(name)))
  if (!ann || !bob || !eve) throw new Error('no actors')
  const { core } = server.app
  const { id, conversationId } = await core.execute(ann, 'message.send', { to: 'bob', content: 'Hello' })
  const own = { messageId: id, received: true }
  await expect(core.execute(ann, 'message.markRead', own)).rejects.toMatchObject({ code: 'FORBIDDEN' })
  await expect(core.execute(eve, 'message.markRead', own)).rejects.toMatchObject({ code: 'FORBIDDEN' })
  await expect(core.execute(eve, 'message.markRead', { messageId: id })).rejects.toMatchObject({ code: 'NOT_FOUND' })
  const missing = { messageId: 'no such message', received: true }
  await expect(core.execute(bob, 'message.markRead', missing)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  expect(await core.execute(bob, 'message.markRead', own)).toMatchObject({ conversationId, seq: 1, changed: 1 })
  expect(await core.execute(ann, 'message.markRead', { messageId: id })).toMatchObject({ changed: 0 })
})

test('history since a moment: what is later, the oldest first, in pages', async () => {
  const [cid, dan] = [await server.actor('cid'), await server.actor('dan')]
  const { core } = server.app
  const texts = ['one', 'two', 'three', 'four']
  const sent = []
  for (const content of texts) sent.push(await core.execute(cid, 'message.send', { to: 'dan', content }))
  const [{ conversationId } = { conversationId: '' }, second] = sent
  const page = async (since: Date, limit = 50) => {
    const { messages, hasAfter } = await core.execute(dan, 'message.history', { conversationId, since, limit })
    return { contents: messages.map(({ content }) => content), hasAfter }
  }
  expect(await page(new Date(0), 3)).toEqual({ contents: ['one', 'two', 'three'], hasAfter: true })
  // Times on the wire have milliseconds: a moment later than all that was sent is after everything.
  expect(await page(new Date(Date.now() + 60_000))).toEqual({ contents: [], hasAfter: false })
  const later = sent.filter(({ createdAt }) => createdAt > (second?.createdAt ?? 0)).map(({ content }) => content)
  expect((await page(second?.createdAt ?? new Date(0))).contents).toEqual(expect.arrayContaining(later))
  const { conversation } = await core.execute(dan, 'conversation.create', { kind: 'group' })
  const empty = { conversationId: conversation.id, since: new Date(0) }
  expect(await core.execute(dan, 'message.history', empty)).toMatchObject({ messages: [] })
  await expect(core.execute(dan, 'message.history', { ...empty, before: 3 })).rejects.toMatchObject({
    code: 'INVALID_INPUT',
  })
})
