/**
 * The server killed with `kill -9`, again and again, while messages are sent: what was acknowledged is there once, seq and
 * position have no gap, the receiver got each message once and in order, and a repeated clientId gives the first message.
 */
import { rmSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { createClient } from '../client/index.ts'
import { createAuth } from '../server/auth.ts'
import { openStore } from '../server/store/store.ts'
import { SECRET } from './harness.ts'
import { Inbox } from './inbox.ts'
import { createCluster, findPrograms } from './postgres.ts'
import { freePort, type ServerProcess, startProcess } from './process.ts'
import { dataFolder } from './store/databases.ts'

const auth = createAuth({
  secret: SECRET,
  publicKey: undefined,
  newId: () => 'x',
  standing: async () => null,
  admit: () => Promise.reject(new Error('not here')),
})
const token = (userId: string) => auth.sign({ userId, role: 'client' }, 3_600)

async function killedWhileSending(
  database: Record<string, string>,
  { sends, kills }: { sends: number; kills: number },
): Promise<void> {
  const port = await freePort()
  const env = { ...database, PORT: String(port), JWT_SECRET: SECRET, LOG_LEVEL: 'silent' }
  let server: ServerProcess = await startProcess(env)
  const { url } = server
  const ann = createClient({ url, token: token('ann'), timeoutMs: 60_000 })
  const bob = createClient({ url, token: token('bob') })
  const got = new Inbox<{ position: number; seq: number; content: string }>()
  bob.on('message.created', ({ position = 0, payload: { message } }) =>
    got.push({ position, seq: message.seq, content: message.content }),
  )
  await bob.ready()
  const { conversation } = await ann.api.conversation.create.mutate({ memberIds: ['bob'] })
  const chat = ann.conversation(conversation.id)
  const pending = Array.from({ length: sends }, (_, i) => chat.send(`m${i}`))
  for (let kill = 1; kill <= kills; kill++) {
    await got.count(Math.floor(sends / (kills + 1)) * kill, `delivery before kill ${kill}`, 60_000)
    await server.stop('SIGKILL')
    server = await startProcess(env)
  }
  const sent = await Promise.all(pending.map((message) => message.done))
  await got.count(sends, 'every message', 60_000)
  expect(got.items.map((item) => item.content)).toEqual(pending.map((_, i) => `m${i}`))
  expect(got.items.map((item) => item.seq)).toEqual(pending.map((_, i) => i + 1))
  expect(sent.map((message) => message.seq)).toEqual(pending.map((_, i) => i + 1))
  const first = sent[0]
  const again = await ann.api.message.send.mutate({
    conversationId: conversation.id,
    clientId: first?.clientId,
    content: 'other',
  })
  expect(again).toEqual(first)
  await Promise.all([ann.close(), bob.close()])
  expect(await server.stop('SIGTERM')).toBe(0)

  const store = await openStore(
    database.DATABASE_URL ? { databaseUrl: database.DATABASE_URL } : { dataDir: database.DATA_DIR ?? '' },
  )
  const positions: number[] = []
  for (let after = 0; ; ) {
    const page = await store.log.page(null, after, 1_000)
    positions.push(...page.events.map((event) => event.position))
    if (page.events.length === 0) break
    after = page.upTo
  }
  await store.close()
  expect(positions).toEqual(positions.map((_, i) => i + 1))
}

const programs = findPrograms()
describe('kill -9 while sending', () => {
  test('embedded, on the same folder', async () => {
    const folder = dataFolder()
    await killedWhileSending({ DATA_DIR: folder }, { sends: 400, kills: 1 }).finally(() =>
      rmSync(folder, { recursive: true, force: true }),
    )
  }, 240_000)
  test.skipIf(programs === null)(
    'native, on the same database',
    async () => {
      const cluster = await createCluster(programs ?? '')
      await killedWhileSending({ DATABASE_URL: cluster.url() }, { sends: 1_000, kills: 2 }).finally(() =>
        cluster.remove(),
      )
    },
    240_000,
  )
})
