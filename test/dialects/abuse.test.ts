/** Nothing that a client sends stops the process, another client, or the order of its own events. */
import { once } from 'node:events'
import { io, type Socket } from 'socket.io-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { startServer, type TestServer } from '../harness.ts'
import { Inbox } from '../inbox.ts'
import { play } from '../transcript.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer({ env: { RPC_MAX_BUFFERED: '65536' } })
})
afterAll(() => server?.close())

const fine = () =>
  play(
    `given chat chat ann bob
connect ann marketplace
> ann send-message {chatId: <chat>, content: "All is well"}
< ann new-message {...}
< ann chat-updated {...}
< ann message-sent {...}`,
    { server },
  )

async function connect(user: string, dialect: string): Promise<Socket> {
  const auth = { token: server.token(user), dialect }
  const socket = io(server.url, { forceNew: true, reconnection: false, transports: ['websocket'], auth })
  await new Promise<void>((resolve, reject) => {
    socket.on('connect', resolve)
    socket.on('connect_error', reject)
  })
  return socket
}

/** A socket that speaks Engine.IO by hand. */
async function raw(user: string) {
  const socket = new WebSocket(`${server.wsUrl.replace('/trpc', '')}/socket.io/?EIO=4&transport=websocket`)
  const inbox = new Inbox<string>()
  socket.on('message', (data) => inbox.push(String(data)))
  socket.on('close', () => inbox.push('closed'))
  socket.on('error', () => {})
  await once(socket, 'open')
  const hello = `40${JSON.stringify({ token: server.token(user), dialect: 'rooms' })}`
  return { socket, inbox, hello }
}

describe('frames made by hand', () => {
  test.each([
    ['no JSON', '42['],
    ['no array', '42{}'],
    ['an empty array', '42[]'],
    ['no name', '42[{}]'],
    ['a reserved name', '42["disconnect","x"]'],
    ['another reserved name', '42["newListener"]'],
    ['an attachment that never comes', '451-["roomMessage",{"_placeholder":true,"num":0}]'],
    ['ten thousand attachments', '4510000-["roomMessage"]'],
    ['a wrong packet type', '49'],
    ['a wrong engine packet', '9'],
    ['too much', `42["roomMessage",{"roomId":"x","body":"${'x'.repeat(1_100_000)}"}]`],
  ])('%s costs at most its own connection', async (_, frame) => {
    const { socket, inbox, hello } = await raw('mallory')
    socket.send(hello)
    await inbox.until((items) => items.find((item) => item.startsWith('40')), 'the connection')
    socket.send(frame)
    socket.send('427["joinRoom",{}]')
    const end = await inbox.until(
      (items) => items.find((item) => item === 'closed' || item.startsWith('437')),
      'an end',
    )
    expect(end).toMatch(/^closed$|^437\[\{"success":false/)
    socket.terminate()
  })

  test.each([
    [
      'an event called error',
      '420["error",{"message":"boom"}]',
      /^430\[\{"success":false,"message":"Unknown event"\}\]$/,
    ],
    ['a number for a name', '420[1,2]', /^430\[\{"success":false/],
    ['a name like a method', '420["hasOwnProperty"]', /^430\[\{"success":false/],
    ['prototype keys', '420["joinRoom",{"__proto__":{"roomId":"x"}}]', /^430\[\{"success":false/],
    [
      'a very deep value',
      `420["offer",{"to":"x","a":${'['.repeat(5_000)}${']'.repeat(5_000)}}]`,
      /^430\[\{"success":false/,
    ],
  ])('%s is answered', async (_, frame, answer) => {
    const { socket, inbox, hello } = await raw('mallory')
    socket.send(hello)
    await inbox.until((items) => items.find((item) => item.startsWith('40')), 'the connection')
    socket.send(frame)
    expect(await inbox.until((items) => items.find((item) => item.startsWith('430')), 'an answer')).toMatch(answer)
    socket.terminate()
  })

  test('a namespace takes a connection once, an unknown one never', async () => {
    const { socket, inbox, hello } = await raw('mallory')
    socket.send(hello)
    socket.send(hello)
    socket.send('40/admin,{}')
    const refusal = await inbox.until((items) => items.find((item) => item.startsWith('44{')), 'a refusal')
    expect(refusal).toBe('44{"message":"Already connected"}')
    expect(await inbox.until((items) => items.find((item) => item.startsWith('44/admin')), 'another')).toContain(
      'Invalid',
    )
    socket.terminate()
  })

  test('everybody else goes on', fine)
})

test('events of one socket run in the order sent, though it waits for no answer', async () => {
  const [ann, bob] = await Promise.all([connect('ann', 'rooms'), connect('bob', 'rooms')])
  const heard = new Inbox<string>()
  bob.on('roomMessageConfirmed', ({ body }: { body: string }) => heard.push(body))
  for (const socket of [ann, bob]) await socket.emitWithAck('joinRoom', { roomId: 'order' })
  const bodies = Array.from({ length: 200 }, (_, index) => String(index))
  for (const body of bodies) ann.emit('roomMessage', { roomId: 'order', body })
  await heard.until((items) => (items.length >= bodies.length ? true : undefined), 'all messages')
  expect(heard.items).toEqual(bodies)
  ann.close()
  bob.close()
})

test('a reader that is too slow is cut off, and nobody waits for it', async () => {
  const { socket: slow, inbox, hello } = await raw('slow')
  slow.send(hello)
  await inbox.until((items) => items.find((item) => item.startsWith('40')), 'the connection')
  const ann = await connect('ann', 'rooms')
  const here = () => server.app.core.occupancy('user:slow').connections
  expect(here()).toBe(1)
  slow.pause()
  for (let sent = 0; sent < 400 && here() > 0; sent += 20) {
    const offers = Array.from({ length: 20 }, () => ann.emitWithAck('offer', { to: 'slow', sdp: 'x'.repeat(60_000) }))
    await Promise.allSettled(offers)
  }
  await expect.poll(here, { timeout: 10_000 }).toBe(0)
  slow.terminate()
  ann.close()
})

test('sockets that come and go, even in the middle of the handshake, leave nothing behind', async () => {
  const stats = () => server.app.core.execute(server.app.system, 'admin.stats', {})
  await expect.poll(async () => (await stats()).totalSockets).toBe(0)
  const sockets = Array.from({ length: 40 }, (_, index) =>
    io(server.url, {
      ...{ forceNew: true, reconnection: false, transports: ['websocket'] },
      auth: { token: server.token('ann'), ...(index % 2 ? { dialect: 'rooms' } : {}) },
    }),
  )
  for (const [index, socket] of sockets.entries()) {
    if (index % 4 === 0) socket.close()
    else if (index % 4 === 1) socket.io.engine.once('open', () => setImmediate(() => socket.close()))
    else socket.once('connect', () => socket.close())
  }
  await fine()
  await expect.poll(async () => (await stats()).totalSockets, { timeout: 10_000 }).toBe(0)
  expect(await stats()).toMatchObject({ totalUsers: 0, totalRooms: 0 })
})

test('a server that stops tells its clients to come back', async () => {
  const own = await startServer()
  const auth = { token: own.token('ann'), dialect: 'marketplace' }
  const socket = io(own.url, { forceNew: true, reconnection: false, auth })
  await new Promise((resolve) => socket.on('connect', () => resolve(undefined)))
  const reason = new Promise((resolve) => socket.on('disconnect', resolve))
  await own.close()
  // `io server disconnect` would be the end: a client does not come back from that.
  expect(await reason).toMatch(/^transport (close|error)$/)
  socket.close()
})
