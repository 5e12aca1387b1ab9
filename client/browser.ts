/** The entry of the SDK for browsers: the same, on their own WebSocket. */
import { type ClientOptions, Parley } from './client.ts'
import type { SocketClass } from './socket.ts'

declare const WebSocket: SocketClass

export const createClient = (options: ClientOptions): Parley => new Parley({ WebSocket, ...options })

export * from './types.ts'
