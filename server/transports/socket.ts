/**
 * A WebSocket that looks after itself: whoever does not read what is sent is closed (`slow`) and may come back with a cursor,
 * so no client makes the server hold more than `highWater` bytes for it beyond the frame that crossed the line. Everything
 * sent passes through here, tRPC's answers and the lanes' frames alike.
 */
import { WebSocket } from 'ws'
import { CLOSES } from '../../shared/errors.ts'

export type Close = (typeof CLOSES)[keyof typeof CLOSES]
type Data = Parameters<WebSocket['send']>[0]
type Options = Parameters<WebSocket['send']>[1]
type Sent = (error?: Error) => void

export class TypedSocket extends WebSocket {
  /** Bytes that may wait to be read. */
  highWater = 4 << 20
  /** How long the peer has to answer a close before the connection is cut, ms. */
  closeMs = 5_000

  override send(data: Data, options?: Options | Sent, sent?: Sent): void {
    if (this.bufferedAmount > this.highWater) this.leave(CLOSES.slow)
    else if (typeof options === 'object') super.send(data, options, sent)
    else super.send(data, options)
  }

  /** Resolves when everything sent so far has been handed to the network, or the socket is gone. */
  async flushed(): Promise<void> {
    // A ping goes the same way behind all frames, and tells when it has gone.
    if (this.bufferedAmount > 0) await new Promise<void>((resolve) => this.ping('', false, () => resolve()))
  }

  leave({ code, reason }: Close): void {
    this.close(code, reason)
  }

  /** Whoever closes it, and whether the peer answers or not: it ends. */
  override close(code?: number, reason?: string | Buffer): void {
    if (this.readyState === WebSocket.OPEN) {
      const cut = setTimeout(() => this.terminate(), this.closeMs)
      this.once('close', () => clearTimeout(cut))
    }
    super.close(code, reason)
  }
}
