/** Receipts above 100 members: the reader's own devices hear their marks, authors hear counts, everybody else hears nothing. */
import { io } from 'socket.io-client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClient, type Event } from '../../client/index.ts'
import { startServer, type TestServer } from '../harness.ts'
import { Inbox } from '../inbox.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server?.close())

let groups = 0
/** A group of so many members, which the first two of them have written to: one two, then the other one message. */
async function group(size: number) {
  groups++
  const userIds = Array.from({ length: size }, (_, index) => `g${groups}-${String(index).padStart(3, '0')}`)
  await server.app.store.write(async (tx) => {
    for (const id of userIds) await tx.upsertUser({ id })
  })
  const { core } = server.app
  const [author = '', editor = ''] = userIds
  const owner = await server.actor(author)
  const { conversation } = await core.execute(owner, 'conversation.create', {
    ...{ kind: 'group', memberIds: userIds.slice(1) },
  })
  const conversationId = conversation.id
  const send = async (userId: string) =>
    (await core.execute(await server.actor(userId), 'message.send', { conversationId, content: 'x' })).id
  const messages = [await send(author), await send(author), await send(editor)]
  const mark = async (verb: 'markRead' | 'markDelivered', ids: readonly string[], seq?: number) => {
    const actors = await Promise.all(ids.map((id) => server.actor(id)))
    const at = { conversationId, ...(seq !== undefined && { seq }) }
    await Promise.all(actors.map((actor) => core.execute(actor, `message.${verb}`, at)))
  }
  return { conversationId, messages, send, mark, author, editor, readers: userIds.slice(2) }
}

const RECEIPTS = ['receipt.read', 'receipt.delivered', 'receipt.marked', 'receipt.counted'] as const

/** A client, and what it hears of receipts and messages. */
async function device(userId: string, from?: string) {
  const client = createClient({
    ...{ url: server.url, token: server.token(userId) },
    ...(from !== undefined && { cursor: from }),
  })
  const heard = new Inbox<Event>(({ name, payload }) => `${name} ${JSON.stringify(payload)}`)
  for (const name of [...RECEIPTS, 'message.created'] as const) client.on(name, heard.push)
  const cursor = await client.ready()
  const receipts = () => heard.items.filter(({ name }) => name !== 'message.created')
  const counted = (delivered: number, read: number) =>
    heard.next(
      ({ name, payload }) =>
        name === 'receipt.counted' && 'read' in payload && payload.delivered === delivered && payload.read === read,
      `a count of ${delivered} and ${read}`,
    )
  return { client, heard, cursor, receipts, counted, [Symbol.asyncDispose]: () => client.close() }
}

test('many who read at once: counts to the authors alone, marks to the own devices, once also after being away', async () => {
  const { conversationId, messages, send, mark, author, editor, readers } = await group(101)
  const [first = '', ...others] = readers
  await using writing = await device(author)
  await using second = await device(editor)
  await using phone = await device(first)
  await using laptop = await device(first)
  await using bystander = await device(others.at(-1) ?? '')

  await phone.client.conversation(conversationId).markRead()
  await Promise.all([mark('markRead', others.slice(0, 19)), mark('markDelivered', others.slice(19, 24))])
  const { payload } = await writing.counted(25, 20)
  expect(payload).toEqual({ conversationId, messageId: messages[1], seq: 2, delivered: 25, read: 20 })
  expect((await second.counted(25, 20)).payload).toMatchObject({ messageId: messages[2], seq: 3 })
  for (const inbox of [phone.heard, laptop.heard]) {
    const marked = await inbox.next(({ name }) => name === 'receipt.marked', 'the marks')
    expect(marked.payload).toMatchObject({ conversationId, userId: first, deliveredSeq: 3, readSeq: 3, unread: 0 })
  }

  const last = await send(author)
  for (const { heard } of [writing, second, phone, bystander]) {
    const isLast = (event: Event) => event.name === 'message.created' && event.payload.message.id === last
    await heard.next(isLast, 'the last message')
  }
  expect(bystander.receipts()).toEqual([])
  expect(phone.receipts()).toHaveLength(1)
  // One a second: a single one, unless this machine took seconds for 25 receipts.
  expect(writing.receipts().length).toBeLessThan(10)
  expect(new Set(writing.receipts().map(({ name }) => name))).toEqual(new Set(['receipt.counted']))

  await using away = await device(author, writing.cursor)
  await away.counted(25, 20)
  const positions = ({ heard }: { heard: Inbox<Event> }) => heard.items.map(({ position }) => position)
  await expect.poll(() => positions(away), { timeout: 10_000 }).toEqual(positions(writing))
})

test('who joined later or left counts for nothing, and an author not for themselves', async () => {
  const { conversationId, messages, mark, author, editor, readers } = await group(102)
  const { core, store } = server.app
  const owner = await server.actor(author)
  const [late, gone = '', reader = ''] = [`${author}-late`, ...readers]
  await store.write((tx) => tx.upsertUser({ id: late }))
  await core.execute(owner, 'conversation.addMembers', { conversationId, memberIds: [late] })
  await mark('markRead', [gone])
  await core.execute(await server.actor(gone), 'conversation.leave', { conversationId })
  await using writing = await device(author)
  await mark('markRead', [editor, author, reader], 2)
  expect((await writing.counted(2, 2)).payload).toMatchObject({ messageId: messages[1], seq: 2 })
})

test('up to 100 members everybody hears of each', async () => {
  const { conversationId, mark, author, readers } = await group(100)
  await using writing = await device(author)
  await using bystander = await device(readers[1] ?? '')
  await mark('markRead', readers.slice(0, 1))
  for (const { heard } of [writing, bystander]) {
    const { payload } = await heard.next(({ name }) => name.startsWith('receipt.'), 'a receipt')
    expect(payload).toMatchObject({ conversationId, userId: readers[0], fromSeq: 0, seq: 3, changed: 3, unread: 0 })
  }
  expect(writing.receipts().map(({ name }) => name)).toEqual(['receipt.read'])
})

test('unread counts of legacy clients follow the marks', async () => {
  const { send, mark, author, readers } = await group(101)
  const [reader = ''] = readers
  const socket = io(server.url, {
    ...{ forceNew: true, reconnection: false, transports: ['websocket'] },
    auth: { token: server.token(author), dialect: 'marketplace' },
  })
  const heard = new Inbox<{ unreadCount: Record<string, number> }>()
  socket.on('chat-updated', heard.push)
  await new Promise((resolve) => socket.on('connect', () => resolve(undefined)))
  const counts = async () => {
    await send(author)
    return (await heard.next(() => true, 'an update of the chat')).unreadCount[reader]
  }
  expect(await counts()).toBe(4)
  await mark('markRead', [reader], 3)
  expect(await counts()).toBe(2)
  await mark('markRead', [reader])
  expect(await counts()).toBe(1)
  socket.close()
})
