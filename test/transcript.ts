/**
 * Plays a transcript over real sockets against a running server. Each socket's events must come exactly in the order in
 * which they are written, with nothing between and nothing after; the order between two sockets is free. The language is
 * described in transcripts/README.md.
 */
import type { TestServer } from './harness.ts'
import { Calls } from './transcript.calls.ts'
import { type Step, steps } from './transcript.lines.ts'
import { People } from './transcript.people.ts'
import { type Approach, type Arrival, PlayedSocket, show, type Transport, type Version } from './transcript.socket.ts'
import { type Bindings, bind, match, matchSet, parse, parseAll, split } from './transcript.values.ts'

export interface PlayOptions {
  server: Pick<TestServer, 'url' | 'token'>
  /** Version of socket.io-client. */
  client?: Version
  transport?: Transport
  timeoutMs?: number
  /** Sockets that connect elsewhere, by label. */
  urls?: Readonly<Record<string, string>>
  /** What `! name` does. */
  verbs?: Readonly<Record<string, () => void | Promise<void>>>
}

/** What came is not what is written. The message says all of it. */
export class Difference extends Error {
  /** Of the line in the transcript, from 1; undefined: something came after the last one. */
  readonly number: number | undefined
  readonly line: string
  readonly why: string
  /** What came instead, if it was one event. */
  readonly came: string | undefined
  /** What every socket received, a line each. */
  readonly arrived: string
  constructor(number: number | undefined, line: string, cause: unknown, arrived: string, came?: string) {
    super(`${number === undefined ? line : `line ${number}: ${line}`}\n${String(cause)}\n${arrived}`, { cause })
    this.number = number
    this.line = line
    this.why = cause instanceof Error ? cause.message : String(cause)
    this.arrived = arrived
    this.came = came
  }
}

class Player {
  readonly #options: Required<PlayOptions>
  readonly #bindings: Bindings = new Map()
  readonly #people: People
  readonly #calls: Calls
  readonly #sockets = new Map<string, PlayedSocket>()
  /** How each socket last came in. */
  readonly #approaches = new Map<string, Approach>()

  /** What the line at work has taken. */
  #came: string | undefined

  constructor(options: PlayOptions) {
    this.#options = { client: 4, transport: 'websocket', timeoutMs: 10_000, urls: {}, verbs: {}, ...options }
    this.#people = new People(options.server.token, this.#bindings)
    this.#calls = new Calls(this.#options, this.#people, this.#bindings)
  }

  async play(text: string): Promise<void> {
    try {
      for (const step of steps(text)) {
        this.#came = undefined
        await this.#step(step).catch((error: unknown) => {
          throw new Difference(step.number, step.lines.join('\n'), error, this.#arrived(), this.#came)
        })
      }
      for (const label of this.#sockets.keys()) {
        await this.#silence(label).catch((error: unknown) => {
          throw new Difference(undefined, 'at the end', error, this.#arrived())
        })
      }
    } finally {
      for (const socket of this.#sockets.values()) socket.close()
    }
  }

  async #step({ lines }: Step): Promise<void> {
    const [line] = lines
    const [, verb = '', who = '', rest = ''] = /^(\S+)\s+(\S+)\s*([\s\S]*)$/.exec(line) ?? []
    switch (verb) {
      case 'given':
        return this.#given(who, split(rest))
      case 'connect':
        return this.#connect(who, this.#approach(who, rest))
      case 'reconnect': {
        const approach = this.#approaches.get(who)
        if (!approach) throw new Error(`${who} was never connected`)
        return this.#connect(who, approach)
      }
      case 'refuse': {
        const [dialect = '', words = '', ...options] = split(rest)
        return this.#refused(who, this.#approach(who, [dialect, ...options].join(' ')), JSON.parse(words))
      }
      case '>':
        return this.#send(who, rest)
      case '<':
        return this.#expect(who, rest)
      case '<~':
        return this.#expectSet(lines)
      case '-':
        return this.#silence(who)
      case '$':
        return this.#calls.typed(who, split(rest))
      case '%':
        return this.#calls.http(who, split(rest))
      case '!': {
        const act = this.#options.verbs[who]
        if (!act) throw new Error('no such act')
        return act()
      }
      case 'close':
      case 'cut':
        return this.#leave(who, verb)
      default:
        throw new Error('no such verb')
    }
  }

  async #given(kind: string, [name = '', ...rest]: string[]): Promise<void> {
    if (kind === 'id') return void this.#bindings.set(name, this.#people.fresh(name))
    if (kind === 'user') {
      this.#people.token(name, rest)
      return void (await this.#calls.call(name, 'user.me', {}))
    }
    const ids = rest.map((user) => this.#people.id(user))
    for (const user of rest) await this.#calls.call(user, 'user.me', {})
    const [creator = ''] = rest
    const real = kind === 'chat' ? 'direct' : kind === 'open' ? 'room' : kind
    const joinPolicy = kind === 'open' ? 'open' : 'invited'
    const context = kind === 'chat' ? { jobId: 'job-1', jobTitle: 'Paint a wall' } : null
    const input = { kind: real, memberIds: ids.slice(1), joinPolicy, context }
    const bindings: Bindings = new Map()
    const created = parse('{conversation: {id: <made>, ...}, ...}', bindings)
    match(created, await this.#calls.call(creator, 'conversation.create', input), bindings)
    this.#bindings.set(name, bindings.get('made'))
  }

  /** `rest`: dialect, then options in any order, then what People says of tokens. */
  #approach(label: string, rest: string): Approach {
    const [dialect, ...words] = split(rest)
    const option = (name: string) => words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1)
    const on = words.indexOf('on')
    return {
      dialect: dialect === 'auto' ? undefined : dialect,
      ...this.#calls.credential(userOf(label), words),
      path: option('path'),
      namespace: option('ns') ?? '/',
      on: on < 0 ? undefined : words[on + 1],
    }
  }

  #open(label: string, approach: Approach): PlayedSocket {
    const { server, client, transport, urls } = this.#options
    this.#sockets.get(label)?.close()
    const socket =
      approach.on === undefined
        ? PlayedSocket.open(urls[label] ?? server.url, client, transport, approach)
        : this.#socket(approach.on).beside(client, approach)
    this.#sockets.set(label, socket)
    return socket
  }
  async #connect(label: string, approach: Approach): Promise<void> {
    this.#approaches.set(label, approach)
    const socket = this.#open(label, approach)
    await this.#next(socket, `${label} to connect`, 'connect')
    this.#bindings.set(`${label}.socket`, socket.id)
    if (this.#options.transport === 'upgrade') await socket.upgraded(this.#options.timeoutMs)
  }
  async #refused(label: string, approach: Approach, words: unknown): Promise<void> {
    const socket = this.#open(label, approach)
    const [, reason] = await this.#next(socket, `${label} to be refused`, 'refused')
    this.#sockets.delete(label)
    socket.close()
    if (reason !== words) throw new Error(`but with ${JSON.stringify(reason)}`)
  }

  /** Returns when the server has noticed: what happens next happens without the user. */
  async #leave(label: string, how: 'close' | 'cut'): Promise<void> {
    const socket = this.#socket(label)
    const user = userOf(label)
    const sharing = [...this.#sockets].filter(
      ([, other]) => other === socket || (how === 'cut' && other.shares(socket)),
    )
    const going = sharing.filter(([, { gone }]) => !gone).length
    const url = this.#options.urls[label] ?? this.#options.server.url
    const left = going === 0 ? 0 : Math.max(0, (await this.#calls.connections(url, user)) - going)
    if (how === 'close') socket.close()
    else await socket.cut()
    for (const [other] of sharing) this.#sockets.delete(other)
    if (going > 0)
      await this.#calls.until(async () => (await this.#calls.connections(url, user)) <= left, `${label} to be gone`)
  }

  #send(label: string, rest: string): void {
    const [, event = '', body = '', asks] = /^(\S+?)(?:\s+([\s\S]*?))?\s*(\?)?$/.exec(rest) ?? []
    const socket = this.#socket(label)
    const args = parseAll(body, this.#bindings).map((value) => bind(value, this.#bindings))
    const callback = (...values: unknown[]) => socket.inbox.push(['callback', ...values])
    socket.emit(event, ...args, ...(asks ? [callback] : []))
  }

  async #expect(label: string, rest: string): Promise<void> {
    const [event = ''] = split(rest)
    const came = await this.#next(this.#socket(label), `${label} to receive ${event}`, event)
    this.#compare(rest, came, this.#bindings)
  }
  /** Each socket's lines as a set. */
  async #expectSet(lines: readonly string[]): Promise<void> {
    const sockets = new Map<string, string[]>()
    for (const line of lines) {
      const [, label = '', rest = ''] = /^<~\s+(\S+)\s+([\s\S]*)$/.exec(line) ?? []
      sockets.set(label, [...(sockets.get(label) ?? []), rest])
    }
    for (const [label, expected] of sockets) {
      const socket = this.#socket(label)
      const { read } = socket
      const end = read + expected.length
      const enough = (items: readonly Arrival[]) => (items.length >= end ? items.slice(read, end) : undefined)
      const came = await socket.inbox.until(enough, `${label} to receive these`, this.#options.timeoutMs)
      socket.read = end
      this.#came = came.map(show).join('\n    ')
      matchSet(expected, came, this.#bindings, (rest, arrival, bindings) => this.#compare(rest, arrival, bindings))
    }
  }
  #compare(expected: string, [event, ...args]: Arrival, bindings: Bindings): void {
    const [wanted, ...values] = split(expected)
    if (event !== wanted) throw new Error(`waited for ${wanted}, but ${event} came`)
    if (values.length === 0) return
    const [first, ...more] = parseAll(values.join(' '), bindings)
    if (args.length > 1 + more.length) throw new Error(`it has ${args.length} arguments: ${show([event, ...args])}`)
    match(first, args[0], bindings)
    for (const [index, value] of more.entries()) match(value, args[index + 1], bindings, `argument ${index + 2}`)
  }

  /** What was sent to a socket before its answer to a question was sent before that answer. */
  async #silence(label: string): Promise<void> {
    const socket = this.#socket(label)
    if (!socket.gone) {
      await new Promise<void>((resolve, reject) => {
        const late = setTimeout(() => reject(new Error(`${label} is not answered`)), this.#options.timeoutMs)
        const settle = () => {
          clearTimeout(late)
          resolve()
        }
        socket.emit('are you there', settle)
        socket.on('disconnect', settle)
      })
    }
    const first = socket.inbox.items[socket.read]
    if (first) throw new Error(`${label} also received ${show(first)}`)
  }

  #socket(label: string): PlayedSocket {
    const socket = this.#sockets.get(label)
    if (!socket) throw new Error(`${label} is not connected`)
    return socket
  }
  async #next(socket: PlayedSocket, what: string, event: string): Promise<Arrival> {
    const at = socket.read
    const came = await socket.inbox.until((items) => items[at], what, this.#options.timeoutMs)
    socket.read += 1
    this.#came = show(came)
    if (came[0] !== event) throw new Error(`waited for ${what}, but ${show(came)} came`)
    return came
  }
  #arrived(): string {
    const all = [...this.#sockets].map(([label, { inbox }]) => [`${label} received:`, ...inbox.items.map(show)])
    return all.map((lines) => lines.join('\n  ')).join('\n')
  }
}

const userOf = (label: string) => label.split('/')[0] ?? ''

/** Throws a Difference with the line that failed and everything that each socket received. */
export const play = (text: string, options: PlayOptions): Promise<void> => new Player(options).play(text)
