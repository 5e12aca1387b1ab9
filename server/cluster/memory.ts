/**
 * Nodes that live in one process: each `join` is the broker of one of them, and hears all the others but not itself. What one
 * says, the others hear a moment later, in its order. `memoryBroker` is a cluster of one: nobody to ring, nobody to hear from.
 */
import type { Event } from '../../shared/events.ts'
import type { Broker, PresenceNews } from '../core/ports.ts'

interface Member {
  readonly rings: Set<(position: number) => void>
  readonly casts: Set<(event: Event) => void>
  readonly shares: Set<(news: PresenceNews) => void>
}

export function memoryCluster(): { join(): Broker } {
  const members = new Set<Member>()
  return {
    join() {
      const own: Member = { rings: new Set(), casts: new Set(), shares: new Set() }
      members.add(own)
      const others = (tell: (member: Member) => void) => {
        if (!members.has(own)) return
        for (const member of members) if (member !== own) setImmediate(() => members.has(member) && tell(member))
      }
      const on = <T>(listeners: Set<T>, listener: T) => {
        listeners.add(listener)
        return () => void listeners.delete(listener)
      }
      return {
        ring: (position) => others(({ rings }) => rings.forEach((hear) => void hear(position))),
        onRing: (listener) => on(own.rings, listener),
        cast: (event) => others(({ casts }) => casts.forEach((hear) => void hear(event))),
        onCast: (listener) => on(own.casts, listener),
        share: (news) => others(({ shares }) => shares.forEach((hear) => void hear(news))),
        onShare: (listener) => on(own.shares, listener),
        async ping() {},
        async close() {
          members.delete(own)
        },
      }
    },
  }
}

export const memoryBroker = (): Broker => memoryCluster().join()
