/** What transcripts do beside sockets: calls of the typed API and plain HTTP, once or until they give what is expected. */
import { setTimeout as pause } from 'node:timers/promises'
import { createTRPCUntypedClient, httpLink, TRPCClientError } from '@trpc/client'
import superjson from 'superjson'
import { commands } from '../shared/commands.ts'
import type { TestServer } from './harness.ts'
import type { People } from './transcript.people.ts'
import { type Place, places } from './transcript.socket.ts'
import { type Bindings, bind, fill, match, parse, parseAll, split } from './transcript.values.ts'

/** How a socket or a request says who it is. */
export interface Credential {
  readonly token: string | undefined
  readonly via: Place | undefined
  readonly cookies: readonly string[]
}

interface Parts {
  readonly server: Pick<TestServer, 'url' | 'token'>
  readonly timeoutMs: number
}

const kinds = new Map<string, string>(Object.entries(commands).map(([name, { kind }]) => [name, kind]))

/** The output as JSON has it. Throws TRPCClientError. */
async function execute(url: string, token: string | undefined, command: string, input: unknown): Promise<unknown> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const client = createTRPCUntypedClient({ links: [httpLink({ url: `${url}/trpc`, transformer: superjson, headers })] })
  const output = kinds.get(command) === 'read' ? client.query(command, input) : client.mutation(command, input)
  return JSON.parse(JSON.stringify((await output) ?? null))
}
const failedWith = (error: unknown, words: string) =>
  error instanceof TRPCClientError && `${error.message} ${JSON.stringify(error.data)}`.includes(words)

export class Calls {
  readonly #parts: Parts
  readonly #people: People
  readonly #bindings: Bindings
  /** What the server has set, by user and name. */
  readonly #cookies = new Map<string, Map<string, string>>()

  constructor(parts: Parts, people: People, bindings: Bindings) {
    this.#parts = parts
    this.#people = people
    this.#bindings = bindings
  }

  credential(user: string, words: readonly string[]): Credential {
    const via = words.find((word) => word.startsWith('via='))?.slice('via='.length)
    if (via === 'session') {
      const cookies = [...(this.#cookies.get(user) ?? [])].map(([name, value]) => `${name}=${value}`)
      return { token: undefined, via: undefined, cookies }
    }
    const place = places.find((known) => known === via)
    if (via !== undefined && !place) throw new Error(`via=${via}: there is no such place`)
    return { token: this.#people.token(user, words), via: place, cookies: [] }
  }

  call(user: string, command: string, input: unknown): Promise<unknown> {
    return execute(this.#parts.server.url, this.#people.token(user), command, input)
  }
  /** `command {input}`, then `= {output}`, `~ {output}` or `! CODE`. */
  async typed(user: string, [command = '', ...rest]: readonly string[]): Promise<void> {
    const { given, sign, expected } = divide(rest)
    const [input = {}] = bindAll(given.join(' '), this.#bindings)
    if (sign === '!') {
      const outcome = await this.call(user, command, input).then(
        (output) => ({ output }),
        (error: unknown) => ({ error }),
      )
      if ('output' in outcome) throw new Error(`but it gave ${JSON.stringify(outcome.output)}`)
      if (!failedWith(outcome.error, expected)) throw outcome.error
      return
    }
    await this.#asking(sign, async (bindings) => {
      const output = await this.call(user, command, input)
      if (sign) match(parse(expected, bindings), output, bindings)
    })
  }

  /** `METHOD /path options {body}`, then `= 200 {...}` or `~ 200 {...}`. */
  async http(user: string, [method = '', path = '', ...rest]: readonly string[]): Promise<void> {
    const { given, sign, expected } = divide(rest)
    const isBody = (word: string) => /^[{[]/.test(word)
    const {
      token,
      via = 'header',
      cookies,
    } = this.credential(
      user,
      given.filter((word) => !isBody(word)),
    )
    const [body] = bindAll(given.filter(isBody).join(' '), this.#bindings)
    const url = path.replace(/<[^<>\s]+>/g, (hole) => encodeURIComponent(fill(hole, this.#bindings)))
    const cookie = [...cookies, ...(via === 'cookie' && token !== undefined ? [`token=${token}`] : [])].join('; ')
    const headers = {
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(token !== undefined && via === 'header' && { authorization: `Bearer ${token}` }),
      ...(token !== undefined && via === 'access-token' && { 'access-token': token }),
      ...(cookie !== '' && { cookie }),
    }
    const [status = '', ...wanted] = split(expected)
    await this.#asking(sign, async (bindings) => {
      const request = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) }
      const response = await fetch(`${this.#parts.server.url}${url}`, { ...request, redirect: 'manual' })
      const answer = await answerOf(response)
      this.#keep(user, response)
      if (sign && status !== String(response.status))
        throw new Error(`it is ${response.status} ${JSON.stringify(answer)}`)
      if (wanted.length > 0) match(parse(wanted.join(' '), bindings), answer, bindings)
    })
  }
  #keep(user: string, { headers }: Response): void {
    const jar = this.#cookies.get(user) ?? new Map<string, string>()
    this.#cookies.set(user, jar)
    for (const line of headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (value === '') jar.delete(name)
      else jar.set(name, value)
    }
  }

  /** Connections of a user to the node at `url`. */
  async connections(url: string, user: string): Promise<number> {
    const token = this.#parts.server.token(this.#people.fresh('watcher'), { role: 'admin' })
    const output = await execute(url, token, 'admin.connections', { userId: this.#people.id(user) })
    const found: Bindings = new Map()
    match(parse('{connections: <list>, ...}', found), output, found)
    const list = found.get('list')
    return Array.isArray(list) ? list.length : 0
  }
  /** Asks again and again. Throws what the last attempt threw, or that it is late. */
  async until(holds: () => Promise<boolean>, what: string): Promise<void> {
    const late = Date.now() + this.#parts.timeoutMs
    while (!(await holds())) {
      if (Date.now() > late) throw new Error(`waited ${this.#parts.timeoutMs} ms for ${what}`)
      await pause(10)
    }
  }
  async #asking(sign: string | undefined, attempt: (bindings: Bindings) => Promise<void>): Promise<void> {
    if (sign !== '~') return attempt(this.#bindings)
    let last: unknown
    const holds = async () => {
      const tried = new Map(this.#bindings)
      try {
        await attempt(tried)
      } catch (error) {
        last = error
        return false
      }
      for (const [name, value] of tried) this.#bindings.set(name, value)
      return true
    }
    await this.until(holds, 'this').catch((error: unknown) => {
      throw last ?? error
    })
  }
}

/** What is given, and what is expected after the first `=`, `~` or `!`. */
function divide(parts: readonly string[]): { given: readonly string[]; sign: string | undefined; expected: string } {
  const at = parts.findIndex((part) => /^[=~!]$/.test(part))
  if (at < 0) return { given: parts, sign: undefined, expected: '' }
  return { given: parts.slice(0, at), sign: parts[at], expected: parts.slice(at + 1).join(' ') }
}

const bindAll = (text: string, bindings: Bindings) => parseAll(text, bindings).map((value) => bind(value, bindings))

/** JSON where it is JSON, else the text. */
async function answerOf(response: Response): Promise<unknown> {
  const text = await response.text()
  return response.headers.get('content-type')?.includes('json') && text !== '' ? JSON.parse(text) : text
}
