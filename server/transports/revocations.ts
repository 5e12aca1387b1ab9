/**
 * Who is deactivated, or whose tokens are revoked, loses every connection at once and is refused on coming back; who is kicked
 * loses one connection, or all, and is not refused. Heard from the log and from what nodes cast, so it does not matter by
 * which entrance, or on which node, it was done.
 */
import type { Event } from '../../shared/events.ts'
import type { Actor, Core, Feed } from '../../shared/ports.ts'

export type Why = 'deactivated' | 'revoked' | 'kicked'

/** Whom this event sends away; `connectionId` null: from all of their connections. */
function sentAway(event: Event): { userId: string; connectionId: string | null; why: Why } | null {
  switch (event.name) {
    case 'user.updated':
      return event.payload.active ? null : { userId: event.payload.profile.id, connectionId: null, why: 'deactivated' }
    case 'user.revoked':
      return { userId: event.payload.userId, connectionId: null, why: 'revoked' }
    case 'connection.kicked':
      return { userId: event.payload.userId, connectionId: event.payload.connectionId, why: 'kicked' }
    default:
      return null
  }
}

/** Users sent away lately that are remembered for those whose handshake is not done. */
const RECENT = 1_000

interface Listener {
  readonly connectionId: string
  readonly leave: (why: Why) => void
}

export class Revocations {
  readonly #listeners = new Map<string, Set<Listener>>()
  /** When a user was last kept out, as counted by `now`; the latest last. */
  readonly #recent = new Map<string, { at: number; why: Why }>()
  #heard = 0
  #feed: Feed | undefined

  /** Follows the log from now on; `system` may. */
  async start(core: Core, system: Actor): Promise<void> {
    const sink = { push: (event: Event) => this.hear(event), end: () => undefined }
    do {
      this.#feed = await core.subscribe(system, { kind: 'log' })
      for await (const _ of this.#feed.replay());
    } while (!this.#feed.attach(sink))
  }
  stop(): void {
    this.#feed?.detach()
  }

  /** What has been heard so far: to be asked before a handshake looks at the token. */
  get now(): number {
    return this.#heard
  }

  /** Calls `leave` when this connection of the user is to go, at once if that was said after `since`. Returns how to stop. */
  on(
    { userId, connectionId }: Pick<Actor, 'userId' | 'connectionId'>,
    since: number,
    leave: (why: Why) => void,
  ): () => void {
    const recent = this.#recent.get(userId)
    if (recent && recent.at > since) leave(recent.why)
    const listener = { connectionId, leave }
    const listeners = this.#listeners.get(userId) ?? new Set()
    this.#listeners.set(userId, listeners.add(listener))
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0 && this.#listeners.get(userId) === listeners) this.#listeners.delete(userId)
    }
  }

  /** For who follows the log already, in place of `start`. */
  hear(event: Event): void {
    const away = sentAway(event)
    if (!away) return
    if (away.why !== 'kicked') this.#remember(away.userId, away.why)
    for (const { connectionId, leave } of this.#listeners.get(away.userId) ?? []) {
      if (away.connectionId === null || away.connectionId === connectionId) leave(away.why)
    }
  }
  #remember(userId: string, why: Why): void {
    this.#recent.delete(userId)
    this.#recent.set(userId, { at: ++this.#heard, why })
    const [oldest] = this.#recent.keys()
    if (this.#recent.size > RECENT && oldest !== undefined) this.#recent.delete(oldest)
  }
}
