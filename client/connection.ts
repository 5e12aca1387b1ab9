/**
 * One WebSocket, kept up until `close`: token first, then the socket, then the token sent on it; lost, it waits a jittered while
 * and begins again. A socket that says nothing for a while is asked; one that does not answer is given up without waiting for
 * its farewell. Nothing arrives from a socket once it is given up. A refused token is asked for once more where it comes from a
 * function; refused again, or refused where it is a fixed text, the connection is closed for good. So it is by an administrator.
 */
import { CLOSES } from '../shared/errors.ts'
import { type Backoff, Pause } from './backoff.ts'
import { ParleyError, toParleyError } from './errors.ts'
import { hangUp, type Socket, type SocketClass } from './socket.ts'

/** `connecting` the first time; `offline` when lost and trying again; `closed` for good. */
export type ConnectionState = 'connecting' | 'online' | 'offline' | 'closed'

/** A fixed text, or a function asked before every attempt. `refused`: the server did not accept the last one. */
export type Token = string | ((context: { readonly refused: boolean }) => string | Promise<string>)

export interface ConnectionOptions {
  readonly url: string
  readonly token: Token
  readonly WebSocket: SocketClass
  readonly backoff: Backoff
  /** Milliseconds of silence before the server is asked whether it is there. */
  readonly idleMs: number
  /** Milliseconds it has to answer, and to accept a connection. */
  readonly patienceMs: number
}

/** Whom the connection serves. */
export interface Line {
  opened(): void
  /** One frame, parsed. If it throws, the connection is dropped and resumed: a frame must not be lost. */
  frame(message: object): void
  /** The socket is gone. `code` is how it was closed (1006: it was cut). */
  lost(code: number): void
  closed(error: ParleyError): void
}

type End = { readonly code: number; readonly error: ParleyError; readonly refused?: boolean }

const ABNORMAL = 1006
const unavailable = (message: string) => new ParleyError('UNAVAILABLE', message)
const unauthenticated = (message: string) => new ParleyError('UNAUTHENTICATED', message)

export class Connection {
  readonly #options: ConnectionOptions
  readonly #line: Line
  readonly #listeners = new Set<(state: ConnectionState) => void>()
  readonly #pause = new Pause()
  #state: ConnectionState = 'connecting'
  #error: ParleyError | null = null
  #socket: Socket | null = null
  /** Ends the session under way, open or not. */
  #end: ((end: End) => void) | null = null
  #farewell: Promise<void> = Promise.resolve()
  #refused = false
  #attempt = 0

  constructor(options: ConnectionOptions, line: Line) {
    this.#options = options
    this.#line = line
  }

  get state(): ConnectionState {
    return this.#state
  }

  /** Why it is offline or closed. */
  get error(): ParleyError | null {
    return this.#error
  }

  onChange(listener: (state: ConnectionState) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  send(text: string): void {
    this.#socket?.send(text)
  }

  /** Keeps the connection up until it is closed. Never rejects. */
  async run(): Promise<void> {
    while (this.#state !== 'closed') {
      const end = await this.#session()
      if (this.#isClosed()) return
      if (end.refused) {
        if (this.#refused || typeof this.#options.token === 'string') {
          this.#stop(end.error)
          return
        }
        this.#refused = true
        this.#set('offline', end.error)
      } else {
        this.#set('offline', end.error)
        await this.#pause.wait(this.#options.backoff(this.#attempt++))
      }
    }
  }

  /** Leaves this socket for another one. */
  reconnect(): void {
    this.#end?.({ code: 1000, error: unavailable('The connection moves') })
  }

  /** The server does not accept the token. */
  refuse(message: string): void {
    this.#end?.({ code: 1000, error: unauthenticated(message), refused: true })
  }

  async close(): Promise<void> {
    if (this.#state !== 'closed') this.#stop(new ParleyError('CLOSED', 'The client was closed'))
    await this.#farewell
  }

  #stop(error: ParleyError): void {
    this.#set('closed', error)
    this.#pause.wake()
    this.#end?.({ code: 1000, error })
    this.#line.closed(error)
  }

  // A method, as the compiler believes that awaiting changes nothing.
  #isClosed(): boolean {
    return this.#state === 'closed'
  }

  async #session(): Promise<End> {
    const { token } = this.#options
    try {
      const text = typeof token === 'string' ? token : await token({ refused: this.#refused })
      if (this.#isClosed()) return { code: ABNORMAL, error: unavailable('Closed') }
      return await this.#connect(text)
    } catch (error) {
      const { message } = toParleyError(error)
      return { code: ABNORMAL, error: unavailable(`Could not connect: ${message}`) }
    }
  }

  #connect(token: string): Promise<End> {
    const { WebSocket, url, idleMs, patienceMs } = this.#options
    return new Promise((resolve) => {
      const socket = new WebSocket(url)
      let over = false
      let gone = false
      const end = (end: End) => {
        if (over) return
        over = true
        clearTimeout(timer)
        const wasOpen = this.#socket === socket
        this.#socket = null
        this.#end = null
        if (!gone) this.#farewell = hangUp(socket)
        if (wasOpen) this.#line.lost(end.code)
        resolve(end)
      }
      const silent = () => end({ code: ABNORMAL, error: unavailable('The server does not answer') })
      const ask = () => {
        socket.send('PING')
        timer = setTimeout(silent, patienceMs)
      }
      let timer = setTimeout(silent, patienceMs)
      this.#end = end

      socket.addEventListener('open', () => {
        if (over) return
        clearTimeout(timer)
        timer = setTimeout(ask, idleMs)
        socket.send(JSON.stringify({ method: 'connectionParams', data: { token } }))
        this.#socket = socket
        this.#set('online', null)
        this.#line.opened()
      })
      socket.addEventListener('message', ({ data }) => {
        if (over) return
        clearTimeout(timer)
        timer = setTimeout(ask, idleMs)
        try {
          this.#hear(socket, data)
        } catch (error) {
          end({ code: ABNORMAL, error: unavailable(`A frame could not be read: ${toParleyError(error).message}`) })
        }
      })
      // 'close' always follows, and says more.
      socket.addEventListener('error', () => {})
      socket.addEventListener('close', ({ code, reason }) => {
        gone = true
        const row = Object.values(CLOSES).find((close) => close.code === code)
        if (row === CLOSES.kicked) this.#stop(new ParleyError('CLOSED', `The connection was ${row.reason}`))
        else if (row?.comeBack === false) end({ code, error: unauthenticated(row.reason), refused: true })
        else end({ code, error: unavailable(reason || row?.reason || `The connection was lost (${code})`) })
      })
    })
  }

  #hear(socket: Socket, data: unknown): void {
    if (data === 'PING') {
      socket.send('PONG')
      return
    }
    const message: unknown = data === 'PONG' ? {} : typeof data === 'string' ? JSON.parse(data) : undefined
    if (typeof message !== 'object' || message === null) throw new TypeError('not an object')
    if (!('error' in message)) this.#attempt = 0
    // Only a result proves that the token was accepted.
    if ('result' in message) this.#refused = false
    this.#line.frame(message)
  }

  #set(state: ConnectionState, error: ParleyError | null): void {
    this.#error = error
    if (this.#state === state || this.#isClosed()) return
    this.#state = state
    notifyAll(this.#listeners, state)
  }
}

/** Calls those who listen now: not who begins meanwhile, nor who stops. */
export function notifyAll<T>(listeners: ReadonlySet<(value: T) => void>, value: T): void {
  for (const listener of [...listeners]) if (listeners.has(listener)) notify(() => listener(value))
}

/** Calls what an app gave. What it throws is reported as uncaught, as by any event target, and hinders nobody else. */
export function notify(call: () => void): void {
  try {
    call()
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}
