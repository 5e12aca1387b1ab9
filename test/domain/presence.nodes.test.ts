/** Presence on two nodes with one database: seen across, together over devices, and ended with a node that stops or dies. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createClient } from '../../client/index.ts'
import { memoryCluster } from '../../server/cluster/memory.ts'
import { openStore } from '../../server/store/store.ts'
import type { Event } from '../../shared/events.ts'
import { startServer } from '../harness.ts'
import { Inbox } from '../inbox.ts'
import { nativeDatabase, withoutNative } from '../store/databases.ts'
import { startBackend, startEntrance } from '../trpc.entrance.ts'

type Heard = Event<'presence.changed'>
const show = ({ payload }: Heard) => payload.changes.map(({ userId, status }) => `${userId} ${status}`).join(', ')

describe.skipIf(withoutNative())('two nodes', () => {
  const cluster = memoryCluster()
  let database: Awaited<ReturnType<typeof nativeDatabase>>
  const started: AsyncDisposable[] = []
  beforeAll(async () => {
    database = await nativeDatabase()
  })
  afterAll(async () => {
    for (const node of started.reverse()) await node[Symbol.asyncDispose]()
    await database?.drop()
  })

  async function startNode() {
    const broker = cluster.join()
    const presence = { windowMs: 25, graceMs: 200, leaseMs: 1_500 }
    const backend = await startBackend({ store: await openStore({ databaseUrl: database.url }), broker, presence })
    started.push(backend)
    const entrance = await startEntrance(backend)
    started.push(entrance)
    const device = async (userId: string) => {
      const client = createClient({ url: entrance.url, token: backend.token(userId) })
      started.push({ [Symbol.asyncDispose]: () => client.close() })
      const heard = new Inbox<Heard>(show)
      client.on('presence.changed', heard.push)
      await client.ready()
      /** Each is said once; in which order nodes say theirs is not fixed. */
      const said = (text: string) => heard.until((items) => items.find((event) => show(event).includes(text)), text)
      return { client, heard, said, api: client.api }
    }
    return { backend, broker, device }
  }

  test('a status crosses; a user is there while a device is, on whatever node; a node takes its users along', async () => {
    const [one, two, three] = [await startNode(), await startNode(), await startNode()]
    const ann = await one.backend.actor('ann')
    for (const id of ['bob', 'cid', 'dan']) await one.backend.actor(id)
    const { conversation } = await one.backend.core.execute(ann, 'conversation.create', {
      ...{ kind: 'group', memberIds: ['bob', 'cid', 'dan'] },
    })
    const a = await one.device('ann')
    const phone = await two.device('bob')
    await a.said('bob online')
    expect(one.backend.core.occupancy('user:bob', 'ann')).toEqual({ connections: 0, users: ['bob'] })
    expect(one.backend.core.occupancy('user:cid', 'ann')).toEqual({ connections: 0, users: [] })
    const laptop = await one.device('bob')
    await phone.api.presence.set.mutate({ status: 'dnd', custom: { message: 'in a lesson' } })
    await a.said('bob dnd')
    await laptop.said('bob dnd')
    expect(two.backend.presence.online('ann')).toBe(true)
    expect((await phone.api.presence.online.query({ conversationId: conversation.id })).users).toHaveLength(2)

    // There still, on the other node; then nowhere.
    await phone.client.close()
    const c = await two.device('cid')
    const d = await three.device('dan')
    await a.said('cid online')
    await a.said('dan online')
    await expect
      .poll(() => two.backend.presence.shown('bob') && one.backend.presence.roster.get('bob')?.nodes.size)
      .toBe(1)
    await laptop.client.close()
    for (const { said } of [a, c, d]) await said('bob offline')
    const [bob] = (await c.api.presence.get.query({ userIds: ['bob'] })).users
    expect(bob).toMatchObject({ status: 'offline', custom: { message: 'in a lesson' }, lastSeenAt: expect.any(Date) })

    // One stops, one dies: nobody hears of it again.
    await two.backend.presence.stop()
    await a.said('cid offline')
    await three.broker.close()
    await a.said('dan offline')
    expect([one.backend.presence.online('cid'), one.backend.presence.online('dan')]).toEqual([false, false])
    expect(a.heard.items.map(show).filter((text) => text.startsWith('bob'))).toEqual([
      'bob online',
      'bob dnd',
      'bob offline',
    ])
  })

  test('a stop is when those who were here were last seen', async () => {
    const before = Date.now()
    const server = await startServer({ store: await openStore({ databaseUrl: database.url }) })
    await using client = createClient({ url: server.url, token: server.token('eve') })
    await client.ready()
    await client.api.presence.set.mutate({ status: 'away' })
    const get = async () => (await client.api.presence.get.query({ userIds: ['eve'] })).users[0]?.status
    await expect.poll(get, { timeout: 5_000 }).toBe('away')
    await server.close()
    const store = await openStore({ databaseUrl: database.url })
    const [eve] = await store.reads.presence.people(['eve'])
    expect(eve?.status).toBe('away')
    expect(eve?.lastSeenAt?.getTime()).toBeGreaterThanOrEqual(before)
    await store.close()
  })
})
