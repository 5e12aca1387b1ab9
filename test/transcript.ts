/**
 * Plays a transcript over real sockets against a running server. Each socket's events must come exactly in the order in
 * which they are written, with nothing between and nothing after; the order between two sockets is free. The language:
 *
 *   given chat c ann bob        a direct conversation, <c> is its id; also `group`, `channel`, `open` (anybody may join)
 *   given id r                  <r> is an id that nobody has used
 *   connect ann marketplace     `auto` says nothing; `ann/phone` is another socket of ann; JSON after it: claims of the
 *                               token, or `rooms-token` for one as that system makes them, `bad`, `none`
 *   refuse eve marketplace "x"  the handshake fails with this text
 *   > ann event {...}           ann sends; a `?` at the end asks for the callback, which arrives as `callback`
 *   < bob event {...}           the next thing that bob receives
 *   - bob                       bob has received nothing else
 *   $ ann message.send {...} = {...}   through the typed API; `! CODE` instead of `=` for a failure
 *   ! something                 whatever the test means by it
 *   close ann                   ann goes away; `< bob disconnect` is the server hanging up
 *
 * Values are JSON; keys need no quotes, `...` in an object allows other keys. `<name>` is a value, the same one each time,
 * `<ann>` a user's id, `<*>` anything, `<time>` an ISO date, `<number>` a number.
 */
import { randomBytes } from 'node:crypto'
import { createTRPCUntypedClient, httpLink, TRPCClientError } from '@trpc/client'
import { io } from 'socket.io-client'
import io2 from 'socket.io-client-2'
import superjson from 'superjson'
import type { TestServer } from './harness.ts'
import { Inbox } from './inbox.ts'
import { type Bindings, bind, match, parse } from './transcript.values.ts'

type Callback = (value: unknown) => void
type Arrival = readonly [event: string, payload?: unknown]
interface Wire {
  emit(event: string, ...args: unknown[]): void
  close(): void
  on(event: string, listener: (...args: never[]) => void): void
}
interface Client {
  wire: Wire
  readonly inbox: Inbox<Arrival>
  /** How much of the inbox has been written down. */
  read: number
  gone: boolean
}

export interface PlayOptions {
  server: Pick<TestServer, 'url' | 'token'>
  /** Version of socket.io-client. */
  client?: 2 | 4
  transports?: readonly ('polling' | 'websocket')[]
  timeoutMs?: number
  /** Sockets that connect elsewhere, by label. */
  urls?: Readonly<Record<string, string>>
  /** What `! name` does. */
  verbs?: Readonly<Record<string, () => void | Promise<void>>>
}

class Player {
  readonly #options: Required<PlayOptions>
  readonly #bindings: Bindings = new Map()
  readonly #clients = new Map<string, Client>()
  readonly #claims = new Map<string, object>()
  readonly #salt = randomBytes(3).toString('hex')

  constructor(options: PlayOptions) {
    this.#options = { client: 4, transports: ['websocket'], timeoutMs: 10_000, urls: {}, verbs: {}, ...options }
  }

  async play(text: string): Promise<void> {
    try {
      for (const [index, line] of text.split('\n').entries()) {
        if (line.trim() === '' || line.startsWith('#')) continue
        await this.#line(line.trim()).catch((error: unknown) => {
          throw new Error(`line ${index + 1}: ${line}\n${String(error)}\n${this.#arrived()}`, { cause: error })
        })
      }
      for (const label of this.#clients.keys()) {
        await this.#silence(label).catch((error: unknown) => {
          throw new Error(`at the end\n${String(error)}\n${this.#arrived()}`, { cause: error })
        })
      }
    } finally {
      for (const { wire } of this.#clients.values()) wire.close()
    }
  }

  async #line(line: string): Promise<void> {
    const [, verb = '', who = '', rest = ''] = /^(\S+)\s+(\S+)\s*(.*)$/.exec(line) ?? []
    switch (verb) {
      case 'given':
        return this.#given(who, rest.split(' '))
      case 'connect':
        return this.#connect(who, rest)
      case 'refuse': {
        const [dialect = '', words = '', claims = ''] = /^(\S+)\s+("[^"]*")\s*(.*)$/.exec(rest)?.slice(1) ?? []
        return this.#refused(who, dialect, JSON.parse(words), claims)
      }
      case '>':
        return this.#send(who, rest)
      case '<':
        return this.#expect(who, rest)
      case '-':
        return this.#silence(who)
      case '$':
        return this.#typed(who, rest)
      case '!': {
        const act = this.#options.verbs[who]
        if (!act) throw new Error('no such act')
        return act()
      }
      case 'close':
        this.#client(who).wire.close()
        return void this.#clients.delete(who)
      default:
        throw new Error('no such verb')
    }
  }

  async #given(kind: string, [name = '', ...users]: string[]): Promise<void> {
    if (kind === 'id') return void this.#bindings.set(name, `${name}-${this.#salt}`)
    const ids = users.map((user) => this.#user(user))
    for (const user of users) await this.#call(user, 'user.me', {})
    const [creator = '', ...others] = users
    const real = kind === 'chat' ? 'direct' : kind === 'open' ? 'room' : kind
    const joinPolicy = kind === 'open' ? 'open' : 'invited'
    const context = kind === 'chat' ? { jobId: 'job-1', jobTitle: 'Paint a wall' } : null
    const input = { kind: real, memberIds: ids.slice(1, 1 + others.length), joinPolicy, context }
    const created = parse('{conversation: {id: <made>, ...}, ...}', new Map())
    const bindings: Bindings = new Map()
    match(created, await this.#call(creator, 'conversation.create', input), bindings)
    this.#bindings.set(name, bindings.get('made'))
  }

  async #connect(label: string, rest: string): Promise<void> {
    const [dialect = 'auto', ...claims] = rest.split(' ')
    const client = this.#open(label, dialect, claims.join(' '))
    await this.#next(client, `${label} to connect`, 'connect')
  }
  async #refused(label: string, dialect: string, words: string, claims: string): Promise<void> {
    const client = this.#open(label, dialect, claims)
    const [, reason] = await this.#next(client, `${label} to be refused`, 'refused')
    this.#clients.delete(label)
    client.wire.close()
    if (reason !== words) throw new Error(`but with ${JSON.stringify(reason)}`)
  }

  #open(label: string, dialect: string, claims: string): Client {
    const [user = ''] = label.split('/')
    const { server, client: version, transports, urls } = this.#options
    const url = urls[label] ?? server.url
    const dialects = dialect === 'auto' ? {} : { dialect }
    const token = claims === 'none' ? {} : { token: claims === 'bad' ? 'a.bad.token' : this.#token(user, claims) }
    const common = { forceNew: true, reconnection: false, transports: [...transports] }
    const wire: Wire =
      version === 4
        ? io(url, { ...common, auth: { ...token, ...dialects } })
        : io2(url, { ...common, query: { ...token, ...dialects } })
    const client: Client = { wire, inbox: new Inbox(), read: 0, gone: false }
    const { push } = client.inbox
    // The one hook that both versions have for every event.
    Object.assign(wire, {
      onevent: ({ data: [event, payload] }: { data: [string, unknown] }) => push([event, payload]),
    })
    wire.on('connect', () => push(['connect']))
    wire.on('connect_error', (error: Error) => push(['refused', error.message]))
    wire.on('error', (words: unknown) => push(['refused', words]))
    wire.on('disconnect', () => {
      client.gone = true
      push(['disconnect'])
    })
    this.#clients.get(label)?.wire.close()
    this.#clients.set(label, client)
    return client
  }

  async #send(label: string, rest: string): Promise<void> {
    const [, event = '', body = '', asks] = /^(\S+)\s*(.*?)\s*(\?)?$/.exec(rest) ?? []
    const client = this.#client(label)
    const payload = body === '' ? [] : [bind(parse(body, this.#bindings), this.#bindings)]
    const callback: Callback = (value) => client.inbox.push(['callback', value])
    client.wire.emit(event, ...payload, ...(asks ? [callback] : []))
  }

  async #expect(label: string, rest: string): Promise<void> {
    const [, event = '', body = ''] = /^(\S+)\s*(.*)$/.exec(rest) ?? []
    const client = this.#client(label)
    const [, payload] = await this.#next(client, `${label} to receive ${event}`, event)
    if (body !== '') match(parse(body, this.#bindings), payload, this.#bindings)
  }

  /** What was sent to a socket before its answer to a question was sent before that answer. */
  async #silence(label: string): Promise<void> {
    const client = this.#client(label)
    if (!client.gone) {
      await new Promise<void>((resolve, reject) => {
        const late = setTimeout(() => reject(new Error(`${label} is not answered`)), this.#options.timeoutMs)
        const settle = () => {
          clearTimeout(late)
          resolve()
        }
        const callback: Callback = settle
        client.wire.emit('are you there', callback)
        client.wire.on('disconnect', settle)
      })
    }
    const first = client.inbox.items[client.read]
    if (first) throw new Error(`${label} also received ${show(first)}`)
  }

  async #typed(user: string, rest: string): Promise<void> {
    const [, command = '', body = '', sign, expected = ''] = /^(\S+)\s+(.*?)(?:\s+([=!])\s+(.*))?$/.exec(rest) ?? []
    const input = bind(parse(body, this.#bindings), this.#bindings)
    const outcome = await this.#call(user, command, input).then(
      (output) => ({ output }),
      (error: unknown) => ({ error }),
    )
    if ('error' in outcome) {
      if (sign === '!' && outcome.error instanceof TRPCClientError && outcome.error.message.includes(expected)) return
      throw outcome.error
    }
    if (sign === '!') throw new Error(`but it gave ${JSON.stringify(outcome.output)}`)
    if (sign === '=') match(parse(expected, this.#bindings), JSON.parse(JSON.stringify(outcome.output)), this.#bindings)
  }
  #call(user: string, command: string, input: unknown): Promise<unknown> {
    const { server } = this.#options
    const headers = { authorization: `Bearer ${this.#token(user, '')}` }
    const link = httpLink({ url: `${server.url}/trpc`, transformer: superjson, headers })
    const client = createTRPCUntypedClient({ links: [link] })
    const reads = /^(user\.(me|get)|\w+\.(get|list|history|missed|stats|snapshot))$/
    return reads.test(command) ? client.query(command, input) : client.mutation(command, input)
  }

  #token(user: string, claims: string): string {
    const id = this.#user(user)
    const name = user.replace(/^./, (letter) => letter.toUpperCase())
    const { server } = this.#options
    if (claims === 'rooms-token') {
      const own = { id, username: name, email: `${user}@example.org` }
      return server.token(id, { ...own, userId: undefined, role: undefined })
    }
    if (claims !== '') this.#claims.set(user, Object(bind(parse(claims, this.#bindings), this.#bindings)))
    return server.token(id, { fullName: name, ...this.#claims.get(user) })
  }
  #user(user: string): string {
    const id = `${user}-${this.#salt}`
    this.#bindings.set(user, id)
    return id
  }
  #client(label: string): Client {
    const client = this.#clients.get(label)
    if (!client) throw new Error(`${label} is not connected`)
    return client
  }
  async #next(client: Client, what: string, event: string): Promise<Arrival> {
    const at = client.read
    const came = await client.inbox.until((items) => items[at], what, this.#options.timeoutMs)
    client.read += 1
    if (came[0] !== event) throw new Error(`waited for ${what}, but ${show(came)} came`)
    return came
  }
  #arrived(): string {
    const all = [...this.#clients].map(([label, { inbox }]) => [`${label} received:`, ...inbox.items.map(show)])
    return all.map((lines) => lines.join('\n  ')).join('\n')
  }
}

const show = ([event, payload]: Arrival) => `${event} ${JSON.stringify(payload) ?? ''}`

/** Throws with the line that failed and everything that each socket received. */
export const play = (text: string, options: PlayOptions): Promise<void> => new Player(options).play(text)
