/** One conversation, six kinds of client, of three versions: what each sends, all receive, in their own words. */
import { io } from 'socket.io-client'
import io2 from 'socket.io-client-2'
import { io as io3 } from 'socket.io-client-3'
import type { Parley } from '../../client/index.ts'
import type { Stage } from './stage.ts'

/** What all versions of the client have. */
interface Client {
  on(event: string, listener: (payload: unknown) => void): void
  emit(event: string, ...args: unknown[]): void
  close(): void
}
/** Leaves the messages 1 to 4 in the conversation. */
export async function dialects(stage: Stage, ann: Parley, conversationId: string): Promise<void> {
  const { server, hear, say } = stage
  stage.scene('Typed, marketplace, lms, messenger, rooms and bedtime in one conversation')
  const token = (id: string) => server.token(id, { name: `${id.slice(0, 1).toUpperCase()}${id.slice(1)}` })
  const quick = { forceNew: true, transports: ['websocket'] }
  const bob = io(server.url, { ...quick, auth: { token: token('bob') }, path: '/marketplace/socket.io/' })
  const cid = io(server.url, { ...quick, auth: { token: token('cid') }, path: '/rooms/socket.io/' })
  const lil: Client = io2(server.url, { ...quick, query: { token: token('lil') }, path: '/chat-socket/' })
  const moe: Client = io3(`${server.url}/messages`, { ...quick, auth: { token: token('moe') } })
  const bea = io(server.url, quick)
  const all: readonly (readonly [who: string, client: Client, words: readonly string[]])[] = [
    ['bob (marketplace)', bob, ['chat-joined', 'new-message', 'chat-updated', 'message-sent', 'error']],
    ['cid (rooms)', cid, ['roomMessageRecieved', 'roomMessageSent', 'roomMessageConfirmed']],
    ['lil (lms)', lil, ['message:receive', 'message:delivered', 'message:error']],
    ['moe (messenger)', moe, ['message:new']],
    ['bea (bedtime)', bea, ['user:registered', 'message:received', 'message:sent', 'message:error']],
  ]
  const connected = all.map(([who, client, words]) => {
    for (const word of words) client.on(word, (payload) => hear(who, word, payload))
    return new Promise<void>((resolve) => client.on('connect', () => resolve()))
  })
  await Promise.all(connected)
  bob.emit('join-chat', conversationId)
  bea.emit('user:register', 'bea')
  await stage.waitFor('bob (marketplace)', 'chat-joined', conversationId)
  await stage.waitFor('bea (bedtime)', 'user:registered', 'bea')
  await cid.timeout(5_000).emitWithAck('joinRoom', { roomId: conversationId })

  async function everybody(content: string, but = ''): Promise<void> {
    await stage.received('ann (typed)', 'message.created', content)
    await stage.received('bob (marketplace)', 'new-message', content)
    await stage.received('cid (rooms)', 'roomMessageConfirmed', content)
    await stage.received('lil (lms)', 'message:receive', content)
    if (but !== 'moe') await stage.received('moe (messenger)', 'message:new', content)
    await stage.received('bea (bedtime)', 'message:received', content)
  }
  say('ann', 'sends from the typed client')
  await ann.conversation(conversationId).send('hello from ann').done
  await everybody('hello from ann')
  say('bob', 'sends from the marketplace client')
  bob.emit('send-message', { chatId: conversationId, messageType: 'text', content: 'hello from bob' })
  await stage.waitFor('bob (marketplace)', 'message-sent', conversationId)
  await everybody('hello from bob')
  say('cid', 'sends from the rooms client')
  const answer = await cid.timeout(5_000).emitWithAck('roomMessage', { roomId: conversationId, body: 'hello from cid' })
  stage.answered('cid (rooms)', 'ack', answer)
  await everybody('hello from cid')
  say('moe', 'sends from the messenger client, socket.io-client 3.1')
  const hello = { conversationId, content: 'hello from moe' }
  const told = await new Promise((resolve) => moe.emit('message:send', hello, resolve))
  stage.answered('moe (messenger)', 'ack', told)
  await everybody('hello from moe', 'moe')

  say('lil', 'writes to ann from the lms client, socket.io-client 2.5: it knows people, not groups')
  lil.emit('message:send', { recipientId: 'ann', content: 'good morning from lil', tempId: 'temp-1' })
  await stage.received('lil (lms)', 'message:delivered', 'temp-1')
  await stage.received('ann (typed)', 'message.created', 'good morning from lil')
  say('bea', 'writes to lil from the bedtime client')
  bea.emit('message:send', { recipientId: 'lil', content: 'good night from bea' })
  await stage.received('bea (bedtime)', 'message:sent', 'sent')
  await stage.received('lil (lms)', 'message:receive', 'good night from bea')

  const { messages } = await ann.api.message.history.query({ conversationId })
  stage.expect(messages.map((message) => message.seq).join() === '1,2,3,4', 'The history is not 1, 2, 3, 4.')
  for (const [, client] of all) client.close()
}
