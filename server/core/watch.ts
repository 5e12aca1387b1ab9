/**
 * Subscriptions to the presence of certain users: by user, school, school and role, or class, or whom the viewer's rights show in
 * their school and classes, as these were on coming. Each waits under the keys of the
 * roster that it is about, so a change looks only at those whom it may concern. There is nothing to catch up with: who comes
 * asks how things are.
 */
import type { PresenceFilter } from '../../shared/commands/presence.ts'
import { AppError } from '../../shared/errors.ts'
import type { Page, Topic } from '../../shared/events.ts'
import type { Actor, Feed, Sink } from '../../shared/ports.ts'
import type { Subscriber } from './following.ts'
import type { Hub } from './hub.ts'
import type { Person, PresenceReads } from './ports.ts'
import { keys, keysFor, keysOf, matches } from './roster.ts'

type Filter = PresenceFilter | { readonly by: 'rights' }

export interface Watch {
  readonly filter: Filter
  /** Who watches, as they came: until they are in the roster, and for the role. */
  readonly viewer: Person
  readonly subscriber: Subscriber
}

export class Watches {
  readonly #byKey = new Map<string, Set<Watch>>()

  add(watch: Watch): void {
    for (const key of placesOf(watch)) this.#byKey.set(key, (this.#byKey.get(key) ?? new Set()).add(watch))
  }
  remove(watch: Watch): void {
    for (const key of placesOf(watch)) {
      const there = this.#byKey.get(key)
      if (there?.delete(watch) && there.size === 0) this.#byKey.delete(key)
    }
  }
  *about(person: Person): Generator<Watch> {
    if (this.#byKey.size === 0) return
    for (const key of keysOf(person)) {
      for (const watch of this.#byKey.get(key) ?? []) if (means(watch, person)) yield watch
    }
  }
}

/** Where in the roster those are whom it is about; `means` then says who they are. */
function placesOf({ filter, viewer: { schoolId, classIds } }: Watch): string[] {
  if (!('by' in filter)) return keysFor(filter)
  return [...(schoolId === null ? [] : [keys.school(schoolId)]), ...classIds.map(keys.class)]
}
const means = ({ filter }: Watch, person: Person) => 'by' in filter || matches(filter, person)

export class WatchFeed implements Feed {
  readonly #hub: Hub
  readonly #watches: Watches
  readonly #reads: Pick<PresenceReads, 'people'>
  readonly #actor: Actor
  readonly #filter: Filter
  #viewer: Person | undefined
  #watch: Watch | undefined

  constructor(hub: Hub, watches: Watches, reads: Pick<PresenceReads, 'people'>, actor: Actor, filter: Filter) {
    this.#hub = hub
    this.#watches = watches
    this.#reads = reads
    this.#actor = actor
    this.#filter = filter
  }

  get cursor(): string {
    return this.#hub.cursor
  }
  async *replay(): AsyncGenerator<Page> {
    const { userId, role } = this.#actor
    await this.#hub.blocklist.load(userId)
    const [person] = await this.#reads.people([userId])
    if (!person) throw new AppError('NOT_FOUND', 'User not found')
    this.#viewer = { ...person, role }
    yield* []
  }

  attach(sink: Sink): boolean {
    const { userId, name, connectionId } = this.#actor
    const viewer = this.#viewer
    // Forgotten again meanwhile, with another connection of the user.
    if (!viewer || !this.#hub.blocklist.knows(userId)) return false
    const scope = { kind: 'presence', ...this.#filter } as const
    const subscriber = { userId, name, connectionId, since: new Date(), scope, sink, topics: new Set<Topic>() }
    this.#watch = { filter: this.#filter, viewer, subscriber }
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
