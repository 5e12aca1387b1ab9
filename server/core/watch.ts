/**
 * Subscriptions to the presence of certain users: by user, school, school and role, or class. Each waits under the keys of the
 * roster that it is about, so a change looks only at those whom it may concern. There is nothing to catch up with: who comes
 * asks how things are.
 */
import type { PresenceFilter } from '../../shared/commands/presence.ts'
import type { Page, Topic } from '../../shared/events.ts'
import type { Actor, Feed, Sink } from '../../shared/ports.ts'
import type { Subscriber } from './following.ts'
import type { Hub } from './hub.ts'
import type { Person } from './ports.ts'
import { keysFor, keysOf, matches } from './roster.ts'

export interface Watch {
  readonly filter: PresenceFilter
  /** Of who watches, as they came. */
  readonly role: string
  readonly subscriber: Subscriber
}

export class Watches {
  readonly #byKey = new Map<string, Set<Watch>>()

  add(watch: Watch): void {
    for (const key of keysFor(watch.filter)) this.#byKey.set(key, (this.#byKey.get(key) ?? new Set()).add(watch))
  }
  remove(watch: Watch): void {
    for (const key of keysFor(watch.filter)) {
      const there = this.#byKey.get(key)
      if (there?.delete(watch) && there.size === 0) this.#byKey.delete(key)
    }
  }
  *about(person: Person): Generator<Watch> {
    if (this.#byKey.size === 0) return
    for (const key of keysOf(person)) {
      for (const watch of this.#byKey.get(key) ?? []) if (matches(watch.filter, person)) yield watch
    }
  }
}

export class WatchFeed implements Feed {
  readonly #hub: Hub
  readonly #watches: Watches
  readonly #actor: Actor
  readonly #filter: PresenceFilter
  #watch: Watch | undefined

  constructor(hub: Hub, watches: Watches, actor: Actor, filter: PresenceFilter) {
    this.#hub = hub
    this.#watches = watches
    this.#actor = actor
    this.#filter = filter
  }

  get cursor(): string {
    return this.#hub.cursor
  }
  async *replay(): AsyncGenerator<Page> {
    await this.#hub.blocklist.load(this.#actor.userId)
    yield* []
  }

  attach(sink: Sink): boolean {
    const { userId, name, role, connectionId } = this.#actor
    // Forgotten again meanwhile, with another connection of the user.
    if (!this.#hub.blocklist.knows(userId)) return false
    const scope = { kind: 'presence', ...this.#filter } as const
    const subscriber = { userId, name, connectionId, since: new Date(), scope, sink, topics: new Set<Topic>() }
    this.#watch = { filter: this.#filter, role, subscriber }
    this.#watches.add(this.#watch)
    this.#hub.add(subscriber)
    return true
  }
  detach(): void {
    if (!this.#watch) return
    this.#watches.remove(this.#watch)
    this.#hub.remove(this.#watch.subscriber)
    this.#watch = undefined
  }
}
