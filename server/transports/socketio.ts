/**
 * The Socket.IO entrance: the wires of the legacy systems over the one door. A handshake is verified, its dialect chosen and
 * its subscriptions read up to the present before the client learns that it is connected, so from then on it misses nothing.
 * After that each inbound event is run by its row, in order, in one wrapper: nothing a client sends reaches the process.
 * No name of a wire stands here.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Actor, Core } from '../../shared/ports.ts'
import type { Auth } from '../auth.ts'
import type { Config } from '../config.ts'
import { dialects } from '../dialects/index.ts'
import { idSource } from '../id.ts'
import { within } from './deadline.ts'
import { Cards } from './socketio/cards.ts'
import { createEngine } from './socketio/engine.ts'
import { Entrance } from './socketio/entrance.ts'
import type { TakeOne } from './socketio/limits.ts'
import type { BridgeLog } from './socketio/log.ts'
import { Resume } from './socketio/resume.ts'
import { Trace } from './socketio/trace.ts'

export interface BridgeOptions {
  readonly core: Core
  /** Reads the log and the conversation cards. */
  readonly system: Actor
  readonly auth: Pick<Auth, 'authenticate' | 'guest' | 'claim'>
  readonly config: Pick<Config, 'socketio' | 'origins' | 'production' | 'rpc' | 'trustRegister'>
  /** Of what dialects state, shared with their routes. */
  readonly limit: TakeOne
  readonly log: BridgeLog
}

export interface Bridge {
  /** Engine paths, without a slash at the end. */
  readonly paths: readonly string[]
  /** False if the request is not for one of the paths. */
  handle(request: IncomingMessage, response: ServerResponse): boolean
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
  /** Accepts no more, lets the events at work finish, then closes so that clients come back. */
  drain(): Promise<void>
  close(): Promise<void>
}

/** How long the events at work may take when the server stops. */
const PATIENCE_MS = 5_000

export function createBridge({ core, system, auth, config, limit, log }: BridgeOptions): Bridge {
  const enabled = dialects.filter(({ name }) => config.socketio.dialects.includes(name))
  const paths = ['/socket.io', ...enabled.flatMap((dialect) => dialect.paths)]
  const engine = createEngine(paths, config, log)
  const cards = new Cards(core, system, log)
  const resume = new Resume(core, system, cards, log)
  const trace = config.socketio.logDir === null ? null : new Trace(config.socketio.logDir, log)
  const entrance = new Entrance({
    ...{ core, system, cards, resume, auth, enabled, limit, log, trace },
    io: engine.io,
    settings: { ...config.socketio, guests: config.trustRegister },
    newId: idSource(),
  })
  return {
    paths,
    handle: engine.handle,
    upgrade: engine.upgrade,
    async drain() {
      engine.refuse()
      await within(PATIENCE_MS, entrance.finish())
      await resume.drain()
      engine.hangUp()
    },
    async close() {
      entrance.close()
      resume.close()
      cards.close()
      await engine.close()
      await trace?.close()
    },
  }
}
