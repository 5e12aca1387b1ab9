/** A WebSocket that only records: the test plays the server. */
import type { Socket } from '../../client/socket.ts'
import { Inbox } from '../inbox.ts'

interface Frame {
  id?: number
  method?: string
  params?: { path: string }
}

/** A class of sockets for one client, and those that it has opened. */
export function playedSockets() {
  const opened = new Inbox<PlayedSocket>(() => 'a socket')
  class Played extends PlayedSocket {
    constructor(url: string) {
      super(url)
      opened.push(this)
    }
  }
  return { WebSocket: Played, opened }
}

class PlayedSocket implements Socket {
  readonly sent = new Inbox<Frame>()
  readonly #listeners = new Map<string, (event: never) => void>()

  // biome-ignore lint/complexity/noUselessConstructor: a socket class takes a url
  constructor(_url: string) {}
  addEventListener(type: string, listener: (event: never) => void): void {
    this.#listeners.set(type, listener)
  }
  /** As the platform would. */
  emit(type: 'open' | 'message' | 'close', event: object = {}): void {
    this.#listeners.get(type)?.(event as never)
  }
  send(text: string): void {
    this.sent.push(JSON.parse(text))
  }
  close(): void {
    this.emit('close', { code: 1000, reason: '' })
  }
}
