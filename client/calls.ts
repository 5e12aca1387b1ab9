/**
 * Typed calls over one connection, in tRPC's own protocol: a terminating link, in the place of wsLink. What it does with a
 * call when its socket is lost: a query is asked again, a subscription is sent again with the last id it saw, a mutation that
 * was sent fails with UNAVAILABLE (its outcome is not known), one that was not yet sent waits. A call whose answer does not
 * come in time fails with TIMEOUT. A call refused for its token is repeated once with another token.
 *
 * Why not wsLink: its timers outlive `close`, a dead socket is left only after its farewell, the token is asked for on an open
 * socket, and ids depend on what was called before. Here ids are those of one socket, and the stream of all events is always
 * number 1: a server that encodes an event once for each id in use then encodes it once.
 */
import type { Operation, OperationResultEnvelope, TRPCClientError, TRPCLink } from '@trpc/client'
import { type Observer, observable } from '@trpc/server/observable'
import superjson, { type SuperJSONResult } from 'superjson'
import type { AppRouter } from '../shared/router/index.ts'
import { type Line, notify } from './connection.ts'
import { type ErrorShape, fromShape, ParleyError } from './errors.ts'

type Answer = Observer<OperationResultEnvelope<unknown, TRPCClientError<AppRouter>>, TRPCClientError<AppRouter>>

interface Call {
  readonly op: Operation
  readonly answer: Answer
  /** On the present socket; undefined while it waits to be sent. */
  id: number | undefined
  size: number
  lastEventId: string | undefined
  refused: boolean
}

/** What a server sends, as far as it matters here. `id: null`: about the connection itself. */
interface Reply {
  readonly id?: number | null
  readonly method?: string
  readonly result?: { readonly type?: string; readonly data?: SuperJSONResult; readonly id?: string }
  readonly error?: SuperJSONResult
}

interface Wire {
  send(text: string): void
  reconnect(): void
  refuse(message: string): void
}

/** Calls on a socket that are not answered yet; a server refuses more than 100. The others wait here. */
const WINDOW = 64
const STREAM = { path: 'sync.events', id: 1 } as const
const MESSAGE_TOO_BIG = 1009

export class Calls implements Line {
  readonly #wire: () => Wire
  readonly #timeoutMs: number
  readonly #calls = new Set<Call>()
  /** Those of them that are not on a socket, in the order of their coming. */
  readonly #waiting = new Set<Call>()
  readonly #byId = new Map<number, Call>()
  #nextId = STREAM.id + 1
  #streamed = false
  #open = false
  #inFlight = 0
  #closed: ParleyError | null = null
  /** What to do with the socket once its mutations are answered; nothing new is sent on it meanwhile. */
  #leave: (() => void) | null = null

  constructor(wire: () => Wire, timeoutMs: number) {
    this.#wire = wire
    this.#timeoutMs = timeoutMs
  }

  readonly link: TRPCLink<AppRouter> =
    () =>
    ({ op }) =>
      observable((answer) => this.#start(op, answer))

  opened(): void {
    this.#nextId = STREAM.id + 1
    this.#streamed = false
    this.#open = true
    this.#pump()
  }

  lost(code: number): void {
    this.#open = false
    this.#leave = null
    const sent = [...this.#byId.values()]
    // Before those that came while they were under way.
    const later = [...this.#waiting]
    this.#waiting.clear()
    for (const call of sent) this.#detach(call)
    for (const call of [...sent, ...later]) this.#waiting.add(call)
    // The server says that a frame was too big, not which: of the calls, the biggest one was. Streams are small.
    const asked = code === MESSAGE_TOO_BIG ? sent.filter(({ op }) => op.type !== 'subscription') : []
    const big = asked.toSorted((a, b) => b.size - a.size)[0]
    for (const call of sent) {
      if (call === big) this.#fail(call, new ParleyError('TOO_LARGE', 'The request is too large'))
      else if (call.op.type === 'mutation') this.#fail(call, inDoubt())
    }
  }

  closed(error: ParleyError): void {
    this.#closed = error
    for (const call of [...this.#calls]) this.#fail(call, error)
  }

  frame(message: object): void {
    const reply: Reply = message
    if (reply.method === 'reconnect') this.#leaveBy(() => this.#wire().reconnect())
    if (reply.id === null) this.#aboutConnection(reply)
    if (reply.id === null || reply.id === undefined) return
    const call = this.#byId.get(reply.id)
    if (call === undefined) return
    if (reply.error !== undefined) this.#refused(call, fromShape(superjson.deserialize<ErrorShape>(reply.error)))
    else if (reply.result !== undefined) this.#answered(call, reply.result)
    this.#depart()
    this.#pump()
  }

  #start(op: Operation, answer: Answer): () => void {
    const call: Call = { op, answer, id: undefined, size: 0, lastEventId: undefined, refused: false }
    if (this.#closed) {
      answer.error(this.#closed)
      return () => {}
    }
    const aborted = () => this.#fail(call, new ParleyError('ABORTED', 'The call was aborted'))
    const late = () => this.#fail(call, call.id === undefined ? notSent(op) : notAnswered(op))
    const { timeoutMs = this.#timeoutMs } = op.context
    const timed = op.type !== 'subscription' && typeof timeoutMs === 'number' && timeoutMs !== Number.POSITIVE_INFINITY
    const timer = timed ? setTimeout(late, timeoutMs) : undefined
    op.signal?.addEventListener('abort', aborted, { once: true })
    this.#calls.add(call)
    this.#waiting.add(call)
    if (op.signal?.aborted) aborted()
    else this.#pump()
    return () => {
      clearTimeout(timer)
      op.signal?.removeEventListener('abort', aborted)
      this.#forget(call)
    }
  }

  /** Sends what waits, as far as the server takes it. */
  #pump(): void {
    if (!this.#open || this.#leave) return
    for (const call of this.#waiting) {
      if (this.#inFlight >= WINDOW) return
      this.#send(call)
    }
  }

  #send(call: Call): void {
    this.#waiting.delete(call)
    const { path, type, input } = call.op
    const first = path === STREAM.path && !this.#streamed
    if (first) this.#streamed = true
    call.id = first ? STREAM.id : this.#nextId++
    this.#byId.set(call.id, call)
    if (type !== 'subscription') this.#inFlight++
    const params = { path, input: superjson.serialize(input), lastEventId: call.lastEventId }
    const text = JSON.stringify({ id: call.id, method: type, params })
    call.size = text.length
    this.#wire().send(text)
  }

  #answered(call: Call, result: NonNullable<Reply['result']>): void {
    const stream = call.op.type === 'subscription'
    const { type, id } = result
    if (stream && (type === 'started' || type === 'stopped')) {
      if (type === 'stopped') this.#detach(call)
      notify(() => call.answer.next({ result: { type } }))
      if (type === 'stopped') notify(() => call.answer.complete())
      return
    }
    const data: unknown = result.data === undefined ? undefined : superjson.deserialize(result.data)
    if (!stream) this.#detach(call)
    else if (id !== undefined) call.lastEventId = id
    notify(() => call.answer.next({ result: { type: 'data', data, ...(id !== undefined && { id }) } }))
    if (!stream) notify(() => call.answer.complete())
  }

  #refused(call: Call, error: ParleyError): void {
    this.#detach(call)
    if (error.code === 'UNAUTHENTICATED') this.#leaveBy(() => this.#wire().refuse(error.message))
    // It was not executed, so it may wait for the next socket, which comes with another token or not at all.
    if (error.code !== 'UNAUTHENTICATED' || call.refused) this.#fail(call, error)
    else {
      call.refused = true
      this.#waiting.add(call)
    }
  }

  /** The server could not make a context, and closes. */
  #aboutConnection({ error }: Reply): void {
    const failure = error && fromShape(superjson.deserialize<ErrorShape>(error))
    if (failure?.code === 'UNAUTHENTICATED') this.#wire().refuse(failure.message)
  }

  #leaveBy(leave: () => void): void {
    this.#leave ??= leave
    this.#depart()
  }

  #depart(): void {
    if (this.#leave === null) return
    for (const call of this.#byId.values()) if (call.op.type === 'mutation') return
    this.#leave()
  }

  #fail(call: Call, error: ParleyError): void {
    this.#forget(call)
    notify(() => call.answer.error(error))
  }

  #forget(call: Call): void {
    this.#calls.delete(call)
    this.#waiting.delete(call)
    const { id, op } = call
    if (id === undefined) return
    this.#detach(call)
    if (op.type === 'subscription') this.#wire().send(JSON.stringify({ id, method: 'subscription.stop' }))
    this.#depart()
    this.#pump()
  }

  /** The server has nothing more to say to it on this socket. */
  #detach(call: Call): void {
    if (call.id === undefined) return
    this.#byId.delete(call.id)
    call.id = undefined
    if (call.op.type !== 'subscription') this.#inFlight--
  }
}

const inDoubt = () => new ParleyError('UNAVAILABLE', 'The connection was lost before the answer came')
const notSent = ({ path }: Operation) => new ParleyError('UNAVAILABLE', `${path} could not be sent in time`)
const notAnswered = ({ path }: Operation) => new ParleyError('TIMEOUT', `${path} was not answered in time`)
