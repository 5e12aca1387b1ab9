/** The examples of the document of `rooms` for the front end. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type TestServer } from '../harness.ts'
import { Page } from './snippet.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server?.close())

/** As that system made them. */
const token = (id: string, username: string) =>
  server.token(id, { userId: undefined, role: undefined, id, username, email: `${username}@example.org` })

const RECEIVE = `
// Optimistic (instant)
socket.on('roomMessageRecieved', (message) => {
    displayMessage(message) // Shows immediately
})

// Confirmed (after DB save)
socket.on('roomMessageConfirmed', (message) => {
    updateMessage(message.tempId, message) // Replace temp ID
})

// Failed
socket.on('roomMessageFailed', ({ tempId, error }) => {
    removeMessage(tempId) // Show error
})
`
const JOIN = `
socket.emit('joinRoom', { roomId: 'abc123' }, (response) => {
    console.log(\`Joined with \${response.data.connectedUsers} users\`)
})
`

/** A page that is in the room \`abc123\` and shows its messages. */
async function listener(id: string) {
  const page = new Page(server.url)
  const socket = page.io('http://localhost:3000', { auth: { token: token(id, id) } })
  const names = ['displayMessage', 'updateMessage', 'removeMessage']
  const own = Object.fromEntries(names.map((name) => [name, page.noting(name)]))
  page.run(RECEIVE, { socket, ...own })
  page.run(JOIN, { socket })
  return { page, socket, joined: await page.called('log') }
}

test('Join a Room, Send and Receive Messages', async () => {
  const { page: first, joined } = await listener('ann')
  using _first = first
  expect(joined).toEqual(['log', 'Joined with 1 users'])
  const { page: second, socket, joined: also } = await listener('bob')
  using _second = second
  expect(also).toEqual(['log', 'Joined with 2 users'])
  second.run(
    `
socket.emit('roomMessage', {
    roomId: 'abc123',
    senderId: '507f1f77bcf86cd799439012',
    body: 'Hello!'
})
`,
    { socket },
  )
  const [, tempId, confirmed] = await first.called('updateMessage')
  const [, displayed] = await first.called('displayMessage')
  expect(displayed).toMatchObject({ _id: tempId, tempId, body: 'Hello!', senderId: { _id: 'bob', username: 'bob' } })
  expect(confirmed).toMatchObject({ tempId, body: 'Hello!', _id: expect.stringMatching(/^[0-9a-f]{24}$/) })
  expect(first.calls.items.map(([name]) => name)).toEqual(['log', 'displayMessage', 'updateMessage'])
  // Never echoed to who sent it: only the confirmation comes.
  await second.called('updateMessage')
  expect(second.calls.items.map(([name]) => name)).toEqual(['log', 'updateMessage'])
})

test('Quick Test: without waiting for any answer', async () => {
  const { page, socket: ear } = await listener('cid')
  using _page = page
  await new Promise((resolve) => ear.emit('joinRoom', { roomId: 'test' }, resolve))
  using terminal = new Page(server.url)
  terminal.run(
    `
const io = require('socket.io-client')
const socket = io('http://localhost:3000', { auth: { token: 'your-token' }})
socket.emit('joinRoom', { roomId: 'test' })
socket.emit('roomMessage', { roomId: 'test', senderId: 'user1', body: 'Hello!' })
`.replace('your-token', token('user1', 'user1')),
    { require: () => terminal.io },
  )
  expect(await page.called('updateMessage')).toMatchObject([
    'updateMessage',
    expect.stringMatching(/^temp_/),
    { body: 'Hello!' },
  ])
})

test('Must Join Rooms', async () => {
  using page = new Page(server.url)
  const socket = page.io('http://localhost:3000', { auth: { token: token('dan', 'dan') } })
  const names = { socket, roomId: 'a-room', body: 'Hi' }
  const answers: unknown[] = []
  await new Promise<void>((resolve) => {
    socket.emit('roomMessage', { roomId: 'a-room', body: 'Hi' }, (answer: unknown) => {
      answers.push(answer)
      resolve()
    })
  })
  expect(answers).toEqual([{ success: false, message: 'Join the room first' }])
  socket.on('roomMessageConfirmed', page.noting('confirmed'))
  page.run(
    `
// After: MUST join first
socket.emit('joinRoom', { roomId })
socket.emit('roomMessage', { roomId, body })
`,
    names,
  )
  expect(await page.called('confirmed')).toMatchObject(['confirmed', { roomId: 'a-room', body: 'Hi' }])
})
