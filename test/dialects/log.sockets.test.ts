/** SOCKET_LOGGING: a record of everything on the sockets in files of a day, and nothing of what was said. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { io } from 'socket.io-client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer } from '../harness.ts'

const folder = mkdtempSync(join(tmpdir(), 'parley-sockets-'))
const day = (ago: number) => new Date(Date.now() - ago * 86_400_000)
const nameOf = (ago: number) => `sockets-${day(ago).toISOString().slice(0, 10)}.log`
const until = (socket: ReturnType<typeof io>, name: string) =>
  new Promise<unknown>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`no ${name}`)), 5_000)
    socket.once(name, (value: unknown) => {
      clearTimeout(late)
      resolve(value)
    })
  })

let secret = ''
let text = ''
let ids: (string | undefined)[] = []
beforeAll(async () => {
  // The server was last here yesterday, and for 14 days before that.
  const old = Array.from({ length: 14 }, (_, n) => nameOf(n + 2))
  for (const [n, name] of old.entries()) {
    writeFileSync(join(folder, name), 'old\n')
    utimesSync(join(folder, name), day(n + 2), day(n + 2))
  }
  writeFileSync(join(folder, 'sockets.log.txt'), old.map((name) => `${join(folder, name)}\n`).join(''))
  writeFileSync(join(folder, 'sockets.log'), 'of yesterday\n')
  utimesSync(join(folder, 'sockets.log'), day(1), day(1))

  await using server = await startServer({ env: { SOCKET_LOGGING: 'true', SOCKET_LOG_DIR: folder } })
  const [ann, bob] = [await server.actor('ann'), await server.actor('bob')]
  const { conversation } = await server.app.core.execute(ann, 'conversation.create', {
    kind: 'group',
    memberIds: [bob.userId],
  })
  secret = server.token('ann')
  const options = { transports: ['websocket'], forceNew: true, reconnection: false, query: { dialect: 'marketplace' } }
  const bad = io(server.url, { ...options, auth: { token: 'bad' } })
  await until(bad, 'connect_error')
  bad.close()
  const socket = io(server.url, { ...options, auth: { token: secret } })
  const other = io(server.url, { ...options, auth: { token: server.token('bob') } })
  await Promise.all([until(socket, 'connect'), until(other, 'connect')])
  ids = [socket.id, other.id]
  const heard = [until(socket, 'message-sent'), until(other, 'chat-updated')]
  socket.emit('send-message', { chatId: conversation.id, content: 'between us' })
  await Promise.all(heard)
  const refused = until(socket, 'error')
  socket.emit('join-chat', 'not theirs')
  await refused
  socket.emit(`x${'y'.repeat(300)}`, 'unknown')
  other.disconnect()
  const answered = until(socket, 'chat-joined')
  socket.emit('join-chat', conversation.id)
  await answered
  await server.close()
  text = readFileSync(join(folder, 'sockets.log'), 'utf8')
})
afterAll(() => rmSync(folder, { recursive: true }))

const records = () =>
  text
    .trimEnd()
    .split('\n')
    .map((line): Record<string, unknown> => JSON.parse(line))
const saidOf = (socketId: string | undefined) =>
  records()
    .filter((record) => record.socketId === socketId)
    .map(({ message, eventName }) => `${message}: ${eventName}`)

test('connections, events in and out and disconnections, in order', () => {
  expect(saidOf(ids[0])).toEqual([
    'Socket connected: connection',
    'Socket event received: send-message',
    'Socket event emitted: new-message',
    'Socket event emitted: chat-updated',
    'Socket event emitted: message-sent',
    'Socket event received: join-chat',
    'Socket error: join-chat',
    'Socket event emitted: error',
    'Socket event emitted: chat-joined',
    `Socket event received: x${'y'.repeat(99)}`,
    'Socket event received: join-chat',
    'Socket event emitted: chat-joined',
    'Socket disconnected: disconnect',
  ])
  expect(saidOf(ids[1])).toEqual([
    'Socket connected: connection',
    'Socket event emitted: new-message',
    'Socket event emitted: chat-updated',
    'Socket disconnected: disconnect',
  ])
})

test('by exactly the documented names', () => {
  expect(records().find(({ eventName }) => eventName === 'send-message')).toEqual({
    ...{ level: 'info', message: 'Socket event received', eventName: 'send-message', namespace: '/' },
    ...{ socketId: ids[0], userId: 'ann', timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) },
  })
  const errors = records().filter(({ message }) => message === 'Socket error')
  expect(errors).toMatchObject([
    { level: 'error', eventName: 'connection', userId: null, error: 'Authentication failed' },
    { level: 'error', eventName: 'join-chat', userId: 'ann', error: 'NOT_FOUND' },
  ])
})

test('nothing of what was said, and no token', () => {
  expect(text).not.toContain('between us')
  expect(text).not.toContain(secret)
})

test('a file a day: that of yesterday has its day, and the oldest is gone', () => {
  const files = readdirSync(folder).filter((name) => name.endsWith('.log'))
  expect(files.sort()).toEqual([...Array.from({ length: 14 }, (_, n) => nameOf(n + 1)), 'sockets.log'].sort())
  expect(readFileSync(join(folder, nameOf(1)), 'utf8')).toBe('of yesterday\n')
})
