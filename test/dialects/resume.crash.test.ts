/** The server goes, with or without a goodbye, and comes back on its database: old clients go on where they were. */
import { expect, test } from 'vitest'
import { createClient } from '../../client/index.ts'
import { createAuth } from '../../server/auth.ts'
import { SECRET, startServer } from '../harness.ts'
import { freePort, startProcess } from '../process.ts'
import { lastingDatabase } from '../store/databases.ts'
import { Chat, visit } from './away.ts'

const never = () => Promise.reject(new Error('nobody is admitted here'))
const auth = createAuth({ secret: SECRET, publicKey: undefined, newId: () => 'x', standing: never, admit: never })
const token = (userId: string, claims: object = {}) => auth.sign({ userId, role: 'client', ...claims }, 3_600)

test('kill -9: nothing is lost, in order, and who had just come for the first time has a place too', async () => {
  await using database = await lastingDatabase()
  const env = { ...database.env, PORT: String(await freePort()), JWT_SECRET: SECRET }
  const first = await startProcess(env)
  const server = { url: first.url, token }
  const ann = createClient({ url: first.url, token: token('ann'), timeoutMs: 60_000 })
  const chats = await Promise.all(
    ['bob', 'carl'].map(async (id) => {
      await createClient({ url: first.url, token: token(id) }).api.user.me.query()
      const { conversation } = await ann.api.conversation.create.mutate({ memberIds: [id] })
      return ann.conversation(conversation.id)
    }),
  )
  const write = async (...texts: string[]) => {
    for (const chat of chats) for (const text of texts) await chat.send(text).done
  }
  const bob = await visit(server, 'bob')
  await write('m0', 'm1')
  await bob.hears(['m0', 'm1'])
  const carl = await visit(server, 'carl', { transport: 'polling', version: 2 })
  await first.stop('SIGKILL')
  await Promise.all([bob.gone(), carl.gone()])

  const next = await startProcess(env)
  await write('m2', 'm3')
  const back = [await visit(server, 'bob'), await visit(server, 'carl', { transport: 'polling', version: 2 })]
  await write('m4')
  for (const visitor of back) await visitor.heard('m4')
  const [ofBob, ofCarl] = back.map((visitor) => visitor.said())
  // What came after the last fence that was saved is repeated, from there on.
  expect(['m0', 'm1', 'm2', 'm3', 'm4'].slice(-(ofBob?.length ?? 0))).toEqual(ofBob)
  expect(ofBob).toEqual(expect.arrayContaining(['m2', 'm3', 'm4']))
  expect(ofCarl).toEqual(['m2', 'm3', 'm4'])
  for (const { socket } of back) socket.close()
  await ann.close()
  await next.stop('SIGTERM')
}, 240_000)

test('a stop waits for fences, so nothing is repeated; who was away for longer than the log goes back begins anew', async () => {
  await using database = await lastingDatabase()
  const first = await startServer(database)
  const chat = await Chat.between(first, 'ann', 'bob')
  const [bob, other] = [await visit(first, 'bob'), await visit(first, 'bob', { dialect: 'messenger' })]
  await chat.write('m0')
  await Promise.all([bob.hears(['m0']), other.hears(['m0'], 'message:new')])
  await first.close()
  await Promise.all([bob.gone(), other.gone()])

  const second = await startServer(database)
  const back = await visit(second, 'bob')
  await back.settled()
  expect(back.said()).toEqual([])
  await back.leave()
  const again = await Chat.between(second, 'ann', 'bob')
  await again.write('m1', 'm2')
  await second.app.store.log.prune(new Date(Date.now() + 60_000))
  await second.close()

  await using third = await startServer(database)
  // Where one begins with the offline queue, one begins with it again; else with the present.
  const queued = await visit(third, 'bob', { dialect: 'messenger' })
  await queued.hears(['m1', 'm2'], 'message:new')
  const lost = await visit(third, 'bob')
  await (await Chat.between(third, 'ann', 'bob')).write('m3')
  await lost.hears(['m3'])
  await queued.hears(['m1', 'm2', 'm3'], 'message:new')
  for (const { socket } of [lost, queued]) socket.close()
}, 120_000)
