/**
 * Signs of life of a connection, and how long they take. Missed beats are computed when somebody asks: a silence of n intervals,
 * rounded, holds n - 1 of them, so a beat may be half an interval late. Kept while the connection has a subscription; of any
 * other connection each beat is its first.
 */
import type { BeatMetrics } from '../../shared/commands/presence.ts'
import type { Actor } from '../../shared/ports.ts'
import type { HandlersOf } from './handler.ts'
import type { Hub } from './hub.ts'
import { anyone } from './policy.ts'

interface Beats {
  roundTrips: number
  totalMs: number
  lastMs: number | null
  lastBeatAt: number
  /** Before the last beat. */
  missed: number
}

export interface HeartbeatsOptions {
  hub: Pick<Hub, 'watch' | 'connections'>
  /** Between two beats, ms. */
  intervalMs: number
  now: () => number
}

export class Heartbeats {
  readonly #options: HeartbeatsOptions
  readonly #kept = new Map<string, Beats>()
  readonly #unwatch: () => void

  constructor(options: HeartbeatsOptions) {
    this.#options = options
    this.#unwatch = options.hub.watch({ closed: (connectionId) => void this.#kept.delete(connectionId) })
  }
  close(): void {
    this.#unwatch()
    this.#kept.clear()
  }

  /** `roundTripMs` by whose clock it may be, as long as it is one clock. */
  beat(who: Pick<Actor, 'userId' | 'connectionId'>, roundTripMs?: number): BeatMetrics {
    const { hub, now } = this.#options
    const at = now()
    const known = this.#kept.get(who.connectionId)
    const beats: Beats = {
      roundTrips: (known?.roundTrips ?? 0) + (roundTripMs === undefined ? 0 : 1),
      totalMs: (known?.totalMs ?? 0) + (roundTripMs ?? 0),
      lastMs: roundTripMs ?? known?.lastMs ?? null,
      lastBeatAt: at,
      missed: known ? known.missed + this.#silence(known, at) : 0,
    }
    if (known || hub.connections(who.userId).includes(who.connectionId)) this.#kept.set(who.connectionId, beats)
    return this.#metrics(who, beats, at)
  }
  metrics(who: Pick<Actor, 'userId' | 'connectionId'>): BeatMetrics {
    return this.#metrics(who, this.#kept.get(who.connectionId), this.#options.now())
  }

  #silence({ lastBeatAt }: Beats, now: number): number {
    return Math.max(0, Math.round((now - lastBeatAt) / this.#options.intervalMs) - 1)
  }
  #metrics(
    { userId, connectionId }: Pick<Actor, 'userId' | 'connectionId'>,
    beats: Beats | undefined,
    now: number,
  ): BeatMetrics {
    const consecutiveMissed = beats ? this.#silence(beats, now) : 0
    return {
      ...{ userId, connectionId, consecutiveMissed },
      averageMs: beats && beats.roundTrips > 0 ? beats.totalMs / beats.roundTrips : null,
      lastMs: beats?.lastMs ?? null,
      lastBeatAt: beats ? new Date(beats.lastBeatAt) : null,
      missed: (beats?.missed ?? 0) + consecutiveMissed,
    }
  }
}

export const heartbeat: HandlersOf<'presence.beat' | 'presence.metrics'> = {
  'presence.beat': {
    policy: anyone,
    cast: async ({ actor, input, node }) => {
      const metrics = node.heartbeats.beat(actor, input.roundTripMs)
      return { result: { serverTime: new Date(node.world.now()), metrics }, event: null }
    },
  },
  'presence.metrics': { policy: anyone, run: async ({ actor, node }) => node.heartbeats.metrics(actor) },
}
