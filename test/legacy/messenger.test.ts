/** The examples of the messenger's document for the front end. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type TestServer } from '../harness.ts'
import { Page } from './snippet.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server?.close())

const token = (id: string) => server.token(id, { userId: undefined, role: undefined, id })
async function pair(one: string, other: string) {
  const first = await server.actor(one)
  await server.actor(other)
  const { conversation } = await server.app.core.execute(first, 'conversation.create', { memberIds: [other] })
  return { first, conversationId: conversation.id }
}

const CONNECT = `
// Default namespace (legacy)
const socket = io('http://localhost:4000', {
  auth: { token: 'your-jwt-token' }
});

// Messages namespace
const messagesSocket = io('http://localhost:4000/messages', {
  auth: { token: 'your-jwt-token' }
});

// Notifications namespace
const notificationsSocket = io('http://localhost:4000/notifications', {
  auth: { token: 'your-jwt-token' }
});
`
interface Wire {
  on(event: string, listener: (...args: unknown[]) => void): void
  emit(event: string, ...args: unknown[]): void
}
interface Sockets {
  readonly socket: Wire
  readonly messagesSocket: Wire
  readonly notificationsSocket: Wire
}
async function connect(page: Page, id: string): Promise<Sockets> {
  const names = ['socket', 'messagesSocket', 'notificationsSocket']
  const sockets: Sockets = page.run(CONNECT.replaceAll('your-jwt-token', token(id)), {}, names)
  const connected = Object.values<Wire>({ ...sockets }).map(
    (one) => new Promise<void>((ok) => one.on('connect', () => ok())),
  )
  await Promise.all(connected)
  return sockets
}

test('Client Connection Examples, and where events arrive after the migration', async () => {
  const { first, conversationId } = await pair('ann-c', 'bob-c')
  using page = new Page(server.url)
  const { messagesSocket, socket } = await connect(page, 'bob-c')
  const handler = page.noting('handler')
  page.run(`// Old\nsocket.on('message:new', handler);`, { socket, handler })
  page.run(`// New\nmessagesSocket.on('message:new', handler);`, { messagesSocket, handler })
  await server.app.core.execute(first, 'message.send', { conversationId, content: 'Hi' })
  await page.calls.count(2, 'the message in both')
  expect(page.calls.items).toMatchObject([
    ['handler', { content: 'Hi', conversationId }],
    ['handler', { content: 'Hi', conversationId }],
  ])
})

test('Authentication in all namespaces, from localStorage', async () => {
  using page = new Page(server.url)
  const localStorage = { getItem: (name: string) => (name === 'token' ? token('ann-l') : null) }
  const { messagesSocket } = page.run(
    `
const messagesSocket = io('http://localhost:4000/messages', {
  auth: { token: localStorage.getItem('token') }
});
`,
    { localStorage },
    ['messagesSocket'],
  )
  await new Promise((resolve) => messagesSocket.on('connect', resolve))
})

test('Getting Metrics', async () => {
  using page = new Page(server.url)
  const { messagesSocket: socket } = await connect(page, 'ann-m')
  socket.on('metrics:get', page.noting('metrics'))
  page.run(`// Client requests metrics\nsocket.emit('metrics:get');`, { socket })
  const [, metrics] = await page.called('metrics')
  expect(metrics).toEqual({
    userId: 'ann-m',
    socketId: expect.any(String),
    avgLatency: expect.any(Number),
    lastHeartbeat: null,
    missedHeartbeats: expect.any(Number),
    consecutiveMissed: expect.any(Number),
  })
})

const LOCK = `
// Lock before editing
socket.emit('message:lock', { messageId: 'msg123' });

socket.on('message:locked', ({ messageId, lockedBy }) => {
  // Start editing
  startEditing(messageId, lockedBy);
});

socket.on('lock-failed', ({ messageId, lockedBy, reason }) => {
  alert(\`Message is being edited by \${lockedBy}\`);
});
`
const UNLOCK = `
// Unlock after editing
socket.emit('message:unlock', { messageId: 'msg123' });
`

test('Client Integration of locks', async () => {
  const { first, conversationId } = await pair('ann-k', 'bob-k')
  const { id } = await server.app.core.execute(first, 'message.send', { conversationId, content: 'Hi' })
  const withId = (code: string) => code.replaceAll('msg123', id)
  using ann = new Page(server.url)
  using bob = new Page(server.url)
  const [anns, bobs] = [await connect(ann, 'ann-k'), await connect(bob, 'bob-k')]
  const names = (page: Page) => ({ startEditing: page.noting('startEditing'), alert: page.noting('alert') })
  ann.run(withId(LOCK), { socket: anns.messagesSocket, ...names(ann) })
  expect(await ann.called('startEditing')).toEqual(['startEditing', id, 'ann-k'])
  bob.run(withId(LOCK), { socket: bobs.messagesSocket, ...names(bob) })
  expect(await bob.called('alert')).toEqual(['alert', 'Message is being edited by ann-k'])
  bobs.messagesSocket.on('message:lock-changed', bob.noting('changed'))
  ann.run(withId(UNLOCK), { socket: anns.messagesSocket })
  expect(await bob.called('changed')).toMatchObject(['changed', { messageId: id, lockedBy: null }])
  // Nobody starts to edit because somebody else does.
  expect(bob.calls.items.map(([name]) => name)).toEqual(['alert', 'changed'])
})

test('Client Usage of statuses and views', async () => {
  const { first, conversationId } = await pair('ann-s', 'bob-s')
  using ann = new Page(server.url)
  using bob = new Page(server.url)
  const { socket } = await connect(ann, 'ann-s')
  const bobs = await connect(bob, 'bob-s')
  bobs.socket.on('user-status', bob.noting('status'))
  ann.run(
    `
// Set custom status
socket.emit('status:set', {
  status: 'busy',
  customStatus: {
    message: 'In a meeting',
    emoji: '📞',
    expiresAt: new Date(Date.now() + 3600000) // 1 hour
  }
});

// Track conversation view
socket.emit('conversation:view', {
  conversationId: 'conv123'
});
`.replace('conv123', conversationId),
    { socket },
  )
  const busy = await bob.called('status', ([one]) => JSON.stringify(one).includes('"busy"'))
  expect(busy).toMatchObject([
    'status',
    { userId: 'ann-s', customStatus: { message: 'In a meeting', emoji: '📞', expiresAt: expect.any(String) } },
  ])
  await new Promise((resolve) => socket.emit('are you there', resolve))
  const { members } = await server.app.core.execute(first, 'conversation.get', { conversationId })
  expect(members.find(({ userId }) => userId === 'ann-s')?.lastViewedAt).toBeInstanceOf(Date)
})
