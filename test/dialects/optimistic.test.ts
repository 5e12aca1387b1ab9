/** What only shows while a message is on its way: the database is held back, or says no; or the readers are on another node. */

import { io } from 'socket.io-client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createApp } from '../../server/app.ts'
import { memoryBroker } from '../../server/cluster/memory.ts'
import type { Store } from '../../server/core/ports.ts'
import { AppError } from '../../shared/errors.ts'
import { startServer, type TestServer } from '../harness.ts'
import { Inbox } from '../inbox.ts'
import { openFresh } from '../store/databases.ts'
import { play } from '../transcript.ts'

/** The same with some members replaced. */
function but<T extends object>(all: T, other: Partial<T>): T {
  return new Proxy(all, {
    get(target, key) {
      const value: unknown = Reflect.get(key in other ? other : target, key)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

const open: (() => void)[] = []
let held: Promise<void> | undefined
const verbs = {
  hold: () => {
    held = new Promise((resolve) => open.push(resolve))
  },
  release: () => {
    held = undefined
    open.pop()?.()
  },
  refuse: () => {
    held = Promise.reject(new AppError('UNAVAILABLE', 'The database is away'))
    held.catch(() => {})
  },
}

/** How often a conversation was looked up. */
let details = 0
let store: Store
let server: TestServer
beforeAll(async () => {
  store = await openFresh()
  const send: Store['send'] = async (draft) => {
    await held
    return store.send(draft)
  }
  const conversations = but(store.reads.conversations, {
    detail: async (...which) => {
      details += 1
      return store.reads.conversations.detail(...which)
    },
  })
  const reads = but(store.reads, { conversations })
  server = await startServer({ store: but(store, { send, reads, close: async () => {} }) })
})
afterAll(async () => {
  await server?.close()
  await store?.close()
})

const LOBBY = `given id lobby
connect ann rooms
connect bob rooms
connect carl rooms
> ann joinRoom {roomId: <lobby>} ?
< ann callback {success: true, ...}
> bob joinRoom {roomId: <lobby>} ?
< bob callback {success: true, ...}
`

test('who joins while a message is on its way is shown it before it is confirmed', () =>
  play(
    `${LOBBY}
! hold
> ann roomMessage {roomId: <lobby>, body: "On its way", tempId: "t1"} ?
< bob roomMessageRecieved {tempId: "t1", ...}
< ann roomMessageSent {tempId: "t1", ...}
- bob
> carl joinRoom {roomId: <lobby>} ?
< carl roomMessageRecieved {tempId: "t1", body: "On its way", ...}
< carl callback {success: true, data: {connectedUsers: 3, roomId: <lobby>, alreadyJoined: false}, ...}
- carl
# Bob leaves before the confirmation and hears none.
> bob leaveRoom {roomId: <lobby>} ?
< bob callback {success: true, ...}
! release
< ann roomMessageConfirmed {tempId: "t1", ...}
< ann callback {success: true, ...}
< carl roomMessageConfirmed {tempId: "t1", ...}
- bob`,
    { server, verbs },
  ))

test('who comes in as to a channel is shown it in those words', () =>
  play(
    `${LOBBY}
! hold
> ann roomMessage {roomId: <lobby>, body: "On its way", tempId: "t1"} ?
< bob roomMessageRecieved {tempId: "t1", ...}
< ann roomMessageSent {tempId: "t1", ...}
> carl JoinChannel {channelId: <lobby>} ?
< carl callback {success: true, ...}
! release
< ann roomMessageConfirmed {_id: <m>, tempId: "t1", ...}
< ann callback {success: true, ...}
< bob roomMessageConfirmed {tempId: "t1", ...}
< carl NewMessageReceived {tempId: "t1", ...}
< carl NEW_MESSAGE_RECEIVED_EVENT {tempId: "t1", ...}
< carl channelMessageConfirmed {_id: <m>, tempId: "t1", ...}`,
    { server, verbs },
  ))

test('what nobody is left to hear is not shown to who comes later', () => {
  const gone = () => expect.poll(() => server.app.core.occupancy(`conversation:${room}`).connections).toBe(0)
  const room = `left-alone-${Date.now()}`
  return play(
    `connect ann rooms
> ann joinRoom {roomId: "${room}"} ?
< ann callback {success: true, ...}
! hold
> ann roomMessage {roomId: "${room}", body: "Gone"}
< ann roomMessageSent {...}
close ann
! gone
! release
connect bob rooms
> bob joinRoom {roomId: "${room}"} ?
< bob callback {success: true, ...}
> bob roomMessage {roomId: "${room}", body: "Anybody?"}
< bob roomMessageSent {body: "Anybody?", ...}
< bob roomMessageConfirmed {body: "Anybody?", ...}`,
    { server, verbs: { ...verbs, gone } },
  )
})

test('a message that cannot be stored fails for those who saw it, and for nobody else', () =>
  play(
    `${LOBBY}
connect dora marketplace
$ dora conversation.join {conversationId: <lobby>}
< dora chat-updated {...}
! refuse
> ann roomMessage {roomId: <lobby>, body: "Lost", tempId: "t1"} ?
< bob roomMessageRecieved {tempId: "t1", ...}
< ann roomMessageSent {tempId: "t1", ...}
< bob roomMessageFailed {tempId: "t1", error: "The database is away"}
< ann roomMessageFailed {tempId: "t1", error: "The database is away"}
< ann callback {success: false, message: "The database is away"}
> dora send-message {chatId: <lobby>, content: "Lost too"}
< dora error {message: "Failed to send message", code: "SEND_MESSAGE_ERROR"}
! release
- bob
- carl
- dora
> ann roomMessage {roomId: <lobby>, body: "Back", tempId: "t2"}
< ann roomMessageSent {tempId: "t2", ...}
< ann roomMessageConfirmed {tempId: "t2", ...}
< bob roomMessageRecieved {tempId: "t2", ...}
< bob roomMessageConfirmed {tempId: "t2", ...}
< dora new-message {content: "Back", ...}
< dora chat-updated {...}`,
    { server, verbs },
  ))

test('while one event takes long, a thousand may wait; what comes beyond is refused', async () => {
  const auth = { token: server.token('ann'), dialect: 'rooms' }
  const socket = io(server.url, { auth, forceNew: true, reconnection: false, transports: ['websocket'] })
  await socket.emitWithAck('joinRoom', { roomId: 'busy' })
  verbs.hold()
  const slow = socket.emitWithAck('roomMessage', { roomId: 'busy', body: 'Slow' })
  const answers = new Inbox<string>()
  for (let sent = 0; sent < 1_100; sent += 1) {
    socket.emit('joinRoom', {}, ({ message }: { message: string }) => answers.push(message))
  }
  const count = (items: readonly string[], message: string) => items.filter((item) => item === message).length
  await answers.until((items) => (items.length >= 100 ? true : undefined), 'a hundred refusals')
  expect(count(answers.items, 'Too many events are waiting')).toBe(100)
  verbs.release()
  expect(await slow).toMatchObject({ success: true })
  await answers.until((items) => (items.length >= 1_100 ? true : undefined), 'the rest')
  expect(count(answers.items, 'roomId is required')).toBe(1_000)
  socket.close()
})

test('conversations are looked up when somebody comes, not when somebody speaks', async () => {
  const before = () => {
    details = 0
  }
  const after = () => expect(details).toBe(0)
  await play(
    `${LOBBY}
connect dora marketplace
$ dora conversation.join {conversationId: <lobby>}
< dora chat-updated {...}
! before
> ann roomMessage {roomId: <lobby>, body: "One", tempId: "t1"}
< ann roomMessageSent {...}
< ann roomMessageConfirmed {...}
< bob roomMessageRecieved {...}
< bob roomMessageConfirmed {...}
< dora new-message {...}
< dora chat-updated {...}
> dora send-message {chatId: <lobby>, content: "Two"}
< dora new-message {...}
< dora chat-updated {...}
< dora message-sent {...}
< ann roomMessageRecieved {...}
< ann roomMessageConfirmed {...}
< bob roomMessageRecieved {...}
< bob roomMessageConfirmed {...}
! after`,
    { server, verbs: { before, after } },
  )
})

test('on another node the same events come in the same order, under the same temporary id', async () => {
  const broker = memoryBroker()
  const shared = { store: but(store, { close: async () => {} }), broker: { ...broker, close: async () => {} } }
  const nodes = await Promise.all([
    createApp({ config: server.app.config, ...shared }),
    createApp({ config: server.app.config, ...shared }),
  ])
  const [here = '', there = ''] = nodes.map(({ url }) => url.replace('localhost', '127.0.0.1'))
  expect(here).not.toBe(there)
  try {
    await play(
      `${LOBBY.replace('connect carl rooms', 'connect carl marketplace')}
$ carl conversation.join {conversationId: <lobby>}
< carl chat-updated {...}
> ann roomMessage {roomId: <lobby>, body: "Over there", tempId: "t1"} ?
< ann roomMessageSent {tempId: "t1", ...}
< ann roomMessageConfirmed {_id: <m>, tempId: "t1", ...}
< ann callback {success: true, ...}
< bob roomMessageRecieved {_id: "t1", tempId: "t1", body: "Over there", ...}
< bob roomMessageConfirmed {_id: <m>, tempId: "t1", ...}
< carl new-message {_id: <m>, content: "Over there", ...}
< carl chat-updated {unreadCount: {<ann>: 0, <bob>: 1, <carl>: 1}, ...}
> carl send-message {chatId: <lobby>, content: "And back"}
< carl new-message {_id: <m2>, ...}
< carl chat-updated {...}
< carl message-sent {...}
< ann roomMessageRecieved {tempId: <temp>, body: "And back", ...}
< ann roomMessageConfirmed {_id: <m2>, tempId: <temp>, ...}
< bob roomMessageRecieved {tempId: <temp>, ...}
< bob roomMessageConfirmed {_id: <m2>, tempId: <temp>, ...}`,
      { server: { ...server, url: here }, urls: { bob: there, carl: there } },
    )
  } finally {
    await Promise.all(nodes.map((node) => node.close()))
  }
})
