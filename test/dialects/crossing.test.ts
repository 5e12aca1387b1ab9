/**
 * One conversation over real clients as they stand side by side: `lms` with socket.io-client 2.5, `messenger` with 3.1, the others
 * with 4.8, and the typed client. What one says, each hears exactly once, in its own words alone and in the order of its document.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClient, type Parley } from '../../client/index.ts'
import { dialects } from '../../server/dialects/index.ts'
import { startServer, type TestServer } from '../harness.ts'
import { Inbox } from '../inbox.ts'
import { type Arrival, PlayedSocket, show, type Version } from '../transcript.socket.ts'

let server: TestServer
const clients = new Map<string, PlayedSocket>()
let typed: Parley
const typedHeard = new Inbox<Arrival>(show)
let group = ''

/** Who has a client of what, how old, and what its token says. */
const PEOPLE: readonly (readonly [dialect: string, user: string, version: Version, claims: object | null])[] = [
  ['marketplace', 'mia', 4, { userId: 'mia', role: 'client' }],
  ['lms', 'lee', 2, { sub: 'lee', iss: 'feathers', aud: 'https://school.example' }],
  ['messenger', 'max', 3, { id: 'max' }],
  ['rooms', 'rob', 4, { id: 'rob', username: 'Rob', email: 'rob@example.org' }],
  ['bedtime', 'bea', 4, null],
]
const USERS = PEOPLE.map(([, user]) => user)

const client = (dialect: string): PlayedSocket => {
  const found = clients.get(dialect)
  if (!found) throw new Error(`nobody speaks ${dialect}`)
  return found
}
/** Its answer to an event that nobody has comes after all that was sent to it before. */
function arrivedAt(socket: PlayedSocket): Promise<Arrival[]> {
  return new Promise((resolve) => socket.emit('are you there', () => resolve([...socket.inbox.items])))
}
const ask = (dialect: string, event: string, ...args: unknown[]): Promise<unknown> =>
  new Promise((resolve) => client(dialect).emit(event, ...args, resolve))

beforeAll(async () => {
  server = await startServer()
  for (const user of USERS) await server.actor(user, { name: user })
  typed = createClient({ url: server.url, token: server.token('ty', { name: 'ty' }) })
  await typed.ready()
  group = (await typed.api.conversation.create.mutate({ kind: 'group', title: 'All', memberIds: USERS })).conversation
    .id
  typed.on('message.created', ({ payload }) => typedHeard.push(['message.created', payload.message]))
  for (const [dialect, user, version, claims] of PEOPLE) {
    const token = claims ? server.token(user, { userId: undefined, role: undefined, ...claims }) : undefined
    const path = dialect === 'lms' ? '/chat-socket/' : undefined
    const approach = { dialect: undefined, token, via: undefined, cookies: [], path, namespace: '/', on: undefined }
    const socket = PlayedSocket.open(server.url, version, 'websocket', approach)
    clients.set(dialect, socket)
    await socket.inbox.next(([event]) => event === 'connect', `${user} to connect`)
    // This decides what its token leaves open.
    if (dialect === 'marketplace') socket.emit('join-chat', group)
    if (dialect === 'rooms') await ask('rooms', 'joinRoom', { roomId: group })
    if (dialect === 'bedtime') socket.emit('user:register', user)
  }
  await client('marketplace').inbox.next(([event]) => event === 'chat-joined', 'the chat')
  await client('bedtime').inbox.next(([event]) => event === 'user:registered', 'the registration')
})
afterAll(async () => {
  for (const socket of clients.values()) socket.close()
  await typed?.close()
  await server?.close()
})

/** What each has heard of a message, by the name of the event; and that none has heard a word that is not its own. */
async function told(content: string): Promise<Record<string, string[]>> {
  const tells = (arrival: Arrival) => show(arrival).includes(JSON.stringify(content))
  const all: Record<string, string[]> = { typed: typedHeard.items.filter(tells).map(([event]) => event) }
  for (const { name, emits } of dialects) {
    const arrived = await arrivedAt(client(name))
    // Until it said what it speaks, it heard everybody's words.
    const decided = name === 'marketplace' ? arrived.findIndex(([event]) => event === 'chat-joined') : 0
    const foreign = arrived.slice(decided).filter(([event]) => !['connect', ...Object.keys(emits)].includes(event))
    expect([name, foreign.map(show)]).toEqual([name, []])
    all[name] = arrived.filter(tells).map(([event]) => event)
  }
  return all
}
/** Of one that the typed client is told too. */
async function heard(content: string): Promise<Record<string, string[]>> {
  await typedHeard.next((arrival) => show(arrival).includes(JSON.stringify(content)), `"${content}" to be heard`)
  return told(content)
}
const EACH = {
  typed: ['message.created'],
  marketplace: ['new-message', 'chat-updated'],
  lms: ['message:receive'],
  messenger: ['message:new'],
  rooms: ['roomMessageRecieved', 'roomMessageConfirmed'],
  bedtime: ['message:received', 'message:receive'],
}

test('from the typed client', async () => {
  const content = 'from the typed client'
  await typed.conversation(group).send(content).done
  expect(await heard(content)).toEqual(EACH)
})
test('from the marketplace', async () => {
  const content = 'from the marketplace'
  client('marketplace').emit('send-message', { chatId: group, messageType: 'text', content })
  await client('marketplace').inbox.next(([event]) => event === 'message-sent', 'the confirmation')
  expect(await heard(content)).toEqual(EACH)
})
test('from the messenger', async () => {
  const content = 'from the messenger'
  expect(await ask('messenger', 'message:send', { conversationId: group, content })).toMatchObject({ ok: true })
  expect(await heard(content)).toEqual({ ...EACH, messenger: [] })
})
test('from a room', async () => {
  const content = 'from a room'
  expect(await ask('rooms', 'roomMessage', { roomId: group, body: content })).toMatchObject({ success: true })
  expect(await heard(content)).toEqual({ ...EACH, rooms: ['roomMessageSent', 'roomMessageConfirmed'] })
})
test('from lms and bedtime, which write to people: to one of each, and to nobody else', async () => {
  const nobody = { typed: [], marketplace: [], lms: [], messenger: [], rooms: [], bedtime: [] }
  for (const user of ['mia', 'lee', 'max']) {
    const content = `from bedtime to ${user}`
    client('bedtime').emit('message:send', { content, recipientId: user })
    await client('bedtime').inbox.next(([event]) => event === 'message:sent', 'the confirmation')
    client('lms').emit('message:send', { content: `from lms to ${user}`, recipientId: user === 'lee' ? 'ty' : user })
    await client('lms').inbox.next(([event]) => event === 'message:delivered', 'the confirmation')
  }
  // The chat in the list of the marketplace is told as new, then as changed.
  // Where it is told as new, it may have its first message already.
  for (const system of ['bedtime', 'lms']) {
    const { marketplace, ...others } = await told(`from ${system} to mia`)
    expect([marketplace?.slice(-2), others]).toEqual([EACH.marketplace, { ...nobody, marketplace: undefined }])
  }
  expect(await told('from bedtime to lee')).toEqual({ ...nobody, lms: EACH.lms })
  expect(await told('from bedtime to max')).toEqual({ ...nobody, messenger: EACH.messenger })
  expect(await told('from lms to max')).toEqual({ ...nobody, messenger: EACH.messenger })
  await typedHeard.next((arrival) => show(arrival).includes('from lms to lee'), 'the typed client to hear it')
})
test('who is removed hears no more', async () => {
  const { conversation } = await typed.api.conversation.create.mutate({
    kind: 'group',
    title: 'Fewer',
    memberIds: USERS,
  })
  const conversationId = conversation.id
  expect(await ask('rooms', 'joinRoom', { roomId: conversationId })).toMatchObject({ success: true })
  for (const userId of ['lee', 'rob']) await typed.api.conversation.removeMember.mutate({ conversationId, userId })
  await typed.conversation(conversationId).send('without two').done
  expect(await heard('without two')).toEqual({ ...EACH, lms: [], rooms: [] })
})
