/**
 * The server side of the fan-out bench, a process of its own so that its CPU can be told from the clients'. One conversation,
 * three ways to carry its events: `/trpc` (the hub and the lanes), `/stock` (tRPC's generator path), `/raw` (ws alone).
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { initTRPC, tracked } from '@trpc/server'
import { getWSConnectionHandler } from '@trpc/server/adapters/ws'
import superjson from 'superjson'
import { type WebSocket, WebSocketServer } from 'ws'
import { system } from '../../server/auth.ts'
import { memoryBroker } from '../../server/cluster/memory.ts'
import { LogFeed } from '../../server/core/feed.ts'
import { Hub } from '../../server/core/hub.ts'
import type { Log } from '../../server/core/ports.ts'
import { createTrpc } from '../../server/transports/trpc.ts'
import { upgradeRouter } from '../../server/transports/upgrade.ts'
import type { Durable } from '../../shared/events.ts'
import type { Actor, Core } from '../../shared/ports.ts'

export type Way = 'raw' | 'trpc' | 'stock'
export type Order = { do: 'publish'; way: Way; events: number; everyMs: number } | { do: 'measure' }
export type Report = { port: number } | { published: true } | { cpuMicros: number }

const log: Log = {
  tail: async () => ({ position, floor: 0 }),
  page: async (_, after) => ({ events: [], upTo: after }),
  memberships: async () => ['c1'],
  prune: async () => 0,
}
const report = (message: Report) => process.send?.(message)
const onError = (error: unknown) => console.error(error)

let position = 0
function nextEvent(): Durable {
  position++
  const at = new Date()
  const message = {
    ...{
      id: '6650f3c2a1b2c3d4e5f60718',
      conversationId: 'c1',
      seq: position,
      senderId: 'ann',
      clientId: `client-${position}`,
    },
    ...{
      type: 'text' as const,
      content: 'Shall we meet at noon, in the usual place by the river?',
      metadata: null,
      replyTo: null,
    },
    ...{
      createdAt: at,
      version: 1,
      reactions: [],
      replyCount: 0,
      mentions: [],
      mentionsEveryone: false,
      editedAt: null,
      originalContent: null,
      deletedAt: null,
      deletedBy: null,
    },
  }
  return {
    name: 'message.created',
    topic: 'conversation:c1',
    position,
    at,
    actorId: 'ann',
    origin: 'x1',
    payload: { message },
  }
}

const broker = memoryBroker()
const hub = new Hub({ epoch: 'e', broker, log, onError })
const core: Core = {
  execute: () => Promise.reject(new Error('not in this bench')),
  subscribe: async (actor, scope) => new LogFeed(hub, log, actor, scope, hub.tail.position),
  occupancy: (topic) => hub.occupancy(topic),
}
let actors = 0
const authenticate = async (): Promise<Actor> => {
  const id = `u${++actors}`
  const actor = { userId: id, name: id, email: null, role: 'client', avatar: null, connectionId: id, expiresAt: null }
  // The bench is its own authority.
  return actor as unknown as Actor
}
const config = { rpc: { maxPayload: 65_536, maxBuffered: 64 << 20 }, origins: [], production: true }
const trpc = createTrpc({ core, system, authenticate, config, log: { error: onError } })

/** tRPC as it comes: a generator for each subscriber, woken by each event. */
const waiting = new Set<(event: Durable) => void>()
const t = initTRPC.create({ transformer: superjson })
const stockRouter = t.router({
  events: t.procedure.subscription(async function* ({ signal }) {
    const queue: Durable[] = []
    let wake = () => {}
    const listen = (event: Durable) => {
      queue.push(event)
      wake()
    }
    waiting.add(listen)
    signal?.addEventListener('abort', () => wake())
    try {
      yield tracked('e.0', [] as Durable[])
      while (!signal?.aborted) {
        const event = queue.shift()
        if (event) yield tracked(`e.${event.position}`, [event])
        else await new Promise<void>((resolve) => (wake = resolve))
      }
    } finally {
      waiting.delete(listen)
    }
  }),
})
const plain = new WebSocketServer({ noServer: true, perMessageDeflate: false })
const serveStock = getWSConnectionHandler({ wss: plain, router: stockRouter })
const raw = new Set<WebSocket>()

const publish: Record<Way, (event: Durable) => void> = {
  trpc: (event) => hub.tail.offer([event]),
  stock: (event) => {
    for (const listen of waiting) listen(event)
  },
  raw: (event) => {
    const data = superjson.serialize({ id: `e.${event.position}`, data: [event] })
    const frame = JSON.stringify({ id: 1, result: { type: 'data', data, id: `e.${event.position}` } })
    for (const socket of raw) socket.send(frame)
  },
}

const server = createServer()
const routes = [
  trpc,
  {
    paths: ['/stock'],
    upgrade: (...[req, socket, head]: Parameters<typeof trpc.upgrade>) =>
      plain.handleUpgrade(req, socket, head, (client) => serveStock(client, req)),
  },
  {
    paths: ['/raw'],
    upgrade: (...[req, socket, head]: Parameters<typeof trpc.upgrade>) =>
      plain.handleUpgrade(req, socket, head, (client) => {
        raw.add(client)
        client.on('close', () => raw.delete(client))
        // The clients of all ways wait for the same first frame.
        client.on('message', () =>
          client.send('{"id":1,"result":{"type":"data","data":{"json":{"id":"e.0","data":[]}}}}'),
        )
      }),
  },
]
server.on('upgrade', upgradeRouter({ config, log: { error: onError }, routes }))

let since = process.cpuUsage()
process.on('message', async (order: Order) => {
  if (order.do === 'measure') {
    const { user, system } = process.cpuUsage(since)
    report({ cpuMicros: user + system })
    return
  }
  // Every way has its own events, but the hub's must be without a gap.
  if (order.way !== 'trpc') position = hub.tail.position
  since = process.cpuUsage()
  for (let left = order.events; left > 0; left--) {
    publish[order.way](nextEvent())
    if (left > 1) await new Promise((resolve) => setTimeout(resolve, order.everyMs))
  }
  if (order.way !== 'trpc') position = hub.tail.position
  report({ published: true })
})

await hub.start()
server.listen(0, '127.0.0.1')
await once(server, 'listening')
report({ port: (server.address() as AddressInfo).port })
