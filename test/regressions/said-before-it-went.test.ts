/** What a client says right before it goes was said: its events are done, though it is not there for the answers. */
import { io } from 'socket.io-client'
import { expect, test } from 'vitest'
import { startServer } from '../harness.ts'
import { Inbox } from '../inbox.ts'

test.each(['marketplace', 'rooms'])(
  '%s: events that a socket sent before it went are done, in order',
  async (dialect) => {
    await using server = await startServer()
    const { core, system } = server.app
    const [ann] = await Promise.all([server.actor('ann'), server.actor('bob')])
    const { conversation } = await core.execute(ann, 'conversation.create', { memberIds: ['bob'] })
    const connect = async (user: string) => {
      const auth = { token: server.token(user), dialect }
      const socket = io(server.url, { forceNew: true, reconnection: false, transports: ['websocket'], auth })
      await new Promise((resolve) => socket.on('connect', () => resolve(undefined)))
      return socket
    }
    const bob = await connect('bob')
    const heard = new Inbox<string>()
    bob.on('new-message', ({ content }) => heard.push(content))
    bob.on('roomMessageConfirmed', ({ body }) => heard.push(body))
    const room = { roomId: conversation.id }
    if (dialect === 'rooms') await bob.emitWithAck('joinRoom', room)

    const leaving = await connect('ann')
    const bodies = ['one', 'two', 'three', 'four']
    if (dialect === 'rooms') leaving.emit('joinRoom', room)
    for (const body of bodies) {
      if (dialect === 'rooms') leaving.emit('roomMessage', { ...room, body })
      else leaving.emit('send-message', { chatId: conversation.id, content: body })
    }
    leaving.disconnect()
    expect(await heard.count(bodies.length, 'all that ann said')).toEqual(bodies)
    // And nothing is left of it.
    bob.close()
    const sockets = async () => (await core.execute(system, 'admin.stats', {})).totalSockets
    await expect.poll(sockets).toBe(0)
  },
)
