/** A WebSocket that only records: the test plays the server. */
import type { Socket } from '../../client/socket.ts'
import { Inbox } from '../inbox.ts'

interface Frame {
  id?: number
  method?: string
  params?: { path: string }
}

export class PlayedSocket implements Socket {
  static readonly opened = new Inbox<PlayedSocket>(() => 'a socket')
  readonly sent = new Inbox<Frame>()
  readonly #listeners = new Map<string, (event: never) => void>()

  constructor(_url: string) {
    PlayedSocket.opened.push(this)
  }
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
