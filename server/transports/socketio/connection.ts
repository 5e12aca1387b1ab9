/** What the bridge needs of an engine connection beyond its types: what waits in it, and the WebSocket under it. */
import type { Socket } from 'socket.io'

export type Connection = Socket['conn']
export interface Pingable {
  ping(data: string): void
  on(event: 'pong', listener: (data: Buffer) => void): void
  off(event: 'pong', listener: (data: Buffer) => void): void
}
export interface Corked {
  uncork(): void
}

/** Packets not handed to the transport yet. The types call it private; engine.io has no other word for it. */
export function waiting(connection: Connection): number {
  const buffer: unknown = Reflect.get(connection, 'writeBuffer')
  return Array.isArray(buffer) ? buffer.length : 0
}
/** The `ws` of the WebSocket transport. */
export function socketOf({ transport }: Connection): Pingable | undefined {
  const socket: unknown = Reflect.get(transport, 'socket')
  return isPingable(socket) ? socket : undefined
}
/** Holds what is written to the `ws` from now on back until `uncork`, to hand it over at once. */
export function cork(socket: Pingable): Corked | undefined {
  const raw: unknown = Reflect.get(socket, '_socket')
  if (!isCorkable(raw)) return undefined
  raw.cork()
  return raw
}
const isCorkable = (raw: unknown): raw is Corked & { cork(): void } =>
  typeof raw === 'object' && raw !== null && 'cork' in raw && typeof raw.cork === 'function'
const isPingable = (socket: unknown): socket is Pingable =>
  typeof socket === 'object' && socket !== null && 'ping' in socket && typeof socket.ping === 'function'
