/**
 * Who is deactivated loses every connection of the typed entrance at once, and is refused on coming back. Heard from the log,
 * so it does not matter by which entrance, or on which node, it was done.
 */
import type { Event } from '../../shared/events.ts'
import type { Actor, Core, Feed } from '../../shared/ports.ts'

/** The user whom this event deactivates. */
export const revoked = (event: Event): string | null =>
  event.name === 'user.updated' && !event.payload.active ? event.payload.profile.id : null

export class Revocations {
  readonly #listeners = new Map<string, Set<() => void>>()
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

  /** Calls `leave` when the user is deactivated. Returns how to stop. */
  on(userId: string, leave: () => void): () => void {
    const listeners = this.#listeners.get(userId) ?? new Set()
    this.#listeners.set(userId, listeners.add(leave))
    return () => {
      listeners.delete(leave)
      if (listeners.size === 0 && this.#listeners.get(userId) === listeners) this.#listeners.delete(userId)
    }
  }

  #hear(event: Event): void {
    const userId = revoked(event)
    if (userId !== null) for (const leave of this.#listeners.get(userId) ?? []) leave()
  }
}
