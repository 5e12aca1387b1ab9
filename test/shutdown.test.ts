/** SIGTERM: what is being committed is finished, clients are told to come back, the process ends with 0, and they do. */
import { io } from 'socket.io-client'
import { expect, test } from 'vitest'
import { createClient } from '../client/index.ts'
import { createAuth } from '../server/auth.ts'
import { SECRET } from './harness.ts'
import { Inbox } from './inbox.ts'
import { freePort, startProcess } from './process.ts'
import { lastingDatabase } from './store/databases.ts'

const never = () => Promise.reject(new Error('nobody is admitted here'))
const auth = createAuth({ secret: SECRET, publicKey: undefined, newId: () => 'x', standing: never, admit: never })

test('a stop under load ends in order, and everybody comes back to the next start', async () => {
  await using database = await lastingDatabase()
  const env = { ...database.env, PORT: String(await freePort()), JWT_SECRET: SECRET }
  const server = await startProcess(env)
  const token = (userId: string) => auth.sign({ userId, role: 'client' }, 3_600)
  const ann = createClient({ url: server.url, token: token('ann'), timeoutMs: 60_000 })
  const bob = io(server.url, {
    path: '/marketplace/socket.io/',
    auth: { token: token('bob') },
    transports: ['websocket'],
  })
  const seen = new Inbox<string>((line) => line)
  bob.on('connect', () => seen.push('connect'))
  bob.on('disconnect', (reason) => seen.push(`disconnect: ${reason}`))
  await seen.next((line) => line === 'connect', 'bob to connect')
  const { conversation } = await ann.api.conversation.create.mutate({ memberIds: ['bob'] })
  const chat = ann.conversation(conversation.id)
  const pending = Array.from({ length: 200 }, (_, i) => chat.send(`m${i}`))
  await pending[20]?.done

  const started = performance.now()
  expect(await server.stop('SIGTERM')).toBe(0)
  expect(performance.now() - started).toBeLessThan(10_000)
  // Not `io server disconnect`: that would tell the client to stay away.
  expect(await seen.next((line) => line.startsWith('disconnect'), 'bob to be cut')).toMatch(/transport (close|error)/)

  const next = await startProcess(env)
  await seen.next((line) => line === 'connect', 'bob to come back', 20_000)
  const messages = await Promise.all(pending.map((message) => message.done))
  expect(messages.map((message) => message.seq)).toEqual(pending.map((_, i) => i + 1))
  bob.close()
  await ann.close()
  expect(await next.stop('SIGTERM')).toBe(0)
}, 240_000)
