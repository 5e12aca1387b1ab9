/**
 * The database goes away and comes back under a running server: that costs waiting and clear errors, never the process, an
 * acknowledged message, or a gap. On native Postgres; skipped, and said so, where there is none.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createClient, isParleyError } from '../client/index.ts'
import { startServer, type TestServer } from './harness.ts'
import { Inbox } from './inbox.ts'
import { type Cluster, createCluster, findPrograms, withSql } from './postgres.ts'

const programs = findPrograms()

describe.skipIf(programs === null)('a database outage', () => {
  let cluster: Cluster
  let server: TestServer
  beforeAll(async () => {
    cluster = await createCluster(programs ?? '')
    server = await startServer({ env: { DATABASE_URL: cluster.url() } })
  })
  afterAll(async () => {
    await server?.close()
    await cluster?.remove()
  })
  const client = (userId: string) => createClient({ url: server.url, token: server.token(userId), timeoutMs: 30_000 })
  const health = async () => (await fetch(`${server.url}/healthz`)).status

  test('stopped and started while messages are sent', async () => {
    const [ann, bob] = [client('ann'), client('bob')]
    const got = new Inbox<{ seq: number; content: string }>()
    bob.on('message.created', ({ payload: { message } }) => got.push({ seq: message.seq, content: message.content }))
    await bob.ready()
    const { conversation } = await ann.api.conversation.create.mutate({ memberIds: ['bob'] })
    const chat = ann.conversation(conversation.id)
    const pending = Array.from({ length: 600 }, (_, i) => chat.send(`m${i}`))
    await got.count(100, 'the first messages')
    await cluster.stop()
    const refused = await ann.api.user.get.query({ userId: 'bob' }).catch((error: unknown) => error)
    expect(isParleyError(refused) && refused.code).toBe('UNAVAILABLE')
    expect(await health()).toBe(503)
    expect((await fetch(`${server.url}/livez`)).status).toBe(200)
    await cluster.start()
    const messages = await Promise.all(pending.map((message) => message.done))
    await got.count(600, 'every message', 30_000)
    expect(got.items).toEqual(pending.map((_, i) => ({ seq: i + 1, content: `m${i}` })))
    expect(messages.map((message) => message.seq)).toEqual(pending.map((_, i) => i + 1))
    expect(await health()).toBe(200)
    await Promise.all([ann.close(), bob.close()])
  }, 90_000)

  test('every backend killed, again and again, while messages are sent', async () => {
    const [ann, bob] = [client('ann'), client('bob')]
    const got = new Inbox<{ seq: number; content: string }>()
    bob.on('message.created', ({ payload: { message } }) => got.push({ seq: message.seq, content: message.content }))
    await bob.ready()
    const { conversation } = await ann.api.conversation.create.mutate({ kind: 'group', memberIds: ['bob'] })
    const chat = ann.conversation(conversation.id)
    const pending = Array.from({ length: 600 }, (_, i) => chat.send(`m${i}`))
    for (let kill = 1; kill <= 5; kill++) {
      await got.count(kill * 100, `delivery before kill ${kill}`, 30_000)
      // Also a write of several statements is in the middle of its work.
      const update = ann.api.conversation.update.mutate({ conversationId: conversation.id, title: `t${kill}` }).then(
        () => 'ok',
        (error: unknown) => (isParleyError(error) ? error.code : String(error)),
      )
      await withSql(
        cluster.url(),
        (sql) =>
          sql`select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend'`,
      )
      expect(['ok', 'UNAVAILABLE']).toContain(await update)
    }
    await Promise.all(pending.map((message) => message.done))
    await got.count(600, 'every message', 30_000)
    expect(got.items).toEqual(pending.map((_, i) => ({ seq: i + 1, content: `m${i}` })))
    await Promise.all([ann.close(), bob.close()])
  }, 90_000)
})
