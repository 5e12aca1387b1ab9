/**
 * A record of everything that happens on the sockets (SOCKET_LOGGING): connections, disconnections, events in and out, errors;
 * one line of JSON each, by the names that operators of the old system know. Never a payload, never a token. A file a day, by UTC;
 * 14 are kept besides the present one. A folder is one node's. What the disk does not take in time is left out and counted; a
 * disk that fails ends the record and nothing else.
 */
import { mkdirSync } from 'node:fs'
import { createStream, type RotatingFileStream } from 'rotating-file-stream'
import type { Socket } from 'socket.io'
import type { BridgeLog } from './log.ts'

const FILE = 'sockets'
const KEPT = 14
/** Bytes that may wait for the disk. */
const WAITING = 16_777_216
/** A client chooses the names of its events. */
const LONGEST = 100

type Place = Pick<Socket, 'id' | 'nsp' | 'data'>
type Next = (error?: Error) => void

export class Trace {
  readonly #log: BridgeLog
  readonly #stream: RotatingFileStream
  /** By socket id, from the handshake to the end of the socket or its connection. */
  readonly #sockets = new Map<string, Place>()
  #lost = 0

  /** Throws if the folder cannot be made. */
  constructor(folder: string, log: BridgeLog) {
    this.#log = log
    mkdirSync(folder, { recursive: true })
    this.#stream = createStream(fileName, {
      ...{ path: folder, interval: '1d', intervalBoundary: true, intervalUTC: true, maxFiles: KEPT },
      // What was written before today was not rotated if no server was there at midnight.
      initialRotation: true,
    })
    this.#stream.on('error', (error) => log.error({ err: error }, 'the record of the sockets has ended'))
  }

  /** Before the handshake is looked at. Gives the `next` that also records how it ended. */
  watch(socket: Socket, next: Next): Next {
    const forget = () => this.#sockets.delete(socket.id)
    this.#sockets.set(socket.id, socket)
    socket.conn.once('close', forget)
    socket.onAny((name: unknown) => this.#write(socket, 'Socket event received', name))
    socket.onAnyOutgoing((name: unknown) => this.#write(socket, 'Socket event emitted', name))
    socket.once('disconnect', (reason: string) => {
      this.#write(socket, 'Socket disconnected', 'disconnect', { reason })
      forget()
    })
    return (error) => {
      if (error) this.#fail(socket, 'connection', error.message)
      else this.#write(socket, 'Socket connected', 'connection')
      next(error)
    }
  }

  /** An event could not be done. */
  error(socketId: string, eventName: string, code: string): void {
    const socket = this.#sockets.get(socketId)
    if (socket) this.#fail(socket, eventName, code)
  }

  /** Writes what is left. */
  async close(): Promise<void> {
    if (this.#stream.destroyed) return
    await new Promise<void>((resolve) => this.#stream.end(() => resolve()))
  }

  #fail(socket: Place, eventName: string, error: string): void {
    this.#write(socket, 'Socket error', eventName, { error })
  }

  #write({ id, nsp, data }: Place, message: string, eventName: unknown, more: object = {}): void {
    if (this.#stream.destroyed || this.#stream.writableEnded) return
    if (this.#stream.writableLength > WAITING) {
      this.#lost += 1
      return
    }
    if (this.#lost > 0) {
      this.#log.warn({ lost: this.#lost }, 'the disk was too slow for the record of the sockets')
      this.#lost = 0
    }
    const record = {
      ...{ level: 'error' in more ? 'error' : 'info', message, eventName: String(eventName).slice(0, LONGEST) },
      ...{ namespace: nsp.name, socketId: id, userId: data.user?.userId ?? null },
      ...{ timestamp: new Date().toISOString(), ...more },
    }
    this.#stream.write(`${JSON.stringify(record)}\n`)
  }
}

/** `sockets.log` today; later `sockets-2024-01-15.log`. */
function fileName(time: number | Date | null, index = 1): string {
  if (time === null) return `${FILE}.log`
  const day = new Date(time).toISOString().slice(0, 10)
  return `${FILE}-${day}${index > 1 ? `.${index}` : ''}.log`
}
