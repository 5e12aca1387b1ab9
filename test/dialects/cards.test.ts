/** What a payload needs beyond its event: profiles, counts, the last message; kept by the node, never asked for per event. */

import { io, type Socket } from 'socket.io-client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Event } from '../../shared/events.ts'
import { startServer, type TestServer } from '../harness.ts'
import { Inbox } from '../inbox.ts'
import { play } from '../transcript.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server?.close())

test('profiles follow the directory, from the next event on', () =>
  play(
    `given chat chat ann bob
connect ann marketplace
connect bob marketplace
> ann send-message {chatId: <chat>, content: "As Ann"}
< ann new-message {senderId: {_id: <ann>, fullName: "Ann", role: "client"}, ...}
< ann chat-updated {...}
< ann message-sent {...}
< bob new-message {...}
< bob chat-updated {...}
connect ann/phone marketplace {fullName: "Ann Lee", role: "Craftsman", profilePicture: "https://cdn.example/ann.png"}
> ann/phone send-message {chatId: <chat>, content: "As Ann Lee"}
< ann/phone new-message {senderId: {_id: <ann>, fullName: "Ann Lee", role: "Craftsman", profilePicture: "https://cdn.example/ann.png"}, ...}
< ann/phone chat-updated {participants: [{_id: <ann>, fullName: "Ann Lee", role: "Craftsman", profilePicture: "https://cdn.example/ann.png"}, {_id: <bob>, ...}], ...}
< ann/phone message-sent {...}
< ann new-message {senderId: {fullName: "Ann Lee", ...}, ...}
< ann chat-updated {...}
< bob new-message {senderId: {fullName: "Ann Lee", ...}, ...}
< bob chat-updated {...}`,
    { server },
  ))

test('counts are those of the whole conversation, also for who was away and for what was there before', () =>
  play(
    `given chat chat ann bob
$ ann message.send {conversationId: <chat>, content: "One"}
$ ann message.send {conversationId: <chat>, content: "Two"}
$ ann message.send {conversationId: <chat>, content: "Three"} = {id: <three>, ...}
connect bob marketplace
$ ann message.send {conversationId: <chat>, content: "Four"} = {id: <four>, ...}
< bob new-message {...}
< bob chat-updated {unreadCount: {<ann>: 0, <bob>: 4}, ...}
$ bob message.markRead {messageId: <three>}
< bob chat-updated {unreadCount: {<ann>: 0, <bob>: 1}, ...}
> bob send-message {chatId: <chat>, content: "Five"}
< bob new-message {...}
< bob chat-updated {unreadCount: {<ann>: 1, <bob>: 1}, lastMessage: "Five", lastMessageSenderId: <bob>, ...}
< bob message-sent {...}
> bob mark-messages-read <chat>
< bob chat-updated {unreadCount: {<ann>: 1, <bob>: 0}, ...}`,
    { server },
  ))

test('in a large group the sender has a name, whoever it is, and everybody hears', async () => {
  const users = Array.from({ length: 120 }, (_, index) => `many${index}`)
  const claims = (user: string) => ({ fullName: `Number ${user.slice(4)}` })
  const actors = await Promise.all(users.map((user) => server.actor(user, claims(user))))
  const [first, last] = [actors[0], actors.at(-1)]
  if (!first || !last) throw new Error('there are 120')
  const group = { kind: 'group', memberIds: users.slice(1) } as const
  const { conversation } = await server.app.core.execute(first, 'conversation.create', group)
  const heard = new Inbox<readonly unknown[]>()
  const sockets = [first, last].map(({ userId }) =>
    io(server.url, {
      ...{ forceNew: true, reconnection: false, transports: ['websocket'] },
      auth: { token: server.token(userId, claims(userId)), dialect: 'marketplace' },
    }),
  )
  for (const [index, socket] of sockets.entries()) {
    socket.on('new-message', ({ senderId }) => heard.push([index, senderId.fullName]))
    socket.on('chat-updated', ({ participants }) => heard.push([index, participants.length]))
  }
  await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.on('connect', () => resolve(undefined)))))
  sockets[1]?.emit('send-message', { chatId: conversation.id, content: 'Here' })
  await heard.until((items) => (items.length >= 4 ? true : undefined), 'a message and an update for both')
  expect([...heard.items].sort()).toEqual([
    [0, 100],
    [0, 'Number 119'],
    [1, 100],
    [1, 'Number 119'],
  ])
  for (const socket of sockets) socket.close()
})

test('who comes in the middle of a flood hears it from some point on, in order and without a gap', async () => {
  const [ann] = await Promise.all([server.actor('flood-ann'), server.actor('flood-bob')])
  const pair = { memberIds: ['flood-bob'] }
  const { conversation } = await server.app.core.execute(ann, 'conversation.create', pair)
  const TOTAL = 150
  const flood = Array.from({ length: TOTAL }, (_, index) => String(index))
  const heard: Inbox<string>[] = []
  const sockets: Socket[] = []
  const come = () => {
    const inbox = new Inbox<string>()
    const rooms = sockets.length % 2 === 1
    const socket = io(server.url, {
      ...{ forceNew: true, reconnection: false, transports: ['websocket'] },
      auth: { token: server.token('flood-bob'), dialect: rooms ? 'rooms' : 'marketplace' },
    })
    socket.on('connect', () => rooms && socket.emit('joinRoom', { roomId: conversation.id }))
    socket.on('new-message', ({ content }) => inbox.push(content))
    const received = new Set<string>()
    socket.on('roomMessageRecieved', ({ tempId }) => received.add(tempId))
    socket.on('roomMessageConfirmed', ({ tempId, body }) => inbox.push(received.has(tempId) ? body : 'not received'))
    sockets.push(socket)
    heard.push(inbox)
  }
  for (const [index, content] of flood.entries()) {
    if (index % 15 === 0 && sockets.length < 8) come()
    await server.app.core.execute(ann, 'message.send', { conversationId: conversation.id, content, optimistic: true })
  }
  for (const { until } of heard.map((inbox) => ({ until: inbox.until.bind(inbox) }))) {
    await until((items) => (items.at(-1) === flood.at(-1) ? true : undefined), 'the last message')
  }
  for (const inbox of heard) expect(inbox.items).toEqual(flood.slice(-inbox.items.length))
  for (const socket of sockets) socket.close()
})

test.each(['marketplace', 'rooms'])(
  'in %s, who is removed in a flood hears all up to that, and nothing after',
  async (dialect) => {
    const [owner, bob] = await Promise.all([server.actor(`${dialect}-owner`), server.actor(`${dialect}-bob`)])
    const { core, system } = server.app
    const group = { kind: 'group' as const, memberIds: [bob.userId] }
    const { conversation } = await core.execute(owner, 'conversation.create', group)
    const conversationId = conversation.id
    const log: string[] = []
    const feed = await core.subscribe(system, { kind: 'log' })
    for await (const _ of feed.replay());
    const push = (event: Event) => {
      if (event.topic !== `conversation:${conversationId}`) return
      if (event.name === 'message.created') log.push(event.payload.message.content)
      if (event.name === 'member.removed') log.push('removed')
    }
    expect(feed.attach({ push, end: () => {} })).toBe(true)

    const auth = { token: server.token(bob.userId), dialect }
    const socket = io(server.url, { forceNew: true, reconnection: false, transports: ['websocket'], auth })
    const heard: string[] = []
    socket.on('new-message', ({ content }) => heard.push(content))
    socket.on('roomMessageConfirmed', ({ body }) => heard.push(body))
    await new Promise((resolve) => socket.on('connect', () => resolve(undefined)))
    if (dialect === 'rooms') await socket.emitWithAck('joinRoom', { roomId: conversationId })

    const send = (content: string) => core.execute(owner, 'message.send', { conversationId, content, optimistic: true })
    const sends = Array.from({ length: 40 }, (_, index) => send(`before ${index}`))
    const removal = core.execute(owner, 'conversation.removeMember', { conversationId, userId: bob.userId })
    sends.push(...Array.from({ length: 40 }, (_, index) => send(`after ${index}`)))
    await Promise.all([...sends, removal])
    await socket.emitWithAck('are you there')
    feed.detach()
    expect(log.filter((entry) => entry !== 'removed')).toHaveLength(80)
    expect(heard).toEqual(log.slice(0, log.indexOf('removed')))
    socket.close()
  },
)
