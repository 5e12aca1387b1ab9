/**
 * One room with 1,000 sockets of a legacy dialect: server CPU per delivery, the bridge (from the log's event to the sockets)
 * against a bare Socket.IO `io.to(room).emit` of the same frames. Both serve their sockets all the time and take turns; the
 * ratio is of medians. Target: at most 1.15.
 * The fences of a connection (fence.ts) are in it, also the one that follows a turn.
 * Figures of 2026-11-20 on a machine that others used: 1.15 to 1.28 in six runs, 1.09 to 1.31 with 400 messages a turn (bare 16.7 to
 * 20.8 us); without any account of what was received 1.04 to 1.14. A profile shows the rest where Socket.IO walks over its sockets,
 * which lie further apart in memory, in the garbage collector, and in some 10 pings a turn and socket (60 us each).
 */
import { setTimeout as pause } from 'node:timers/promises'
import { median, said, start } from './child.ts'
import type { Done, Task } from './rooms.clients.ts'
import type { Order, Report, Way } from './rooms.server.ts'

const READERS = 1_000
const EVENTS = Number(process.env.EVENTS ?? 150)
const ROUNDS = Number(process.env.ROUNDS ?? 7)
/** The fence that follows the last frame is the turn's own. */
const SETTLE_MS = 500
/** What `rooms` says of a message: shown, then confirmed. */
const FRAMES = 2
const PATHS: Readonly<Record<Way, string>> = { bridge: '/rooms/socket.io/', bare: '/socket.io/' }
const WAYS = Object.keys(PATHS) as Way[]

const server = start(
  './rooms.server.ts',
  process.env.PROFILE ? ['--cpu-prof', `--cpu-prof-dir=${process.env.PROFILE}`] : [],
)
const clients = start('./rooms.clients.ts')
const order = (message: Order) => server.send(message)
const task = (message: Task) => clients.send(message)
const ports = await said<keyof Extract<Report, { bare: number }>>(server, 'bridge')

for (const way of WAYS) {
  const connected = said<keyof Extract<Done, { connected: true }>>(clients, 'connected')
  const path = `${PATHS[way]}?EIO=4&transport=websocket`
  task({ do: 'connect', port: ports[way], path, count: READERS, roomId: 'c1' })
  await connected
}

async function turn(way: Way, events: number): Promise<number> {
  const deliveries = events * FRAMES * READERS
  task({ do: 'expect', frames: deliveries })
  const arrived = said<keyof Extract<Done, { arrived: true }>>(clients, 'arrived')
  order({ do: 'publish', way, events, everyMs: 20 })
  await arrived
  await pause(SETTLE_MS)
  const measured = said(server, 'cpuMicros')
  order({ do: 'measure' })
  return (await measured).cpuMicros / deliveries
}

const results: Record<Way, number[]> = { bridge: [], bare: [] }
for (const way of WAYS) await turn(way, 20)
for (let round = 0; round < ROUNDS; round++) {
  for (const way of WAYS) results[way].push(await turn(way, EVENTS))
}
server.disconnect()
clients.kill()

const ratio = median(results.bridge) / median(results.bare)
console.log(
  `${READERS} sockets, ${EVENTS} messages of ${FRAMES} frames a turn, ${ROUNDS} turns; server CPU per delivery, median`,
)
for (const way of WAYS) {
  const spread = results[way].map((value) => value.toFixed(2)).join(' ')
  console.log(`${way.padEnd(8)} ${median(results[way]).toFixed(2).padStart(6)} us   (${spread})`)
}
console.log(`the bridge is ${ratio.toFixed(2)} times bare Socket.IO: ${ratio <= 1.15 ? 'target met' : 'TARGET MISSED'}`)
process.exitCode = ratio <= 1.15 ? 0 : 1
