/** Receipts and a member's own wishes, as typed clients see them: several devices, live, and after having been away. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClient, type Event, isParleyError } from '../../client/index.ts'
import { startServer, type TestServer } from '../harness.ts'
import { Inbox } from '../inbox.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server?.close())

const HEARD = ['receipt.read', 'receipt.delivered', 'receipt.unread', 'conversation.configured'] as const

/** A client, what it hears of receipts and wishes, and its cursor once it hears. With a cursor it goes on from there. */
async function device(userId: string, from?: string) {
  const client = createClient({
    url: server.url,
    token: server.token(userId),
    ...(from !== undefined && { cursor: from }),
  })
  const heard = new Inbox<Event>(({ name }) => name)
  for (const name of HEARD) client.on(name, heard.push)
  const cursor = await client.ready()
  const payload = async (name: (typeof HEARD)[number]) => (await heard.next((item) => item.name === name, name)).payload
  const unread = async () => (await client.api.conversation.list.query({})).conversations[0]?.unread
  return { client, heard, cursor, payload, unread, [Symbol.asyncDispose]: () => client.close() }
}

let groups = 0
/** A group of users whom no other test knows, with messages 1 and 3 of ann's and 2 of bob's. */
async function group() {
  groups++
  const names = { ann: `ann${groups}`, bob: `bob${groups}`, cid: `cid${groups}` }
  const [ann, bob] = await Promise.all([server.actor(names.ann), server.actor(names.bob), server.actor(names.cid)])
  const { core } = server.app
  const memberIds = [names.bob, names.cid]
  const { conversation } = await core.execute(ann, 'conversation.create', { kind: 'group', memberIds })
  const conversationId = conversation.id
  const messages: string[] = []
  for (const [at, sender] of [ann, bob, ann].entries()) {
    messages.push((await core.execute(sender, 'message.send', { conversationId, content: `${at + 1}` })).id)
  }
  return { ...names, conversationId, messages }
}

test('what is read on one device is read on the other', async () => {
  const { bob, conversationId } = await group()
  await using phone = await device(bob)
  await using laptop = await device(bob)
  expect(await laptop.unread()).toBe(2)
  expect(await phone.client.conversation(conversationId).markRead(1)).toMatchObject({ seq: 1, unread: 1 })
  expect(await laptop.payload('receipt.read')).toMatchObject({ conversationId, userId: bob, seq: 1, unread: 1 })
  expect(await laptop.unread()).toBe(1)
  await phone.client.conversation(conversationId).markRead()
  expect(await laptop.payload('receipt.read')).toMatchObject({ userId: bob, fromSeq: 1, seq: 3, changed: 1, unread: 0 })
  expect(await laptop.unread()).toBe(0)
})

test("marked as unread: the user's devices follow, live and after having been away; nobody else hears of it", async () => {
  const { ann, bob, conversationId, messages } = await group()
  await using phone = await device(bob)
  await using laptop = await device(bob)
  await using peer = await device(ann)
  const { message } = phone.client.api
  await message.markRead.mutate({ conversationId })
  await laptop.payload('receipt.read')

  const messageId = messages[0] ?? ''
  const back = { conversationId, seq: 0, changed: 2, unread: 2, mentions: 0 }
  expect(await message.markUnread.mutate({ messageId })).toEqual(back)
  const moved = { conversationId, userId: bob, fromSeq: 3, seq: 0, changed: 2, unread: 2, mentions: 0 }
  expect(await laptop.payload('receipt.unread')).toEqual(moved)
  expect(await laptop.unread()).toBe(2)
  expect(await message.markUnread.mutate({ conversationId, seq: 3 })).toEqual({ ...back, changed: 0 })
  expect((await peer.client.api.message.readers.query({ messageId })).readers).toMatchObject([
    { userId: bob, read: false },
  ])

  await message.markRead.mutate({ conversationId })
  const again = { userId: bob, fromSeq: 0, seq: 3, changed: 2, unread: 0 }
  expect(await laptop.payload('receipt.read')).toMatchObject(again)
  await peer.heard.count(2, 'both times that bob read')
  expect(peer.heard.items.map(({ name }) => name)).toEqual(['receipt.read', 'receipt.read'])

  await using tablet = await device(bob, laptop.cursor)
  await tablet.heard.count(3, 'what it missed')
  expect(tablet.heard.items.map(({ name }) => name)).toEqual(['receipt.read', 'receipt.unread', 'receipt.read'])
  expect(tablet.heard.items[1]?.payload).toEqual(moved)
})

test('nothing from before joining becomes unread, and no receipt speaks of it', async () => {
  const { ann, conversationId, messages } = await group()
  const { core } = server.app
  const [owner, late] = await Promise.all([server.actor(ann), server.actor(`${ann}-late`)])
  await core.execute(owner, 'conversation.addMembers', { conversationId, memberIds: [late.userId] })
  await core.execute(owner, 'message.send', { conversationId, content: '4' })
  await core.execute(late, 'message.markRead', { conversationId })
  expect(await core.execute(late, 'message.markUnread', { conversationId, seq: 1 })).toMatchObject({
    ...{ seq: 3, changed: 1, unread: 1 },
  })
  const { readers } = await core.execute(owner, 'message.readers', { messageId: messages[2] ?? '' })
  expect(readers).toEqual([])
})

test('who has received a message and who has read it, in pages', async () => {
  const { ann, bob, cid, conversationId, messages } = await group()
  await using phone = await device(bob)
  await using other = await device(cid)
  await using author = await device(ann)
  await phone.client.conversation(conversationId).markRead(1)
  await other.client.api.message.markDelivered.mutate({ conversationId })
  const readers = async (messageId = '', page: { limit?: number; after?: string } = {}) => {
    const { readers, next } = await author.client.api.message.readers.query({ messageId, ...page })
    return [...readers.map(({ profile, read }) => `${profile.id} ${read}`), next]
  }
  expect(await readers(messages[0])).toEqual([`${bob} true`, `${cid} false`, null])
  expect(await readers(messages[0], { limit: 1 })).toEqual([`${bob} true`, bob])
  expect(await readers(messages[0], { limit: 1, after: bob })).toEqual([`${cid} false`, null])
  expect(await readers(messages[1])).toEqual([`${cid} false`, null])
  expect(await readers(messages[2])).toEqual([`${cid} false`, null])
})

test("a member's wishes are on all their devices, in lists and snapshots, and nobody else's business", async () => {
  const { ann, bob, conversationId } = await group()
  await using phone = await device(bob)
  await using laptop = await device(bob)
  await using peer = await device(ann)
  const { conversation, sync } = laptop.client.api
  const { configure } = phone.client.api.conversation
  const mutedUntil = new Date('2040-01-01T00:00:00Z')
  const wishes = { mutedUntil, archived: true, pinned: false }
  expect(await configure.mutate({ conversationId, mutedUntil, archived: true })).toEqual({ conversationId, ...wishes })
  expect(await laptop.payload('conversation.configured')).toEqual({ conversationId, userId: bob, ...wishes })
  expect((await conversation.list.query({})).conversations).toMatchObject([{ id: conversationId, ...wishes }])
  expect((await conversation.list.query({ archived: true })).conversations).toMatchObject([{ id: conversationId }])
  expect((await conversation.list.query({ archived: false })).conversations).toEqual([])
  expect((await sync.snapshot.query({})).conversations).toMatchObject([{ id: conversationId, ...wishes }])
  expect((await peer.client.api.conversation.list.query({})).conversations).toMatchObject([
    { id: conversationId, mutedUntil: null, archived: false, pinned: false },
  ])

  await configure.mutate({ conversationId, archived: true })
  await configure.mutate({ conversationId, mutedUntil: null, archived: false, pinned: true })
  const last = { mutedUntil: null, archived: false, pinned: true }
  expect(await laptop.payload('conversation.configured')).toEqual({ conversationId, userId: bob, ...last })
  await using tablet = await device(bob, laptop.cursor)
  await tablet.heard.count(2, 'what it missed')
  expect(tablet.heard.items.map(({ payload }) => payload)).toMatchObject([wishes, last])

  await phone.client.conversation(conversationId).markRead()
  await peer.payload('receipt.read')
  expect(peer.heard.items).toHaveLength(1)
  const empty = await configure.mutate({ conversationId }).catch((error: unknown) => error)
  expect(isParleyError(empty) && empty.code).toBe('INVALID_INPUT')
})

test('a receipt names what was newly read from others, and whether one message or the conversation was marked', async () => {
  const { ann, bob, cid, conversationId, messages } = await group()
  await using reader = await device(cid)
  const [first = '', second = '', third = ''] = messages
  const { markRead, markDelivered } = reader.client.api.message
  await markDelivered.mutate({ conversationId })
  await markRead.mutate({ messageId: second })
  await markRead.mutate({ messageId: first })
  await markRead.mutate({ conversationId })
  await reader.client.conversation(conversationId).send('4')
  await reader.client.conversation(conversationId).markRead(4)
  const delivered = await reader.payload('receipt.delivered')
  const read = [await reader.payload('receipt.read'), await reader.payload('receipt.read')]
  const own = await reader.payload('receipt.read')
  const by = (id: string, senderId: string) => ({ id, senderId })
  expect(read).toMatchObject([
    { seq: 2, messageId: second, changed: 2, whole: false, messages: [by(first, ann), by(second, bob)] },
    { seq: 3, messageId: third, changed: 1, whole: true, messages: [by(third, ann)] },
  ])
  expect(own).toMatchObject({ seq: 4, changed: 0, whole: true, messages: [] })

  const { members } = await reader.client.api.conversation.get.query({ conversationId })
  const at = (payload: object) => ('at' in payload ? payload.at : undefined)
  expect(members.find(({ userId }) => userId === cid)).toMatchObject({
    ...{ lastReadAt: at(own), lastViewedAt: at(own), lastDeliveredAt: at(own), lastReadSeq: 4 },
  })
  expect(at(delivered)).toBeInstanceOf(Date)
  expect(members.find(({ userId }) => userId === ann)).toMatchObject({ lastReadAt: null, lastDeliveredAt: null })
})
