/** The examples of the documents that the old servers' own code ran: as written there, but for where `socketService` comes from. */
import { io } from 'socket.io-client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { socketService as serviceOf, socketManager } from '../../server/legacy.ts'
import { startServer, type TestServer } from '../harness.ts'
import { Inbox } from '../inbox.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server?.close())

interface Heard {
  event: string
  payload: unknown
}
async function client(auth: object = {}) {
  const heard = new Inbox<Heard>()
  const socket = io(server.url, { auth, transports: ['websocket'], forceNew: true, reconnection: false })
  socket.onAny((event: string, payload: unknown) => heard.push({ event, payload }))
  const connected = new Promise<void>((resolve, reject) => {
    socket.on('connect', resolve)
    socket.on('connect_error', reject)
  })
  await connected
  return {
    socket,
    next: (event: string) => heard.next((one) => one.event === event, event),
    [Symbol.dispose]: () => void socket.disconnect(),
  }
}

test('Broadcasting Bedtime Notification', async () => {
  const socketService = serviceOf(server.app)
  using guest = await client()
  using ann = await client({ token: server.token('ann-b'), dialect: 'bedtime' })
  socketService.broadcastNotification({
    type: 'bedtime',
    title: 'Bedtime Reminder',
    message: "It's time for bed!",
    scheduleName: 'Evening Schedule',
  })
  for (const each of [guest, ann]) {
    expect((await each.next('schedule:notification')).payload).toEqual({
      type: 'bedtime',
      title: 'Bedtime Reminder',
      message: "It's time for bed!",
      scheduleName: 'Evening Schedule',
      timestamp: expect.any(String),
    })
  }
})

test('Sending User-Specific Message', async () => {
  const failed: unknown[] = []
  const socketService = serviceOf(server.app, (error) => failed.push(error))
  const userId = 'ann-u'
  using ann = await client({ token: server.token(userId), dialect: 'bedtime' })
  socketService.sendNotificationToUser(userId, {
    type: 'notification',
    title: 'New Message',
    message: 'You have a new message',
  })
  expect((await ann.next('schedule:notification')).payload).toMatchObject({
    type: 'notification',
    title: 'New Message',
    message: 'You have a new message',
  })
  await expect(
    socketService.sendNotificationToUser('nobody', { type: 'x', title: 'x', message: 'x' }),
  ).rejects.toMatchObject({ code: 'NOT_FOUND' })
  expect(failed).toHaveLength(1)
})

test('Getting Connection Stats', async () => {
  const socketService = serviceOf(server.app)
  using _ann = await client({ token: server.token('ann-s'), dialect: 'bedtime' })
  using _also = await client({ token: server.token('ann-s'), dialect: 'bedtime' })
  const connectedUsers = socketService.getConnectedUsers()
  const connectionCount = socketService.getConnectionCount()
  expect(connectedUsers.filter((userId) => userId === 'ann-s')).toHaveLength(1)
  expect(connectionCount).toBe(connectedUsers.length)
  // Who has not said who they are is no user.
  using _guest = await client({ dialect: 'bedtime' })
  expect(socketService.getConnectedUsers()).not.toContain('guest')
})

test('Backend Test Events', async () => {
  const socketService = serviceOf(server.app)
  const userId = 'ann-t'
  using ann = await client({ token: server.token(userId), dialect: 'marketplace' })
  await server.actor('bob-t')
  const { conversation } = await server.app.core.execute(await server.actor(userId), 'conversation.create', {
    memberIds: ['bob-t'],
  })
  const chatId = conversation.id
  await ann.next('new-chat-notification')
  socketService.getIO().to(`user:${userId}`).emit('test-event', {
    message: 'Testing user notification',
    timestamp: new Date(),
  })
  socketService.getIO().to(`chat:${chatId}`).emit('test-message', {
    content: 'Testing chat room broadcast',
    chatId,
  })
  expect((await ann.next('test-event')).payload).toMatchObject({ message: 'Testing user notification' })
  expect((await ann.next('test-message')).payload).toEqual({ content: 'Testing chat room broadcast', chatId })
  const failed: unknown[] = []
  const strict = serviceOf(server.app, (error) => failed.push(error))
  await expect(strict.getIO().to(`user:${userId}`).emit('new-message', {})).rejects.toMatchObject({
    code: 'INVALID_INPUT',
  })
  expect(failed).toHaveLength(1)
})

test('Get Statistics, Debug State', async () => {
  const manager = socketManager(server.app)
  using ann = await client({ token: server.token('ann-r', { role: undefined }), dialect: 'rooms' })
  await ann.socket.emitWithAck('joinRoom', { roomId: 'room-of-ann' })
  const stats = manager.getStats()
  expect(stats.totalSockets).toBeGreaterThanOrEqual(stats.totalUsers)
  expect(stats.totalRooms).toBeGreaterThanOrEqual(1)
  expect(manager.isUserInRoom('ann-r', 'room-of-ann')).toBe(true)
  expect(manager.isUserInRoom('bob', 'room-of-ann')).toBe(false)
  expect(manager.getUsersInRoom('room-of-ann')).toEqual([
    { socketId: ann.socket.id, userId: 'ann-r', username: expect.any(String) },
  ])
  const lines: string[] = []
  manager.printState((line) => lines.push(line))
  expect(lines.join('\n')).toContain(ann.socket.id)
})
