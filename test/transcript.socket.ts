/**
 * The sockets of transcripts: three versions of the real client, each by polling, websocket or an upgrade. All that arrives is
 * kept in order; a cable can be cut, which says no goodbye.
 */
import { Agent, type ClientRequestArgs } from 'node:http'
import { Agent as SecureAgent } from 'node:https'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { io as io4 } from 'socket.io-client'
import io2 from 'socket.io-client-2'
import { io as io3 } from 'socket.io-client-3'
import { Inbox } from './inbox.ts'

export const versions = [4, 3, 2] as const
export type Version = (typeof versions)[number]
export const transports = ['websocket', 'polling', 'upgrade'] as const
export type Transport = (typeof transports)[number]

/** What came: an event and its arguments, or `connect`, `refused`, `disconnect`, `callback`. */
export type Arrival = readonly [event: string, ...args: unknown[]]
export const show = ([event, ...args]: Arrival): string =>
  [event, ...args.map((arg) => JSON.stringify(arg) ?? 'undefined')].join(' ')

export const places = ['auth', 'token-query', 'header', 'access-token', 'cookie'] as const
/** Where the credential stands. */
export type Place = (typeof places)[number]

/** How a socket comes in. */
export interface Approach {
  /** What it says of its dialect. */
  readonly dialect: string | undefined
  readonly token: string | undefined
  /** Undefined: where the version of the client has it. */
  readonly via: Place | undefined
  readonly cookies: readonly string[]
  /** Of the engine. Undefined: the usual one. */
  readonly path: string | undefined
  readonly namespace: string
  /** The label of the socket whose connection it shares. */
  readonly on: string | undefined
}

/** What the three versions of the client have in common. */
interface Wire {
  readonly id?: string | undefined
  readonly io: Manager
  emit(event: string, ...args: unknown[]): void
  close(): void
  on(event: string, listener: (...args: never[]) => void): void
}
interface Manager {
  readonly engine: {
    readonly transport: { readonly name: string }
    on(event: 'upgrade', listener: () => void): unknown
  }
  socket(namespace: string, options: object): Wire
}

export class PlayedSocket {
  readonly inbox = new Inbox<Arrival>(show)
  /** How much of the inbox has been written down. */
  read = 0
  /** Hung up, by either side. */
  gone = false
  readonly #wire: Wire
  readonly #cable: Cable

  private constructor(wire: Wire, cable: Cable) {
    this.#wire = wire
    this.#cable = cable
    const { push } = this.inbox
    // The one hook that all versions have for every event.
    Object.assign(wire, { onevent: ({ data }: { data: [string, ...unknown[]] }) => push(data) })
    wire.on('connect', () => push(['connect']))
    wire.on('connect_error', (error: Error) => push(['refused', error.message]))
    wire.on('error', (words: unknown) => push(['refused', words]))
    wire.on('disconnect', () => {
      this.gone = true
      push(['disconnect'])
    })
  }

  static open(url: string, version: Version, transport: Transport, approach: Approach): PlayedSocket {
    const cable = new Cable(url)
    const { namespace, path } = approach
    const common = {
      ...{ forceNew: true, reconnection: false, agent: cable.agent, ...(path !== undefined && { path }) },
      transports: transport === 'upgrade' ? ['polling', 'websocket'] : [transport],
      ...credentials(version, approach),
    }
    const options: object = common
    const wire = { 2: io2, 3: io3, 4: io4 }[version](`${url}${namespace === '/' ? '' : namespace}`, options)
    return new PlayedSocket(wire, cable)
  }
  /** Another namespace of the same connection. */
  beside(version: Version, approach: Approach): PlayedSocket {
    const wire = this.#wire.io.socket(approach.namespace, credentials(version, approach))
    return new PlayedSocket(wire, this.#cable)
  }

  get id(): string | undefined {
    return this.#wire.id
  }
  emit(event: string, ...args: unknown[]): void {
    this.#wire.emit(event, ...args)
  }
  on(event: 'disconnect', listener: () => void): void {
    this.#wire.on(event, listener)
  }
  shares(other: PlayedSocket): boolean {
    return this.#cable === other.#cable
  }
  async upgraded(timeoutMs: number): Promise<void> {
    const { engine } = this.#wire.io
    if (engine.transport.name === 'websocket') return
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error('the connection is not upgraded')), timeoutMs)
      const settle = () => {
        clearTimeout(late)
        resolve()
      }
      engine.on('upgrade', settle)
      // Some are hung up on at once.
      this.#wire.on('disconnect', settle)
      if (this.gone) settle()
    })
  }
  close(): void {
    this.#wire.close()
  }
  /** The connection with all its namespaces, without a word to the server. */
  cut(): Promise<void> {
    return this.#cable.cut()
  }
}

/** 2.x clients send no `auth`: theirs is the query. */
function credentials(version: Version, { token, dialect, via, cookies }: Approach): object {
  const place = via ?? (version === 2 ? 'token-query' : 'auth')
  const words = dialect === undefined ? {} : { dialect }
  const cookie = [...cookies, ...(place === 'cookie' && token !== undefined ? [`token=${token}`] : [])].join('; ')
  const headers = {
    ...(cookie !== '' && { cookie }),
    ...(token !== undefined && place === 'header' && { authorization: `Bearer ${token}` }),
    ...(token !== undefined && place === 'access-token' && { 'access-token': token }),
  }
  const said = { ...words, ...(token !== undefined && ['auth', 'token-query'].includes(place) && { token }) }
  return { ...(place === 'auth' && version !== 2 ? { auth: said } : { query: said }), extraHeaders: headers }
}

/** The TCP connections of one client. */
class Cable {
  readonly agent: Agent
  readonly #sockets = new Set<Socket>()

  constructor(url: string) {
    this.agent = url.startsWith('https:') ? new SecureAgent() : new Agent()
    const create = this.agent.createConnection
    this.agent.createConnection = (options: ClientRequestArgs, callback) => {
      const socket = create.call(this.agent, options, callback)
      this.#watch(socket)
      return socket
    }
  }
  #watch(socket: Duplex | null | undefined): void {
    // Without a callback that is what agents give.
    const made = socket as Socket
    this.#sockets.add(made)
    made.once('close', () => this.#sockets.delete(made))
  }
  async cut(): Promise<void> {
    // A server does not notice the end of a poll that it has never seen.
    const sent = ({ connecting, bytesWritten }: Socket) => !connecting && bytesWritten > 0
    do await setImmediate()
    while (![...this.#sockets].some(sent))
    for (const socket of this.#sockets) socket.destroy()
  }
}
