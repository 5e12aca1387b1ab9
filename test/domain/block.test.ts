/** Blocks, as the two and those around them see it: typed clients, a marketplace socket, two nodes, races. */
import { io } from 'socket.io-client'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createClient, type Event, isParleyError } from '../../client/index.ts'
import { openStore } from '../../server/store/store.ts'
import type { Actor } from '../../shared/ports.ts'
import { startServer, type TestServer } from '../harness.ts'
import { Inbox } from '../inbox.ts'
import { withSql } from '../postgres.ts'
import { nativeDatabase, openFresh, withoutNative } from '../store/databases.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server?.close())

const HEARD = ['user.blocked', 'typing.changed', 'message.created', 'message.accepted', 'call.signaled'] as const
/** `ann types`, `ann stops`, `ann: hi`, or the name of the event. */
function word(event: Event): string {
  if (event.name === 'typing.changed') return `${event.payload.userId} ${event.payload.typing ? 'types' : 'stops'}`
  if (event.name === 'message.created') return `${event.payload.message.senderId}: ${event.payload.message.content}`
  return event.name
}

async function device(userId: string, { on = server, cursor }: { on?: TestServer; cursor?: string } = {}) {
  const client = createClient({ url: on.url, token: on.token(userId), ...(cursor !== undefined && { cursor }) })
  const heard = new Inbox<Event>(word)
  for (const name of HEARD) client.on(name, heard.push)
  await client.ready()
  /** All that has come, up to and including this. */
  const until = async (last: string) => {
    await heard.until((items) => (items.some((item) => word(item) === last) ? true : undefined), last)
    return heard.items.map(word)
  }
  return { client, api: client.api, heard, until, [Symbol.asyncDispose]: () => client.close() }
}
type Device = Awaited<ReturnType<typeof device>>

const refusal = (call: Promise<unknown>) =>
  call.then(
    () => 'ok',
    (error) => (isParleyError(error) ? error.code : error),
  )

let places = 0
/** Users whom no other test knows; they exist. */
async function people(on = server) {
  places++
  const [ann, bob, cid] = [`ann${places}`, `bob${places}`, `cid${places}`] as const
  await Promise.all([ann, bob, cid].map((userId) => on.actor(userId)))
  return { ann, bob, cid }
}
/** A group of all three, made by ann. */
async function group({ api }: Device, memberIds: string[]) {
  const { conversation } = await api.conversation.create.mutate({ kind: 'group', memberIds })
  return conversation.id
}

test('in a blocked direct conversation nothing new happens, from either side; what was written stays', async () => {
  const { ann, bob } = await people()
  await using a = await device(ann)
  await using b = await device(bob)
  const first = await a.api.message.send.mutate({ to: bob, content: 'first' })
  const second = await b.api.message.send.mutate({ to: ann, content: 'second' })
  const { conversationId } = first
  const attempts = async (by: Device, other: string, own: string, theirs: string) => ({
    send: await refusal(by.api.message.send.mutate({ conversationId, content: 'no', optimistic: true })),
    to: await refusal(by.api.message.send.mutate({ to: other, content: 'no' })),
    create: await refusal(by.api.conversation.create.mutate({ memberIds: [other], message: { content: 'no' } })),
    edit: await refusal(by.api.message.edit.mutate({ messageId: own, content: 'better' })),
    react: await refusal(by.api.message.react.mutate({ messageId: theirs, reaction: '👍' })),
    lock: await refusal(by.api.lock.acquire.mutate({ messageId: own })),
    call: await refusal(by.api.calls.signal.mutate({ signal: 'offer', to: other, data: {} })),
  })
  const refused = {
    ...{ send: 'FORBIDDEN', to: 'FORBIDDEN', create: 'FORBIDDEN', edit: 'FORBIDDEN', react: 'FORBIDDEN' },
    ...{ lock: 'FORBIDDEN', call: 'FORBIDDEN' },
  }
  expect(await a.api.user.block.mutate({ userId: bob })).toEqual({ userId: bob, changed: true })
  expect(await attempts(a, bob, first.id, second.id)).toEqual(refused)
  expect(await attempts(b, ann, second.id, first.id)).toEqual(refused)
  expect((await b.api.message.history.query({ conversationId })).messages).toHaveLength(2)
  expect((await b.api.conversation.create.mutate({ memberIds: [ann] })).conversation.id).toBe(conversationId)
  expect(await b.api.message.delete.mutate({ messageId: second.id })).toMatchObject({ deletedBy: bob })

  // Each takes back only their own.
  await b.api.user.block.mutate({ userId: ann })
  await a.api.user.unblock.mutate({ userId: bob })
  expect(await refusal(a.api.message.send.mutate({ to: bob, content: 'no' }))).toBe('FORBIDDEN')
  await b.api.user.unblock.mutate({ userId: ann })
  const third = await a.api.message.send.mutate({ to: bob, content: 'third', optimistic: true })
  expect(await attempts(a, bob, third.id, third.id)).toEqual(
    Object.fromEntries(Object.keys(refused).map((k) => [k, 'ok'])),
  )
  const words = await b.until(`${ann}: third`)
  const before = words.slice(0, words.indexOf(`${ann}: third`))
  expect(before).toEqual([`${ann}: first`, `${bob}: second`, 'user.blocked', 'user.blocked', 'message.accepted'])
})

test('no direct conversation is opened between the two; in a group they read each other', async () => {
  const { ann, bob } = await people()
  await using a = await device(ann)
  await using b = await device(bob)
  await a.api.user.block.mutate({ userId: bob })
  for (const [by, other] of [
    [a, bob],
    [b, ann],
  ] as const) {
    expect(await refusal(by.api.conversation.create.mutate({ memberIds: [other] }))).toBe('FORBIDDEN')
    expect(await refusal(by.api.message.send.mutate({ to: other, content: 'hi' }))).toBe('FORBIDDEN')
  }
  const conversationId = await group(a, [bob])
  await b.api.message.send.mutate({ conversationId, content: 'hello' })
  expect(await a.until(`${bob}: hello`)).toEqual(['user.blocked', `${bob}: hello`])
  await a.api.user.unblock.mutate({ userId: bob })
  expect(await refusal(b.api.conversation.create.mutate({ memberIds: [ann] }))).toBe('ok')
})

test("a block is told on the blocker's own devices alone, also later, once; repeated it changes nothing", async () => {
  const { ann, bob } = await people()
  const away = await device(ann)
  const { cursor } = away.client
  await away.client.close()
  await using a = await device(ann)
  await using b = await device(bob)
  for (const changed of [true, false]) {
    expect(await a.api.user.block.mutate({ userId: bob })).toEqual({ userId: bob, changed })
  }
  for (const changed of [true, false]) {
    expect(await a.api.user.unblock.mutate({ userId: bob })).toEqual({ userId: bob, changed })
  }
  expect(await refusal(a.api.user.block.mutate({ userId: ann }))).toBe('INVALID_INPUT')
  expect(await refusal(a.api.user.block.mutate({ userId: 'nobody at all' }))).toBe('NOT_FOUND')
  await b.api.message.send.mutate({ to: ann, content: 'hi' })
  await using back = await device(ann, cursor === undefined ? {} : { cursor })
  for (const own of [a, back]) {
    expect(await own.until(`${bob}: hi`)).toEqual(['user.blocked', 'user.blocked', `${bob}: hi`])
    const [on, off] = own.heard.items
    expect(on?.payload).toEqual({ userId: ann, blockedId: bob, on: true })
    expect(off?.payload).toEqual({ userId: ann, blockedId: bob, on: false })
  }
  expect(await b.until(`${bob}: hi`)).toEqual([`${bob}: hi`])
})

test('whom a user has blocked, in pages, with profiles; not who has blocked them', async () => {
  const { ann, bob, cid } = await people()
  await using a = await device(ann)
  await using b = await device(bob)
  await b.api.user.block.mutate({ userId: ann })
  for (const userId of [cid, bob]) await a.api.user.block.mutate({ userId })
  const first = await a.api.user.blocks.query({ limit: 1 })
  expect(first).toMatchObject({ blocks: [{ userId: bob, profile: { id: bob, role: 'client' } }], next: bob })
  const rest = await a.api.user.blocks.query({ limit: 1, after: bob })
  expect(rest).toMatchObject({ blocks: [{ userId: cid, since: expect.any(Date) }], next: null })
})

test('nobody is notified of what the other does in a group; others are', async () => {
  const { ann, bob, cid } = await people()
  await using a = await device(ann)
  await using b = await device(bob)
  await using c = await device(cid)
  const conversationId = await group(a, [bob, cid])
  const { id: messageId } = await a.api.message.send.mutate({ conversationId, content: 'hi' })
  await a.api.user.block.mutate({ userId: bob })
  for (const by of [b, c]) {
    await by.api.message.send.mutate({ conversationId, content: `@${ann} look` })
    await by.api.message.react.mutate({ messageId, reaction: '👍' })
  }
  await a.api.message.send.mutate({ conversationId, content: `@${bob} @${cid}` })
  const told = async ({ api }: Device) =>
    (await api.notification.list.query({ types: ['mention', 'reaction'] })).notifications.map(
      ({ type, data }) => `${type} by ${data?.userId}`,
    )
  expect((await told(a)).sort()).toEqual([`mention by ${cid}`, `reaction by ${cid}`])
  expect(await told(b)).toEqual([])
  expect(await told(c)).toEqual([`mention by ${ann}`])
})

test('a legacy socket that enters a chat does not learn by numbers who is there and not to be seen', async () => {
  const { ann, bob, cid } = await people()
  await using a = await device(ann)
  await using c = await device(cid)
  const conversationId = await group(a, [bob, cid])
  const auth = { token: server.token(bob), dialect: 'marketplace' }
  const socket = io(server.url, { forceNew: true, reconnection: false, transports: ['websocket'], auth })
  const joined = () =>
    new Promise<number>((resolve) => {
      socket.once('chat-joined', ({ roomMembersCount }) => resolve(roomMembersCount))
      socket.emit('join-chat', conversationId)
    })
  try {
    expect(await joined()).toBe(3)
    await a.api.user.block.mutate({ userId: bob })
    expect(await joined()).toBe(2)
    await c.api.presence.set.mutate({ status: 'offline' })
    await expect.poll(joined).toBe(1)
  } finally {
    socket.close()
  }
})

describe('typing', () => {
  test('is not heard between the two, in a group and in their direct conversation; others hear it', async () => {
    const { ann, bob, cid } = await people()
    await using a = await device(ann)
    await using b = await device(bob)
    await using c = await device(cid)
    const conversationId = await group(a, [bob, cid])
    const direct = (await a.api.conversation.create.mutate({ memberIds: [bob] })).conversation.id
    await a.api.user.block.mutate({ userId: bob })
    // Who comes only now knows of it as well.
    await using late = await device(bob)
    for (const by of [a, b]) {
      for (const id of [direct, conversationId]) {
        for (const typing of [true, false]) await by.api.typing.set.mutate({ conversationId: id, typing })
      }
    }
    await c.api.message.send.mutate({ conversationId, content: 'end' })
    const end = `${cid}: end`
    expect(await c.until(end)).toEqual([`${ann} types`, `${ann} stops`, `${bob} types`, `${bob} stops`, end])
    expect(await a.until(end)).toEqual(['user.blocked', end])
    expect(await b.until(end)).toEqual([end])
    expect(await late.until(end)).toEqual([end])
    await a.api.user.unblock.mutate({ userId: bob })
    await b.api.typing.set.mutate({ conversationId, typing: true })
    expect((await a.until(`${bob} types`)).slice(2)).toEqual(['user.blocked', `${bob} types`])
  })

  test('what had begun ends with the block', async () => {
    const { ann, bob } = await people()
    await using a = await device(ann)
    await using b = await device(bob)
    const { conversationId } = await a.api.message.send.mutate({ to: bob, content: 'hi' })
    await b.api.typing.set.mutate({ conversationId, typing: true })
    await a.until(`${bob} types`)
    await a.api.user.block.mutate({ userId: bob })
    expect(await a.until(`${bob} stops`)).toEqual([`${ann}: hi`, `${bob} types`, 'user.blocked', `${bob} stops`])
  })

  test('is not told to a marketplace socket of either', async () => {
    const { ann, bob, cid } = await people()
    await using a = await device(ann)
    const conversationId = await group(a, [bob, cid])
    const heard = new Inbox<string>()
    const sockets = await Promise.all(
      [bob, cid].map(async (userId) => {
        const auth = { token: server.token(userId), dialect: 'marketplace' }
        const socket = io(server.url, { forceNew: true, reconnection: false, transports: ['websocket'], auth })
        socket.on('user-typing', (said) => heard.push(`${userId} hears ${said.userId} ${said.isTyping}`))
        socket.on('new-message', ({ content }) => heard.push(`${userId} reads ${content}`))
        await new Promise((resolve) => socket.on('connect', () => resolve(undefined)))
        return socket
      }),
    )
    try {
      await a.api.user.block.mutate({ userId: bob })
      await a.api.typing.set.mutate({ conversationId, typing: true })
      sockets[0]?.emit('typing-start', conversationId)
      await heard.until((items) => (items.includes(`${cid} hears ${bob} true`) ? true : undefined), "bob's typing")
      await a.api.message.send.mutate({ conversationId, content: 'end' })
      await heard.until(
        (items) => (items.filter((item) => item.endsWith('end')).length === 2 ? true : undefined),
        'end',
      )
      expect(heard.items.filter((item) => item.endsWith('true'))).toEqual([
        `${cid} hears ${ann} true`,
        `${cid} hears ${bob} true`,
      ])
      expect((await a.until(`${ann}: end`)).filter((said) => said.includes('types'))).toEqual([])
    } finally {
      for (const socket of sockets) socket.close()
    }
  })
})

test('a block made on another node counts for those who are connected here', async () => {
  const store = await openFresh()
  await using one = await startServer({ store })
  await using two = await startServer({ store })
  const { ann, bob } = await people(one)
  await using a = await device(ann, { on: two })
  await using b = await device(bob, { on: two })
  await using elsewhere = await device(ann, { on: one })
  const conversationId = await group(a, [bob])
  await elsewhere.api.user.block.mutate({ userId: bob })
  await a.until('user.blocked')
  await b.api.typing.set.mutate({ conversationId, typing: true })
  await b.api.message.send.mutate({ conversationId, content: 'end' })
  expect(await a.until(`${bob}: end`)).toEqual(['user.blocked', `${bob}: end`])
})

describe.skipIf(withoutNative())('a block and a new direct conversation at once', () => {
  let native: TestServer
  let url: string
  let drop: () => Promise<void>
  beforeAll(async () => {
    const database = await nativeDatabase()
    url = database.url
    drop = database.drop
    native = await startServer({ store: await openStore({ databaseUrl: url }) })
  })
  afterAll(async () => {
    await native?.close()
    await drop?.()
  })

  /** `waits` once somebody waits for a pair, unless the call is done first. */
  const progress = (call: Promise<unknown>) =>
    Promise.race([
      call.then(
        () => 'done',
        () => 'done',
      ),
      vi.waitFor(
        () =>
          withSql(url, async (sql) => {
            const [row] = await sql.unsafe(
              `select count(*)::int as n from pg_locks where locktype = 'advisory' and classid = 1346458189 and not granted
              and database = (select oid from pg_database where datname = current_database())`,
            )
            if (row?.n === 0) throw new Error('nobody waits')
            return 'waits'
          }),
        { timeout: 10_000, interval: 20 },
      ),
    ])

  function gate() {
    let open = () => {}
    const opened = new Promise<void>((resolve) => {
      open = resolve
    })
    return { open, opened }
  }

  async function two(): Promise<{ ann: Actor; bob: Actor }> {
    const { ann, bob } = await people(native)
    return { ann: await native.actor(ann), bob: await native.actor(bob) }
  }

  test('the conversation comes first: it is blocked', async () => {
    const { ann, bob } = await two()
    const { core, store } = native.app
    const made = gate()
    const commit = gate()
    const head = { id: `${ann.userId} direct`, kind: 'direct', title: null, context: null } as const
    const opening = store.write(async (tx) => {
      await tx.createConversation({
        ...{ ...head, historyVisible: true, joinPolicy: 'invited', createdBy: ann.userId },
        pair: [ann.userId, bob.userId],
      })
      await tx.addMembers(head.id, [ann.userId, bob.userId], 'member')
      await tx.lockPair(ann.userId, bob.userId)
      made.open()
      await commit.opened
    })
    await made.opened
    const blocking = core.execute(bob, 'user.block', { userId: ann.userId })
    expect(await progress(blocking)).toBe('waits')
    commit.open()
    await Promise.all([opening, blocking])
    const send = core.execute(ann, 'message.send', { conversationId: head.id, content: 'hi' })
    await expect(send).rejects.toMatchObject({ code: 'FORBIDDEN' })
  })

  test('the block comes first: the conversation is refused', async () => {
    const { ann, bob } = await two()
    const { core, store } = native.app
    const made = gate()
    const commit = gate()
    const blocking = store.write(async (tx) => {
      await tx.lockPair(bob.userId, ann.userId)
      await tx.block(bob.userId, ann.userId, true)
      made.open()
      await commit.opened
    })
    await made.opened
    const opening = core.execute(ann, 'message.send', { to: bob.userId, content: 'hi' })
    opening.catch(() => {})
    expect(await progress(opening)).toBe('waits')
    commit.open()
    await blocking
    await expect(opening).rejects.toMatchObject({ code: 'FORBIDDEN' })
    expect(await store.reads.conversations.direct(ann.userId, bob.userId)).toBeNull()
  })
})
