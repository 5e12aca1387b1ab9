/** Deleting for oneself, and replies, as typed clients see them: on all devices of one user, and not for others. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClient, type Event, isParleyError, type Parley } from '../../client/index.ts'
import { startServer, type TestServer } from '../harness.ts'
import { Inbox } from '../inbox.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server?.close())

const connect = (userId: string, cursor?: string) =>
  createClient({ url: server.url, token: server.token(userId), ...(cursor !== undefined && { cursor }) })
const code = (call: Promise<unknown>) =>
  call.then(
    () => 'ok',
    (error: unknown) => (isParleyError(error) ? error.code : String(error)),
  )

/** A group of these two with so many messages of the first one's. */
async function group(ann: Parley, memberId: string, count: number) {
  await server.actor(memberId)
  const { conversation } = await ann.api.conversation.create.mutate({ kind: 'group', memberIds: [memberId] })
  const sent: string[] = []
  for (let n = 1; n <= count; n++) sent.push((await ann.conversation(conversation.id).send(`${n}`)).id)
  return { conversationId: conversation.id, sent }
}

test('hidden by one user: gone from all that they read, on all devices, and for nobody else', async () => {
  await using ann = connect('ann')
  await using bob = connect('bob')
  const { conversationId, sent } = await group(ann, 'bob', 5)
  const [one = '', two = '', , , five = ''] = sent
  const reply = await ann.api.message.send.mutate({ conversationId, content: 'reply', replyTo: one })
  await using laptop = connect('bob')
  const [heard, told] = [new Inbox<Event>(), new Inbox<Event>()]
  laptop.on('message.hidden', heard.push)
  ann.on('message.hidden', told.push)
  ann.on('message.created', told.push)
  const cursor = await laptop.ready()
  await ann.ready()

  const hide = (messageId: string) => bob.api.message.hide.mutate({ messageId })
  expect(await hide(reply.id)).toEqual({ conversationId, messageId: reply.id, changed: true })
  expect(await hide(two)).toMatchObject({ changed: true })
  expect(await hide(two)).toEqual({ conversationId, messageId: two, changed: false })
  await hide(five)
  const payloads = [reply.id, two, five].map((messageId) => ({ conversationId, messageId, userId: 'bob' }))
  expect((await heard.count(3, 'what is hidden')).map(({ payload }) => payload)).toEqual(payloads)

  for (const client of [bob, laptop]) {
    const { message, conversation, sync } = client.api
    const page = async (place: object = {}) => {
      const { messages, hasBefore, hasAfter } = await message.history.query({ conversationId, ...place })
      return [messages.map(({ seq }) => seq).join(' '), hasBefore, hasAfter]
    }
    expect(await page()).toEqual(['1 3 4', false, false])
    expect(await page({ limit: 2 })).toEqual(['3 4', true, false])
    expect(await page({ after: 1, limit: 1 })).toEqual(['3', true, true])
    expect(await page({ after: 4 })).toEqual(['', true, false])
    expect(await page({ around: 5, limit: 2 })).toEqual(['4', true, false])
    expect((await message.missed.query({ since: new Date(0) })).messages.map(({ id }) => id)).not.toContain(two)
    for (const messageId of [two, five]) {
      expect(await code(message.get.query({ messageId }))).toBe('NOT_FOUND')
      expect(await code(message.versions.query({ messageId }))).toBe('NOT_FOUND')
      expect(await code(message.readers.query({ messageId }))).toBe('NOT_FOUND')
      expect(await code(message.replies.query({ messageId }))).toBe('NOT_FOUND')
      expect(await code(message.react.mutate({ messageId, reaction: '👍' }))).toBe('NOT_FOUND')
      expect(await code(message.send.mutate({ conversationId, content: 'x', replyTo: messageId }))).toBe('NOT_FOUND')
    }
    expect((await message.replies.query({ messageId: one })).messages).toEqual([])
    expect((await conversation.get.query({ conversationId })).lastMessage).toBeNull()
    // What is unread stays unread.
    const summary = { lastMessage: null, unread: 6, lastSeq: 6 }
    expect((await conversation.list.query({})).conversations).toMatchObject([summary])
    expect((await sync.snapshot.query({})).conversations).toMatchObject([summary])
  }
  const { messages } = await ann.conversation(conversationId).history()
  expect(messages.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6])
  expect(await ann.api.message.get.query({ messageId: two })).toMatchObject({ content: '2' })
  expect((await ann.api.message.replies.query({ messageId: one })).messages).toMatchObject([{ id: reply.id }])

  // A device that was away hears of each once; nobody else ever does.
  await using tablet = connect('bob', cursor)
  const late = new Inbox<Event>()
  tablet.on('message.hidden', late.push)
  await tablet.ready()
  await ann.conversation(conversationId).send('the end')
  await told.next(({ name }) => name === 'message.created', 'the end')
  expect(late.items.map(({ payload }) => payload)).toEqual(payloads)
  expect(told.items.map(({ name }) => name)).toEqual(['message.created'])
  expect((await bob.api.conversation.list.query({})).conversations[0]?.lastMessage).toMatchObject({
    content: 'the end',
  })
})

test('a message that its sender has hidden is still theirs to delete for all; for others in the group it is not', async () => {
  await using ann = connect('ann')
  await using gil = connect('gil')
  const { conversationId, sent } = await group(ann, 'gil', 2)
  const [messageId = '', other = ''] = sent
  for (const id of sent) await ann.api.message.hide.mutate({ messageId: id })
  await gil.api.message.hide.mutate({ messageId })
  expect(await code(gil.api.message.delete.mutate({ messageId }))).toBe('FORBIDDEN')
  expect(await ann.api.message.delete.mutate({ messageId })).toMatchObject({ content: '', deletedBy: 'ann' })
  expect(await code(ann.api.message.delete.mutate({ messageId }))).toBe('CONFLICT')
  expect(await code(ann.api.message.edit.mutate({ messageId: other, content: 'x' }))).toBe('NOT_FOUND')
  const { messages } = await gil.conversation(conversationId).history()
  expect(messages.map(({ content }) => content)).toEqual(['2'])
})

test('who hides a message that they have locked can still release it', async () => {
  await using ann = connect('ann')
  await using hal = connect('hal')
  const { sent } = await group(ann, 'hal', 1)
  const [messageId = ''] = sent
  const { token } = await hal.api.lock.acquire.mutate({ messageId })
  await hal.api.message.hide.mutate({ messageId })
  expect(await code(ann.api.message.edit.mutate({ messageId, content: 'x' }))).toBe('LOCKED')
  expect(await hal.api.lock.release.mutate({ messageId, token })).toEqual({ messageId, released: true })
  expect(await code(ann.api.message.edit.mutate({ messageId, content: 'x' }))).toBe('ok')
})

test('what one may not see is not there to be hidden', async () => {
  await using ann = connect('ann')
  await using eve = connect('eve')
  const { conversationId, sent } = await group(ann, 'dan', 1)
  const [messageId = ''] = sent
  expect(await code(eve.api.message.hide.mutate({ messageId }))).toBe('NOT_FOUND')
  expect(await code(eve.api.message.hide.mutate({ messageId: 'nothing' }))).toBe('NOT_FOUND')
  expect(await code(eve.api.message.replies.query({ messageId }))).toBe('NOT_FOUND')
  await ann.api.conversation.update.mutate({ conversationId, historyVisible: false })
  await eve.api.user.me.query()
  await ann.api.conversation.addMembers.mutate({ conversationId, memberIds: ['eve'] })
  expect(await code(eve.api.message.hide.mutate({ messageId }))).toBe('NOT_FOUND')
})

test('replies to a message, in pages, and counted until they are deleted', async () => {
  await using ann = connect('ann')
  const { conversationId, sent } = await group(ann, 'cid', 2)
  await using cid = connect('cid')
  const [messageId = '', other = ''] = sent
  const ids: string[] = []
  for (const client of [cid, ann, cid]) {
    const reply = await client.api.message.send.mutate({ conversationId, content: 'indeed', replyTo: messageId })
    ids.push(reply.id)
    await client.api.message.send.mutate({ conversationId, content: 'aside', replyTo: other })
  }
  const page = async (place: object = {}) => {
    const { messages, hasMore } = await ann.api.message.replies.query({ messageId, ...place })
    return [messages.map(({ id, seq }) => `${ids.indexOf(id)} at ${seq}`), hasMore]
  }
  expect(await page()).toEqual([['0 at 3', '1 at 5', '2 at 7'], false])
  expect(await page({ limit: 2 })).toEqual([['0 at 3', '1 at 5'], true])
  expect(await page({ after: 5, limit: 2 })).toEqual([['2 at 7'], false])
  const count = async () => (await cid.api.message.get.query({ messageId })).replyCount
  expect(await count()).toBe(3)
  await cid.api.message.delete.mutate({ messageId: ids[0] ?? '' })
  expect(await count()).toBe(2)
  expect(await page()).toEqual([['1 at 5', '2 at 7'], false])
  // Hidden by one, it still counts: the count is the same for all.
  await cid.api.message.hide.mutate({ messageId: ids[1] ?? '' })
  expect(await count()).toBe(2)
})

test('unread mentions, in lists and answers of marking', async () => {
  await using ann = connect('ann')
  await using fay = connect('fay')
  const { conversationId } = await group(ann, 'fay', 1)
  const hear = new Inbox<Event>()
  fay.on('receipt.unread', hear.push)
  await fay.ready()
  const { message, conversation } = fay.api
  const send = (content: string) => ann.conversation(conversationId).send(content)
  await send('hello @fay')
  await send('@everyone, and you @fay')
  const last = await send('nobody')
  const counts = async () => {
    const [found] = (await conversation.list.query({})).conversations
    return [found?.unread, found?.mentions]
  }
  expect(await counts()).toEqual([4, 2])
  expect(await message.markRead.mutate({ conversationId, seq: 2 })).toMatchObject({ unread: 2, mentions: 1 })
  expect(await message.markRead.mutate({ conversationId, seq: 2 })).toMatchObject({ changed: 0, mentions: 1 })
  expect(await message.markRead.mutate({ messageId: last.id })).toMatchObject({ unread: 0, mentions: 0 })
  expect(await message.markUnread.mutate({ conversationId, seq: 1 })).toMatchObject({ unread: 4, mentions: 2 })
  expect((await hear.count(1, 'receipt.unread'))[0]?.payload).toMatchObject({ mentions: 2 })
  expect(await counts()).toEqual([4, 2])
  const { members } = await ann.api.conversation.get.query({ conversationId })
  expect(members.map(({ userId, mentions }) => [userId, mentions])).toEqual([
    ['ann', 0],
    ['fay', 2],
  ])
})
