/** The entry of the SDK for Node (20 has no WebSocket of its own) and for all that is like it. */
import { WebSocket } from 'ws'
import { type ClientOptions, Parley } from './client.ts'

export const createClient = (options: ClientOptions): Parley => new Parley({ WebSocket, ...options })

export * from './types.ts'
