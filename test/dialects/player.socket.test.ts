/** The player's sockets against a bare Socket.IO server: what each version of the client says, by each transport. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server, type Socket } from 'socket.io'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Inbox } from '../inbox.ts'
import { PlayedSocket, transports, versions } from '../transcript.socket.ts'
import { play } from '../transcript.ts'

const http = createServer()
const io = new Server(http, { allowEIO3: true })
const heard = new Inbox<string>()
/** Says what it was told of the handshake, echoes with one argument more, and answers everything. */
function serve(socket: Socket): void {
  const { auth, query, headers } = socket.handshake
  const { authorization, cookie } = headers
  socket.emit('hello', { namespace: socket.nsp.name, transport: socket.conn.transport.name })
  socket.emit('places', [auth.token, query.token, authorization, headers['access-token'], cookie].map(Boolean))
  socket.on('disconnect', (reason) => heard.push(`${socket.id} ${reason}`))
  socket.onAny((event: string, ...args: unknown[]) => {
    const answer = args.pop()
    if (typeof answer !== 'function') return
    if (event === 'echo') socket.emit('echoed', ...args, args.length)
    answer(...args)
  })
}
let url = ''
beforeAll(async () => {
  for (const namespace of ['/', '/second']) io.of(namespace).on('connection', serve)
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  // A server that listens on TCP has such an address.
  url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
})
afterAll(() => io.close())

const ways = versions.flatMap((client) => transports.map((transport) => ({ client, transport })))
const server = () => ({ url, token: (userId: string) => `token of ${userId}` })

test.each(ways)('socket.io-client $client by $transport', async ({ client, transport }) => {
  const first = transport === 'websocket' ? 'websocket' : 'polling'
  const [auth, query] = client === 2 ? [false, true] : [true, false]
  await play(
    `connect ann auto
< ann hello {namespace: "/", transport: "${first}"}
< ann places [${auth}, ${query}, false, false, false]
> ann echo one {two: 2} "three?" [4]?
< ann echoed one {two: 2} "three?" [4] 4
< ann callback one {two: 2} "three?" [4]
connect bob auto via=header
< bob hello
< bob places [false, false, true, false, false]
connect bob auto via=access-token
< bob hello
< bob places [false, false, false, true, false]
connect bob auto via=token-query
< bob hello
< bob places [false, true, false, false, false]
connect bob auto via=cookie
< bob hello
< bob places [false, false, false, false, true]
connect bob auto none
< bob hello
< bob places [false, false, false, false, false]
- bob`,
    { server: server(), client, transport },
  )
})

test.each(versions)('two namespaces of socket.io-client %s share a connection', async (client) => {
  const sockets = async () => (await io.fetchSockets()).length
  await expect.poll(sockets).toBe(0)
  const connections = () => expect(io.engine.clientsCount).toBe(1)
  await play(
    `connect ann auto
connect ann/2 auto ns=/second on ann
< ann hello {namespace: "/", ...}
< ann/2 hello {namespace: "/second", ...}
< ann places
# Of a namespace, the server takes the query of a 2.x client for \`auth\`.
< ann/2 places [${client === 2 ? 'true, true' : 'true, false'}, ...]
! connections`,
    { server: server(), client, verbs: { connections } },
  )
  await expect.poll(() => io.engine.clientsCount).toBe(0)
})

test.each(ways)('$client by $transport: a cut says nothing, a goodbye is one', async ({ client, transport }) => {
  const approach = {
    dialect: undefined,
    token: 't',
    via: undefined,
    cookies: [],
    path: undefined,
    namespace: '/',
    on: undefined,
  }
  const leave = async (how: 'cut' | 'close') => {
    const socket = PlayedSocket.open(url, client, transport, approach)
    await socket.inbox.until((items) => items.find(([event]) => event === 'places'), 'the connection')
    if (transport === 'upgrade') await socket.upgraded(10_000)
    const { id } = socket
    await socket[how]()
    return heard.next((line) => line.startsWith(`${id} `), 'the end')
  }
  expect(await leave('cut')).toMatch(/ transport (close|error)$/)
  expect(await leave('close')).toMatch(/ client namespace disconnect$/)
})
