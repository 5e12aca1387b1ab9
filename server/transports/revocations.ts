/**
 * Who is deactivated, or whose tokens are revoked, loses every connection at once and is refused on coming back; who is kicked
 * loses one connection, or all, and is not refused. Heard from the log and from what nodes cast, so it does not matter by
 * which entrance, or on which node, it was done.
 */
import type { Event } from '../../shared/events.ts'
import type { Actor, Core, Feed } from '../../shared/ports.ts'

export type Why = 'revoked' | 'kicked'

/** Whom this event sends away; `connectionId` null: from all of their connections. */
export function sentAway(event: Event): { userId: string; connectionId: string | null; why: Why } | null {
  switch (event.name) {
    case 'user.updated':
      return event.payload.active ? null : { userId: event.payload.profile.id, connectionId: null, why: 'revoked' }
    case 'user.revoked':
      return { userId: event.payload.userId, connectionId: null, why: 'revoked' }
    case 'connection.kicked':
      return { userId: event.payload.userId, connectionId: event.payload.connectionId, why: 'kicked' }
    default:
      return null
  }
}

interface Listener {
  readonly connectionId: string
  readonly leave: (why: Why) => void
}

export class Revocations {
  readonly #listeners = new Map<string, Set<Listener>>()
  #feed: Feed | undefined

  /** Follows the log from now on; `system` may. */
  async start(core: Core, system: Actor): Promise<void> {
    const sink = { push: (event: Event) => this.#hear(event), end: () => undefined }
    do {
      this.#feed = await core.subscribe(system, { kind: 'log' })
      for await (const _ of this.#feed.replay());
    } while (!this.#feed.attach(sink))
  }
  stop(): void {
    this.#feed?.detach()
  }

  /** Calls `leave` when this connection of the user is to go. Returns how to stop. */
  on({ userId, connectionId }: Pick<Actor, 'userId' | 'connectionId'>, leave: (why: Why) => void): () => void {
    const listener = { connectionId, leave }
    const listeners = this.#listeners.get(userId) ?? new Set()
    this.#listeners.set(userId, listeners.add(listener))
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0 && this.#listeners.get(userId) === listeners) this.#listeners.delete(userId)
    }
  }

  #hear(event: Event): void {
    const away = sentAway(event)
    if (!away) return
    for (const { connectionId, leave } of this.#listeners.get(away.userId) ?? []) {
      if (away.connectionId === null || away.connectionId === connectionId) leave(away.why)
    }
  }
}
