/** Users in rooms who all connect at once, through the core and the hub, with sinks that count in place of sockets. */
import { setImmediate as breathe } from 'node:timers/promises'
import type { Event } from '../../shared/events.ts'
import type { Feed } from '../../shared/ports.ts'
import type { Backend } from '../trpc.entrance.ts'

export interface Count {
  /** By user: frames of `presence.changed`, and the changes in them. */
  readonly frames: Map<string, number>
  changes: number
  bytes: number
}
export interface Storm {
  readonly count: Count
  readonly feeds: ReadonlyMap<string, Feed>
  /** Goes live; with `apart` each in its own turn, as handshakes come, else all in one tick. Gives how long that took, ms. */
  connect(apart: boolean): Promise<number>
}

export async function prepare(backend: Backend, rooms: number, members: number): Promise<Storm> {
  const { core } = backend
  const count: Count = { frames: new Map(), changes: 0, bytes: 0 }
  const sinkOf = (userId: string) => ({
    push(event: Event) {
      if (event.name !== 'presence.changed') return
      count.frames.set(userId, (count.frames.get(userId) ?? 0) + 1)
      count.changes += event.payload.changes.length
      count.bytes += JSON.stringify(event).length
    },
    end() {},
  })
  const feeds = new Map<string, Feed>()
  for (let room = 0; room < rooms; room++) {
    const ids = Array.from({ length: members }, (_, n) => `r${room}u${n}`)
    const actors = await Promise.all(ids.map((id) => backend.actor(id)))
    const [owner] = actors
    if (owner) await core.execute(owner, 'conversation.create', { kind: 'room', memberIds: ids.slice(1) })
    for (const actor of actors) feeds.set(actor.userId, await core.subscribe(actor, { kind: 'all' }))
  }
  const ready = async (feed: Feed) => {
    for await (const _page of feed.replay());
  }
  return {
    ...{ count, feeds },
    async connect(apart) {
      if (!apart) await Promise.all([...feeds.values()].map(ready))
      const began = performance.now()
      for (const [userId, feed] of feeds) {
        // The embedded database answers without giving timers their turn.
        if (apart) await ready(feed).then(() => breathe())
        if (!feed.attach(sinkOf(userId))) throw new Error('it had to read on')
      }
      return performance.now() - began
    },
  }
}
