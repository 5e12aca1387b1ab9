/**
 * The client, put together: one connection, the typed calls and the streams on it, an outbox. The connection is opened at once;
 * the stream of all events when it is first asked for, by `on`, `events` or `ready`, and then stays until `close`.
 */
import { createTRPCClient, type TRPCClient } from '@trpc/client'
import type { AppRouter } from '../shared/router/index.ts'
import { type Backoff, jittered } from './backoff.ts'
import { Calls } from './calls.ts'
import { Connection, type Token } from './connection.ts'
import { ConversationHandle } from './conversation.ts'
import { Emitter, type Heard } from './emitter.ts'
import { ParleyError } from './errors.ts'
import { Heartbeat } from './heartbeat.ts'
import { Outbox } from './outbox.ts'
import { outcome } from './outcome.ts'
import { type Opening, Reader } from './reader.ts'
import { entrance, type SocketClass } from './socket.ts'
import { type Item, type Source, Stream, type Taker } from './stream.ts'

export interface ClientOptions {
  /** Of the server: `https://chat.example.org`, with a path if it is below one. */
  readonly url: string
  readonly token: Token
  /** Where the shared stream of events starts. Without it: now. */
  readonly cursor?: string
  /** Milliseconds that a call may take, waiting for a connection included. */
  readonly timeoutMs?: number
  /** Items that may wait in an iterator before it lets go of the stream and comes back to the log. */
  readonly buffer?: number
  readonly backoff?: Backoff
  /** Milliseconds of silence before the server is asked whether it is there, and that it then has to answer. */
  readonly keepAlive?: { readonly idleMs?: number; readonly patienceMs?: number }
  /** Milliseconds between heartbeats (`presence.beat`), as the server's SOCKET_PING_INTERVAL has it; without it there are none. */
  readonly heartbeatMs?: number
  /** Another WebSocket class than the platform's. */
  readonly WebSocket?: SocketClass
}

export interface EventsOptions {
  /** Ends the iteration. */
  readonly signal?: AbortSignal
  /** Goes on from here, on a stream of its own. Without it: from now, on the shared one. */
  readonly cursor?: string
}

/** The stream behind `on`, `ready` and iterators without a cursor. */
interface Shared {
  readonly ready: Promise<string>
  readonly reject: (error: ParleyError) => void
  /** Whether somebody was given `ready`, and so hears how it fails. */
  awaited: boolean
}

export class Parley {
  /** Typed calls: `api.message.send.mutate({ ... })`. Rejections are ParleyErrors. */
  readonly api: TRPCClient<AppRouter>
  readonly #connection: Connection
  readonly #outbox: Outbox
  readonly #source: Source
  readonly #backoff: Backoff
  readonly #limit: number
  readonly #emitter = new Emitter()
  readonly #streams = new Set<Stream>()
  readonly #readers = new Set<Reader>()
  #shared: Shared | null = null
  #cursor: string | undefined

  constructor(options: ClientOptions & { readonly WebSocket: SocketClass }) {
    const { token, WebSocket, timeoutMs = 10_000, backoff = jittered, keepAlive = {} } = options
    const { idleMs = 15_000, patienceMs = 10_000 } = keepAlive
    const calls: Calls = new Calls(() => this.#connection, timeoutMs)
    const url = entrance(options.url)
    this.#connection = new Connection({ url, token, WebSocket, backoff, idleMs, patienceMs }, calls)
    this.api = createTRPCClient<AppRouter>({ links: [calls.link] })
    this.#source = source(this.api)
    this.#backoff = backoff
    this.#limit = options.buffer ?? 1_000
    this.#cursor = options.cursor
    this.#outbox = new Outbox({
      send: ({ draft, conversationId, clientId }, timeoutMs) =>
        this.api.message.send.mutate({ ...draft, conversationId, clientId }, { context: { timeoutMs } }),
      backoff,
      timeoutMs,
      now: Date.now,
      newId,
    })
    const { heartbeatMs } = options
    const heartbeat =
      heartbeatMs === undefined
        ? undefined
        : new Heartbeat({
            everyMs: heartbeatMs,
            send: (roundTripMs) =>
              this.api.presence.beat.mutate(
                roundTripMs === undefined ? {} : { roundTripMs: Math.min(roundTripMs, 60_000) },
              ),
          })
    this.#connection.onChange((state) => {
      if (state === 'online') this.#outbox.wake()
      if (state === 'online') heartbeat?.start()
      else heartbeat?.stop()
    })
    void this.#connection.run()
  }

  /** To show: `connecting`, `online`, `offline` or `closed`, and the error that made it so. */
  get connection(): Pick<Connection, 'state' | 'error' | 'onChange'> {
    return this.#connection
  }

  /** The place to go on from once the item that listeners got last is dealt with. See `ClientOptions.cursor`. */
  get cursor(): string | undefined {
    return this.#cursor
  }

  /** Opens the stream of events and resolves with its cursor once nothing after it can be missed. */
  ready(): Promise<string> {
    const shared = this.#share()
    shared.awaited = true
    return shared.ready
  }

  /**
   * Listens to events of one name, to `reset`, or to `error`: the stream failed for good. Returns how to stop. A failure that
   * no listener, no iterator and nobody's `ready` hears is an uncaught error.
   */
  on<N extends keyof Heard>(name: N, listener: (item: Heard[N]) => void): () => void {
    const off = this.#emitter.on(name, listener)
    this.#share()
    return off
  }

  /**
   * Everything of the actor: durable events once and in order, over drops and restarts, ephemeral ones while connected, and
   * `reset` where the log could not be continued. Ends with `close` and `signal`; throws what the stream ends by.
   */
  events({ signal, cursor }: EventsOptions = {}): Reader {
    const shared: Opening = (taker) => {
      const off = this.#emitter.add(taker)
      this.#share()
      return off
    }
    const own: Opening = (taker, from) => {
      const stream = this.#stream(taker, from)
      stream.start()
      return () => this.#stop(stream)
    }
    const close = () => reader.close()
    const reader: Reader = new Reader({
      first: cursor === undefined ? shared : own,
      again: own,
      cursor,
      limit: this.#limit,
      onClose: () => {
        signal?.removeEventListener('abort', close)
        this.#readers.delete(reader)
      },
    })
    this.#readers.add(reader)
    signal?.addEventListener('abort', close, { once: true })
    if (signal?.aborted || this.#connection.error?.code === 'CLOSED') close()
    return reader
  }

  /** One conversation, by its id. */
  conversation(id: string): ConversationHandle {
    return new ConversationHandle(id, {
      api: this.api,
      outbox: this.#outbox,
      listen: (name, listener) => this.on(name, listener),
      isOnline: () => this.#connection.state === 'online',
    })
  }

  /** Ends iterators, fails what is pending with CLOSED, closes the connection. Nothing of the client runs on. */
  async close(): Promise<void> {
    const error = new ParleyError('CLOSED', 'The client was closed')
    for (const reader of [...this.#readers]) reader.close()
    for (const stream of [...this.#streams]) this.#stop(stream)
    this.#shared?.reject(error)
    this.#shared = null
    const closing = this.#connection.close()
    this.#outbox.close(error)
    await closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #share(): Shared {
    if (this.#shared) return this.#shared
    const { promise, resolve, reject } = outcome<string>()
    const taker: Taker = {
      item: (item, cursor) => {
        this.#cursor = cursor
        this.#emitter.item(item, cursor)
      },
      reached: (cursor) => {
        this.#cursor = cursor
        this.#emitter.reached(cursor)
        resolve(cursor)
      },
      failed: (error) => {
        this.#shared = null
        reject(error)
        const heard = this.#emitter.failed(error) || error.code === 'CLOSED'
        queueMicrotask(() => {
          if (!heard && !shared.awaited) throw error
        })
      },
    }
    const shared: Shared = { ready: promise, reject, awaited: false }
    const stream = this.#stream(taker, this.#cursor)
    // First, as a stream may fail as soon as it is started.
    this.#shared = shared
    stream.start()
    return shared
  }

  /** Throws a TypeError if that is no cursor. */
  #stream(taker: Taker, cursor: string | undefined): Stream {
    const item = (item: Item, cursor: string) => {
      if (item.name === 'message.created') this.#outbox.stored(item.payload.message)
      taker.item(item, cursor)
    }
    const reached = (cursor: string) => taker.reached(cursor)
    const failed = (error: ParleyError) => {
      this.#streams.delete(stream)
      taker.failed(error)
    }
    const stream = new Stream(this.#source, { item, reached, failed }, this.#backoff, cursor)
    this.#streams.add(stream)
    return stream
  }

  #stop(stream: Stream): void {
    this.#streams.delete(stream)
    stream.stop()
  }
}

function source(api: TRPCClient<AppRouter>): Source {
  return {
    subscribe: (cursor, { started, page, error, complete }) =>
      api.sync.events.subscribe(cursor === undefined ? {} : { lastEventId: cursor }, {
        onStarted: started,
        onData: ({ id, data }) => page(id, data),
        onError: error,
        onComplete: complete,
      }),
    snapshot: () => api.sync.snapshot.query({}),
  }
}

/** Not `randomUUID`, which browsers keep from pages without https. */
const newId = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
