/** The log lines that operators of the old systems know, and what must never be in a log. Here also: compressed frames. */
import { Writable } from 'node:stream'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { type App, createApp, readConfig } from '../../server/app.ts'
import { dialectNames } from '../../server/dialects/index.ts'
import { SECRET } from '../harness.ts'
import { openFresh } from '../store/databases.ts'
import { play } from '../transcript.ts'

const lines: string[] = []
let app: App
beforeAll(async () => {
  const env = { PORT: '0', HOST: '127.0.0.1', JWT_SECRET: SECRET, SOCKET_COMPRESSION: 'true', USE_REDIS: 'true' }
  const write = (line: unknown, _: unknown, done: () => void) => {
    lines.push(String(line))
    done()
  }
  const log = pino({ level: 'debug' }, new Writable({ write }))
  app = await createApp({ config: readConfig(dialectNames, env), log, store: await openFresh() })
})
afterAll(() => app?.close())

test('the documented lines are there with their fields, and no token', async () => {
  const tokens: string[] = []
  const token = (userId: string, claims: object = {}) => {
    const made = app.auth.sign({ userId, role: 'client', ...claims }, 3_600)
    tokens.push(made)
    return made
  }
  const url = app.url.replace('localhost', '127.0.0.1')
  await play(
    `given chat chat ann bob
connect ann marketplace
connect bob rooms
refuse eve rooms "Authentication failed" bad
> bob joinRoom {roomId: <chat>} ?
< bob callback {...}
> ann send-message {chatId: <chat>, content: "Hello"}
< ann new-message {...}
< ann chat-updated {...}
< ann message-sent {...}
< bob roomMessageRecieved {...}
< bob roomMessageConfirmed {...}
> bob roomMessage {roomId: <chat>, body: "Hello"} ?
< bob roomMessageSent {...}
< bob roomMessageConfirmed {...}
< bob callback {...}
< ann new-message {...}
< ann chat-updated {...}
> ann send-message {chatId: <chat>, messageType: "video", content: "Secret"}
< ann error {...}
> ann send-message {chatId: "none", content: "Secret"}
< ann error {...}
> ann no-such-event 1
> ann no-such-event 2`,
    { server: { url, token } },
  )
  const records = lines.map((line): Record<string, unknown> => JSON.parse(line))
  const line = (text: string | RegExp) => records.filter(({ msg }) => typeof msg === 'string' && msg.match(text))
  const any = expect.any(String)
  expect(line('User connected to socket')).toMatchObject([{ userId: any, socketId: any, role: 'client' }, {}])
  expect(line('Auto-joined user to all active chats')).toMatchObject([{ userId: any, chatCount: 1 }])
  expect(line('Processing message send')).toMatchObject([{ chatId: any, senderId: any, messageType: 'text' }, {}])
  expect(line('Message saved to database')).toMatchObject([{ messageId: any, chatId: any }])
  expect(line('Emitting new-message to chat room')).toMatchObject([
    { room: expect.stringMatching(/^chat:/), messageId: any, roomMembersCount: 2 },
  ])
  expect(line('Message sent successfully')).toMatchObject([{ messageId: any, eventsEmitted: expect.any(Array) }])
  expect(line('Room stats')).toMatchObject([{ chatId: any, connectedMembers: 2 }])
  expect(line('Error sending message via socket')).toMatchObject([
    { error: any, userId: any },
    { error: 'There is no such conversation', userId: any, data: { chatId: 'none', messageType: 'text' } },
  ])
  expect(lines.filter((text) => text.includes('Secret'))).toEqual([])
  expect(line('Socket authentication error')).toMatchObject([{ error: 'Invalid authentication token' }])
  expect(line(/^\[RoomMessage\] Emitting to 1 users in room [0-9a-f]{24}$/)).toHaveLength(1)
  expect(line(/^\[RoomMessage\] Message emitted in [\d.]+ms$/)).toHaveLength(1)
  expect(line(/^\[RoomMessage\] Message saved to DB in [\d.]+ms$/)).toHaveLength(1)
  expect(line('an event that no dialect has')).toMatchObject([{ event: 'no-such-event', dialect: 'marketplace' }, {}])
  expect(line(/^USE_REDIS is set, but this build runs one node/)).toHaveLength(1)
  expect(tokens.length).toBeGreaterThan(2)
  for (const made of tokens) expect(lines.filter((text) => text.includes(made))).toEqual([])
})

test('compression is what the operator says', async () => {
  const url = `${app.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`
  const socket = new WebSocket(url)
  const header = await new Promise((resolve) =>
    socket.on('upgrade', ({ headers }) => resolve(headers['sec-websocket-extensions'])),
  )
  expect(header).toMatch(/permessage-deflate; server_no_context_takeover; client_no_context_takeover/)
  socket.terminate()
})
