import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createClient, isParleyError } from '../../client/index.ts'
import { memoryCluster } from '../../server/cluster/memory.ts'
import { Expiry } from '../../server/core/expiry.ts'
import type { Broker, Store } from '../../server/core/ports.ts'
import type { Event } from '../../shared/events.ts'
import { startServer } from '../harness.ts'
import { Inbox } from '../inbox.ts'
import { lastingDatabase, openFresh } from '../store/databases.ts'
import { type Backend, startBackend, startEntrance } from '../trpc.entrance.ts'

const HEARD = ['lock.acquired', 'lock.released', 'message.created'] as const
type Item = Event<(typeof HEARD)[number]>
const show = (item: Item) => `${item.name} ${JSON.stringify(item.payload)}`

/** A node with short times: a lock that is not renewed lasts `lockMs`. */
async function startNode(
  store: Store,
  { graceMs, broker, ...locks }: { lockMs?: number; graceMs?: number; sweepMs?: number; broker?: Broker } = {},
) {
  const presence = graceMs !== undefined && { presence: { graceMs } }
  const backend = await startBackend({ store, locks, ...presence, ...(broker && { broker }) })
  const entrance = await startEntrance(backend)
  const device = async (userId: string, cursor?: string) => {
    const token = backend.token(userId)
    const client = createClient({ url: entrance.url, token, ...(cursor !== undefined && { cursor }) })
    const heard = new Inbox<Item>(show)
    for (const name of HEARD) client.on(name, heard.push)
    await client.ready()
    return { client, heard, api: client.api, [Symbol.asyncDispose]: () => client.close() }
  }
  return {
    ...{ backend, device },
    async [Symbol.asyncDispose]() {
      await entrance[Symbol.asyncDispose]()
      await backend[Symbol.asyncDispose]()
    },
  }
}

let places = 0
/** A group of three whom no other test knows, with messages of ann's. */
async function place(backend: Backend, messages = 1) {
  places++
  const names = { ann: `ann${places}`, bob: `bob${places}`, cid: `cid${places}` }
  const [ann] = await Promise.all([backend.actor(names.ann), backend.actor(names.bob), backend.actor(names.cid)])
  const { conversation } = await backend.core.execute(ann, 'conversation.create', {
    kind: 'group',
    memberIds: [names.bob, names.cid],
  })
  const conversationId = conversation.id
  const ids: string[] = []
  for (let n = 0; n < messages; n++)
    ids.push((await backend.core.execute(ann, 'message.send', { conversationId, content: `text ${n}` })).id)
  return { ...names, conversationId, ids, messageId: ids[0] ?? '' }
}

const refusal = (promise: Promise<unknown>) =>
  promise.then(
    () => 'ok' as const,
    (error: unknown) => {
      if (isParleyError(error)) return error
      throw error
    },
  )
const released = (heard: Inbox<Item>, messageId: string) =>
  heard.next((item) => item.name === 'lock.released' && item.payload.messageId === messageId, 'the end of the lock')

let store: Store
let node: Awaited<ReturnType<typeof startNode>>
beforeAll(async () => {
  store = await openFresh()
  node = await startNode(store, { graceMs: 3_000 })
})
afterAll(() => node?.[Symbol.asyncDispose]())

test('one holder at a time; the others are told who and for how long, and cannot edit', async () => {
  const { ann, bob, messageId, conversationId } = await place(node.backend)
  await using a = await node.device(ann)
  await using b = await node.device(bob)
  const first = await b.api.lock.acquire.mutate({ messageId })
  expect(first).toEqual({ messageId, token: 1, holderId: bob, remainingMs: expect.any(Number) })
  expect(await a.heard.next(({ name }) => name === 'lock.acquired', 'the lock')).toMatchObject({
    payload: { messageId, conversationId, holderId: bob, remainingMs: first.remainingMs },
  })
  const attempts = [
    a.api.lock.acquire.mutate({ messageId }),
    a.api.message.edit.mutate({ messageId, content: 'mine' }),
    a.api.lock.renew.mutate({ messageId, token: 1 }),
  ]
  for (const error of await Promise.all(attempts.map(refusal))) {
    if (error === 'ok') throw new Error('not refused')
    expect(error).toMatchObject({ code: 'LOCKED', retry: false, data: { code: 'CONFLICT', httpStatus: 409 } })
    expect(error.details).toEqual({ holderId: bob, remainingMs: expect.any(Number) })
  }
  expect(await a.api.lock.release.mutate({ messageId, token: 1 })).toEqual({ messageId, released: false })
  expect(await b.api.lock.acquire.mutate({ messageId })).toMatchObject({ token: 1 })
  expect(await b.api.lock.renew.mutate({ messageId, token: 1 })).toMatchObject({ messageId })
  const lock = { messageId, conversationId, holderId: bob, remainingMs: expect.any(Number) }
  expect(await a.api.lock.list.query({ conversationId })).toEqual({ locks: [lock] })

  expect(await b.api.lock.release.mutate({ messageId, token: 1 })).toEqual({ messageId, released: true })
  expect((await released(a.heard, messageId)).payload).toEqual({
    ...{ messageId, conversationId, holderId: bob, reason: 'released' },
  })
  expect(await b.api.lock.release.mutate({ messageId, token: 1 })).toEqual({ messageId, released: false })
  expect(await refusal(b.api.lock.renew.mutate({ messageId, token: 1 }))).toMatchObject({ code: 'CONFLICT' })
  expect(await a.api.lock.list.query({ conversationId })).toEqual({ locks: [] })
  expect(await a.api.lock.acquire.mutate({ messageId })).toMatchObject({ token: 2, holderId: ann })
  expect(await a.api.message.edit.mutate({ messageId, content: 'mine' })).toMatchObject({ content: 'mine' })
  // Neither the renewals nor the refusals were told.
  await b.heard.count(3, 'the second holding')
  expect(b.heard.items.map(({ name }) => name)).toEqual(['lock.acquired', 'lock.released', 'lock.acquired'])
})

test('deleting a message ends its lock, and removing a member ends theirs', async () => {
  const { ann, bob, cid, ids, conversationId } = await place(node.backend, 2)
  const [deleted = '', kept = ''] = ids
  await using a = await node.device(ann)
  await using b = await node.device(bob)
  await using c = await node.device(cid)
  await b.api.lock.acquire.mutate({ messageId: deleted })
  await c.api.lock.acquire.mutate({ messageId: kept })
  await a.api.message.delete.mutate({ messageId: deleted })
  expect((await released(b.heard, deleted)).payload).toMatchObject({ holderId: bob, reason: 'gone' })
  expect(await refusal(b.api.lock.acquire.mutate({ messageId: deleted }))).toMatchObject({ code: 'CONFLICT' })
  await a.api.conversation.removeMember.mutate({ conversationId, userId: cid })
  expect((await released(c.heard, kept)).payload).toMatchObject({ holderId: cid, reason: 'gone' })
  expect(await refusal(c.api.lock.acquire.mutate({ messageId: kept }))).toMatchObject({ code: 'NOT_FOUND' })
  expect(await a.api.lock.list.query({ conversationId })).toEqual({ locks: [] })
})

test('who was away gets each beginning and each end once', async () => {
  const { ann, bob, messageId } = await place(node.backend)
  await using a = await node.device(ann)
  const before = await node.device(bob)
  const { cursor } = before.client
  await before.client.close()
  for (const token of [1, 2]) {
    await a.api.lock.acquire.mutate({ messageId })
    await a.api.lock.release.mutate({ messageId, token })
  }
  await using b = await node.device(bob, cursor)
  await b.heard.count(4, 'two beginnings and two ends')
  await a.api.lock.acquire.mutate({ messageId })
  await b.heard.count(5, 'what happens now')
  const acquired = ['lock.acquired', 'lock.released']
  expect(b.heard.items.map(({ name }) => name)).toEqual([...acquired, ...acquired, 'lock.acquired'])
})

test('the locks of who has gone end, not those of who came back', async () => {
  const { ann, bob, cid, ids, conversationId } = await place(node.backend, 3)
  const [first = '', ...others] = ids
  await using a = await node.device(ann)
  const there = await node.device(bob)
  const gone = await node.device(cid)
  await there.api.lock.acquire.mutate({ messageId: first })
  for (const messageId of others) await gone.api.lock.acquire.mutate({ messageId })
  await there.client.close()
  await using back = await node.device(bob)
  await gone.client.close()
  // They left later: had bob not come back, his lock would have ended before theirs.
  for (const messageId of others) {
    expect((await released(a.heard, messageId)).payload).toMatchObject({ holderId: cid, reason: 'gone' })
  }
  const { locks } = await back.api.lock.list.query({ conversationId })
  expect(locks).toMatchObject([{ messageId: first, holderId: bob }])
})

test('who is still connected to another node keeps their locks', async () => {
  const shared = await openFresh()
  const cluster = memoryCluster()
  await using one = await startNode(shared, { graceMs: 100, broker: cluster.join() })
  await using two = await startNode(shared, { graceMs: 100, broker: cluster.join() })
  const { ann, bob, cid, ids, conversationId } = await place(one.backend, 2)
  const [first = '', second = ''] = ids
  await using a = await one.device(ann)
  const there = await one.device(bob)
  await using elsewhere = await two.device(bob)
  const gone = await one.device(cid)
  await there.api.lock.acquire.mutate({ messageId: first })
  await gone.api.lock.acquire.mutate({ messageId: second })
  await there.client.close()
  await gone.client.close()
  expect((await released(a.heard, second)).payload).toMatchObject({ holderId: cid, reason: 'gone' })
  const { locks } = await elsewhere.api.lock.list.query({ conversationId })
  expect(locks).toMatchObject([{ messageId: first, holderId: bob }])
  await elsewhere.client.close()
  expect((await released(a.heard, first)).payload).toMatchObject({ holderId: bob, reason: 'gone' })
})

test('an expired lock is announced once, whichever nodes look', async () => {
  const shared = await openFresh()
  const times = { lockMs: 150, sweepMs: 20 }
  await using one = await startNode(shared, times)
  await using two = await startNode(shared, times)
  const { ann, bob, ids } = await place(one.backend, 20)
  await using a = await one.device(ann)
  await using b = await two.device(bob)
  await Promise.all(ids.map((messageId) => a.api.lock.acquire.mutate({ messageId })))
  const ends = (heard: Inbox<Item>) => heard.items.flatMap((item) => (item.name === 'lock.released' ? [item] : []))
  for (const { heard } of [a, b]) await heard.until(() => (ends(heard).length >= 20 ? true : undefined), '20 ends')
  const actor = await one.backend.actor(ann)
  const { conversationId } = ends(b.heard)[0]?.payload ?? { conversationId: '' }
  await one.backend.core.execute(actor, 'message.send', { conversationId, content: 'after' })
  for (const { heard } of [a, b]) {
    await heard.next(
      (item) => item.name === 'message.created' && item.payload.message.content === 'after',
      'the message',
    )
    expect(ends(heard).map(({ payload }) => payload.messageId)).toHaveLength(20)
    expect(new Set(ends(heard).map(({ payload }) => payload.messageId))).toEqual(new Set(ids))
    expect(new Set(ends(heard).map(({ payload, actorId }) => `${payload.reason} ${actorId}`))).toEqual(
      new Set(['expired null']),
    )
  }
})

test('what a node took and died with expires all the same, and can be taken before that is announced', async () => {
  const shared = await openFresh()
  await using one = await startNode(shared, { lockMs: 60_000, sweepMs: 50 })
  const { ann, bob, cid, ids, conversationId } = await place(one.backend, 2)
  const [first = '', second = ''] = ids
  await using a = await one.device(ann)
  const taken = (messageId: string) => ({ messageId, conversationId, holderId: bob, forMs: 1 })
  await shared.write((tx) => tx.takeLock(taken(first)))
  expect((await released(a.heard, first)).payload).toMatchObject({ holderId: bob, reason: 'expired' })
  await shared.write((tx) => tx.takeLock(taken(second)))
  await using c = await one.device(cid)
  const lock = await c.api.lock.acquire
    .mutate({ messageId: second })
    .catch(() => c.api.lock.acquire.mutate({ messageId: second }))
  expect(lock).toMatchObject({ token: 2, holderId: cid })
  await a.heard.next((item) => item.name === 'lock.acquired', 'the new holding')
  const about = a.heard.items.filter((item) => 'messageId' in item.payload && item.payload.messageId === second)
  expect(about.map(({ name }) => name)).toEqual(['lock.released', 'lock.acquired'])
})

test('a restart keeps the lock, and the next start ends it when its time is over', async () => {
  await using database = await lastingDatabase()
  const start = () => startServer({ env: { LOCK_TIMEOUT: '2500', ...database.env } })
  let server = await start()
  const [ann, bob] = await Promise.all([server.actor('ann'), server.actor('bob')])
  const { execute } = server.app.core
  const { conversation } = await execute(ann, 'conversation.create', { kind: 'group', memberIds: ['bob'] })
  const { id: messageId } = await execute(bob, 'message.send', { conversationId: conversation.id, content: 'text' })
  const before = createClient({ url: server.url, token: server.token('bob') })
  const cursor = await before.ready()
  await before.close()
  const holder = createClient({ url: server.url, token: server.token('ann') })
  await holder.ready()
  const { remainingMs } = await holder.api.lock.acquire.mutate({ messageId })
  expect(remainingMs).toBeLessThanOrEqual(2_500)
  await server.close()
  await holder.close()

  server = await start()
  await using after = createClient({ url: server.url, token: server.token('bob'), cursor })
  const heard = new Inbox<Item>(show)
  for (const name of HEARD) after.on(name, heard.push)
  expect((await released(heard, messageId)).payload).toMatchObject({ holderId: 'ann', reason: 'expired' })
  expect(heard.items.map(({ name }) => name)).toEqual(['lock.acquired', 'lock.released'])
  await server.close()
})

test('stopped, nothing waits for an expiry or for who left', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    const onError = (error: unknown) => {
      throw error
    }
    const expiry = new Expiry({ store, hub: { publish: async () => {} }, lockMs: 1_000, onError, online: () => false })
    expiry.start()
    expiry.expect(5)
    expiry.gone(['ann'])
    expect(vi.getTimerCount()).toBe(1)
    await expiry.stop()
    expiry.expect(5)
    expiry.gone(['bob'])
    expect(vi.getTimerCount()).toBe(0)
  } finally {
    vi.useRealTimers()
  }
})

test('a release without a token ends the own holding, whichever it is, and nobody else’s', async () => {
  await using node = await startNode(await openFresh())
  const { ann, bob, messageId } = await place(node.backend)
  await using a = await node.device(ann)
  await using b = await node.device(bob)
  const released = async ({ api }: typeof a) => (await api.lock.release.mutate({ messageId })).released
  expect(await released(a)).toBe(false)
  await a.api.lock.acquire.mutate({ messageId })
  expect(await released(b)).toBe(false)
  expect(await a.api.lock.release.mutate({ messageId, token: 2 })).toMatchObject({ released: false })
  expect(await released(a)).toBe(true)
  expect(await released(a)).toBe(false)
  expect(await b.api.lock.acquire.mutate({ messageId })).toMatchObject({ token: 2 })
  expect((await b.heard.count(3, 'taken, released, taken')).map(({ name }) => name)).toEqual([
    ...['lock.acquired', 'lock.released', 'lock.acquired'],
  ])
})
