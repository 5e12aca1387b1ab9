/** One conversation, three kinds of client: what each sends, all receive, in their own words. */
import { io } from 'socket.io-client'
import type { Parley } from '../../client/index.ts'
import type { Stage } from './stage.ts'

/** Leaves the messages 1, 2, 3 in the conversation. */
export async function dialects(stage: Stage, ann: Parley, conversationId: string): Promise<void> {
  const { server, hear, say } = stage
  stage.scene('Typed, marketplace and rooms in one conversation')
  const bob = io(server.url, { auth: { token: server.token('bob', { name: 'Bob' }) }, path: '/marketplace/socket.io/' })
  bob.onAny((event, payload) => hear('bob (marketplace)', event, payload))
  const cid = io(server.url, { auth: { token: server.token('cid', { name: 'Cid' }) }, path: '/rooms/socket.io/' })
  cid.onAny((event, payload) => hear('cid (rooms)', event, payload))
  const connected = [bob, cid].map((socket) => new Promise<void>((resolve) => socket.once('connect', resolve)))
  await Promise.all(connected)
  bob.emit('join-chat', conversationId)
  await stage.waitFor('bob (marketplace)', 'chat-joined', conversationId)
  await cid.timeout(5_000).emitWithAck('joinRoom', { roomId: conversationId })

  async function everybody(content: string): Promise<void> {
    await stage.received('ann (typed)', 'message.created', content)
    await stage.received('bob (marketplace)', 'new-message', content)
    await stage.received('cid (rooms)', 'roomMessageConfirmed', content)
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

  const { messages } = await ann.api.message.history.query({ conversationId })
  stage.expect(messages.map((message) => message.seq).join() === '1,2,3', 'The history is not 1, 2, 3.')
  bob.close()
  cid.close()
}
