/**
 * One conversation to 1,000 subscribers over real WebSockets: server CPU per delivery, the lanes against `ws` sending a string
 * that is ready, and against tRPC's own generator path. The ways take turns; ratios are of medians.
 * Targets: at most 1.3 times raw ws, with equal and with distinct request ids; at least 4 times better than stock.
 * Last figures (Node 20.20, two cores, medians of 7): equal ids 1.10, distinct ids 1.22 times raw ws; stock 8.7 times the lanes.
 */
import { median, said, start } from './child.ts'
import type { Done, Task } from './fanout.clients.ts'
import type { Order, Report, Way } from './fanout.server.ts'

const READERS = 1_000
const EVENTS = Number(process.env.EVENTS ?? 60)
const ROUNDS = Number(process.env.ROUNDS ?? 7)

const WAYS = {
  'raw ws': { way: 'raw', rpc: '', distinct: false },
  'lanes, equal ids': { way: 'trpc', rpc: 'message.onEvent', distinct: false },
  'lanes, distinct ids': { way: 'trpc', rpc: 'message.onEvent', distinct: true },
  'stock tRPC': { way: 'stock', rpc: 'events', distinct: true },
} as const satisfies Record<string, { way: Way; rpc: string; distinct: boolean }>
type Name = keyof typeof WAYS

const server = start('./fanout.server.ts')
const clients = start('./fanout.clients.ts')
const order = (message: Order) => server.send(message)
const task = (message: Task) => clients.send(message)
const { port } = await said<keyof Extract<Report, { port: number }>>(server, 'port')

async function publish(way: Way, events: number, everyMs: number): Promise<number> {
  task({ do: 'expect', frames: events * READERS })
  const arrived = said<keyof Extract<Done, { arrived: true }>>(clients, 'arrived')
  order({ do: 'publish', way, events, everyMs })
  await arrived
  const measured = said(server, 'cpuMicros')
  order({ do: 'measure' })
  return (await measured).cpuMicros / (events * READERS)
}

async function turn(name: Name): Promise<number> {
  const { way, rpc, distinct } = WAYS[name]
  const connected = said(clients, 'connected')
  task({ do: 'connect', port, path: `/${way}`, rpc, count: READERS, distinct })
  await connected
  await publish(way, 10, 5)
  const micros = await publish(way, EVENTS, 15)
  const left = said(clients, 'left')
  task({ do: 'leave' })
  await left
  return micros
}

const names = Object.keys(WAYS) as Name[]
const results = new Map<Name, number[]>(names.map((name) => [name, []]))
for (let round = 0; round < ROUNDS; round++) {
  for (const name of names) results.get(name)?.push(await turn(name))
}
server.kill()
clients.kill()

const of = (name: Name) => median(results.get(name) ?? [])
console.log(`${READERS} readers, ${EVENTS} events a turn, ${ROUNDS} turns; server CPU per delivery, median`)
for (const name of names) {
  const ratio = (of(name) / of('raw ws')).toFixed(2)
  const spread = (results.get(name) ?? []).map((value) => value.toFixed(1)).join(' ')
  console.log(`${name.padEnd(20)} ${of(name).toFixed(2).padStart(6)} us  ${ratio} x raw ws   (${spread})`)
}
const lanes = Math.max(of('lanes, equal ids'), of('lanes, distinct ids'))
console.log(`stock is ${(of('stock tRPC') / lanes).toFixed(1)} times the lanes`)
const met = lanes <= 1.3 * of('raw ws') && of('stock tRPC') >= 4 * lanes
console.log(met ? 'targets met' : 'TARGETS MISSED')
process.exitCode = met ? 0 : 1
