/**
 * The server side of the bench of rooms, a process of its own so that its CPU can be told from the clients'. One room, two ways
 * to carry its messages: the bridge (hub, cards, the `rooms` page, fences), and Socket.IO alone with frames that are ready.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server } from 'socket.io'
import { system } from '../../server/auth.ts'
import { memoryBroker } from '../../server/cluster/memory.ts'
import { readConfig } from '../../server/config.ts'
import { LogFeed } from '../../server/core/feed.ts'
import { Hub } from '../../server/core/hub.ts'
import type { Log } from '../../server/core/ports.ts'
import { MAIN } from '../../server/dialects/dialect.ts'
import { dialectNames } from '../../server/dialects/index.ts'
import { translateConversation } from '../../server/dialects/outbound.ts'
import { rooms } from '../../server/dialects/rooms.ts'
import { statedLimits } from '../../server/transports/socketio/limits.ts'
import { createBridge } from '../../server/transports/socketio.ts'
import type { Durable, Event } from '../../shared/events.ts'
import { Conversation, Member, Message } from '../../shared/model.ts'
import type { Actor, Core } from '../../shared/ports.ts'
import { die, sample } from '../sample.ts'

export type Way = 'bridge' | 'bare'
export type Order = { do: 'publish'; way: Way; events: number; everyMs: number } | { do: 'measure' }
export type Report = { bridge: number; bare: number } | { published: true } | { cpuMicros: number }

const ROOM = 'c1'
const quiet = { debug: () => {}, info: () => {}, isLevelEnabled: () => false }
const logged = { ...quiet, warn: console.error, error: console.error }
const report = (message: Report) => process.send?.(message)

const roll = die(1)
const profile = { id: 'ann', name: 'Ann', role: 'client', avatar: null }
const conversation: Conversation = { ...sample(Conversation, roll), id: ROOM, historyVisible: true }
const members = ['ann', 'bob'].map(
  (userId): Member => ({ ...sample(Member, roll), userId, profile: { ...profile, id: userId } }),
)
const message: Message = {
  ...{ ...sample(Message, roll), conversationId: ROOM, senderId: 'ann', type: 'text', metadata: null },
  ...{ content: 'Shall we meet at noon, in the usual place by the river?', editedAt: null, deletedAt: null },
}

let position = 0
const log: Log = {
  tail: async () => ({ position, floor: 0 }),
  page: async (_, after) => ({ events: [], upTo: after }),
  memberships: async () => [ROOM],
  prune: async () => 0,
}
const hub = new Hub({ epoch: 'e', broker: memoryBroker(), log, onError: console.error })
const answers: Readonly<Record<string, () => unknown>> = {
  'conversation.get': () => detail(),
  'conversation.join': () => detail(),
  'cursor.load': () => ({ cursor: null }),
}
const detail = () => ({ conversation, members, memberCount: 2, lastMessage: null, position })
const core: Core = {
  // What it answers is no more than the bridge reads of it here.
  execute: async (_, name) => (answers[name]?.() ?? {}) as never,
  subscribe: async (actor, scope) => new LogFeed(hub, log, actor, scope, position),
  occupancy: (topic) => hub.occupancy(topic),
}
/** The bench is its own authority. */
function someone(name = 'guest', connectionId = name): Actor {
  const known = { email: null, role: 'client', avatar: null, schoolId: null, expiresAt: null }
  return { userId: name, name, connectionId, ...known } as unknown as Actor
}
const auth = {
  authenticate: async (token?: string, connectionId?: string) => someone(token, connectionId),
  guest: (connectionId: string) => someone('guest', connectionId),
  claim: async (userId: string, connectionId: string) => someone(userId, connectionId),
}

function messageAt(position: number): Durable & { name: 'message.created' } {
  return {
    ...{
      name: 'message.created',
      topic: `conversation:${ROOM}`,
      position,
      at: new Date(),
      actorId: 'ann',
      origin: 'x1',
    },
    payload: { message: { ...message, seq: position, clientId: `client-${position}`, createdAt: new Date() } },
  }
}

const config = readConfig(dialectNames, {
  ...{ JWT_SECRET: 'a secret for the bench, long enough for anything', SOCKETIO_DIALECTS: 'rooms' },
  SOCKET_PING_INTERVAL: '300000',
})
await hub.start()
const bridge = createBridge({ core, system, auth, config, limit: statedLimits(), log: logged })
const bridged = createServer((request, response) => void bridge.handle(request, response))
bridged.on('upgrade', bridge.upgrade)

const plain = createServer()
const io = new Server(plain, { allowEIO3: true, perMessageDeflate: false, pingInterval: 300_000 })
io.on('connection', (socket) =>
  socket.on('joinRoom', ({ roomId }: { roomId: string }, ack: (answer: object) => void) => {
    socket.join(roomId)
    ack({ success: true })
  }),
)
/** What the bridge says of such a message, made once. */
function ready() {
  const event: Event<'message.created'> = messageAt(1)
  const outbound = rooms.wordings[MAIN]
  if (!outbound) throw new Error('rooms has no words')
  const card = {
    ...{ conversation, memberCount: 2, lastMessage: null, profile: () => profile },
    members: new Map(members.map((member) => [member.userId, member])),
  }
  const audience = translateConversation(outbound, event, { ...event, card, shown: null })
  return [...(audience.rest ?? []), ...(audience.all ?? [])]
}
const frames = ready()

const publish: Record<Way, () => void> = {
  bridge: () => hub.tail.offer([messageAt(++position)]),
  bare: () => {
    for (const [name, payload] of frames) io.to(ROOM).emit(name, payload)
  },
}
let since = process.cpuUsage()
process.on('message', async (order: Order) => {
  if (order.do === 'measure') {
    const { user, system } = process.cpuUsage(since)
    report({ cpuMicros: user + system })
    return
  }
  since = process.cpuUsage()
  for (let left = order.events; left > 0; left--) {
    publish[order.way]()
    if (left > 1) await new Promise((resolve) => setTimeout(resolve, order.everyMs))
  }
  report({ published: true })
})
process.on('disconnect', () => process.exit())

for (const server of [bridged, plain]) {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
}
const portOf = (server: typeof plain) => (server.address() as AddressInfo).port
report({ bridge: portOf(bridged), bare: portOf(plain) })
