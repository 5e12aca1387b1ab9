/**
 * One window's telling: changes collected by viewer and by watch, so that each gets one frame. The audience of a change: who
 * follows a conversation of the user here (unless more than `AUDIENCE` are online in it), and the watches about them of those who
 * may see them; their own devices if they chose anew. Never the other side of a block, to whom they appear offline.
 */
import type { Event } from '../../shared/events.ts'
import type { Presence } from '../../shared/model.ts'
import type { Hub } from './hub.ts'
import type { Rights } from './rights.ts'
import { appearance, type Entry, hidden, isSame, keys, maySee, type Roster } from './roster.ts'
import type { Watch, Watches } from './watch.ts'

export interface RoundOptions {
  hub: Pick<Hub, 'occupancy' | 'deliver'>
  rights: Rights
  /** Users with whom there is a block in either direction, of users who are connected here. */
  blocked?: ((userId: string) => ReadonlySet<string>) | undefined
}

/** With more of its members online, a conversation is no reason to be told: who wants to know watches. */
const AUDIENCE = 1_000
const NOBODY: ReadonlySet<string> = new Set()

export class Round {
  readonly #options: RoundOptions
  readonly #roster: Roster
  readonly #watches: Watches
  readonly #byViewer = new Map<string, Map<string, Presence>>()
  readonly #byWatch = new Map<Watch, Presence[]>()
  readonly #near = new Map<string, readonly string[]>()
  readonly #apart = new Map<string, ReadonlySet<string>>()

  constructor(options: RoundOptions, roster: Roster, watches: Watches) {
    this.#options = options
    this.#roster = roster
    this.#watches = watches
  }

  change(entry: Entry): void {
    const { person, told, chose } = entry
    const now = appearance(person, entry.nodes.size > 0)
    const before = told ?? { status: 'offline', custom: now.custom }
    entry.told = now
    entry.chose = false
    if (chose) this.#show(person.userId, now)
    if (isSame(before, now)) return
    for (const place of entry.places) {
      for (const viewer of this.#nearTo(place)) if (viewer !== person.userId) this.#show(viewer, now)
    }
    for (const watch of this.#watches.about(person)) {
      const viewer = this.#roster.get(watch.subscriber.userId)
      if (!viewer || viewer === entry || this.#isApart(viewer.person.userId, person.userId)) continue
      if (!maySee(this.#options.rights, viewer.person, viewer.places, person)) continue
      const changes = this.#byWatch.get(watch) ?? []
      this.#byWatch.set(watch, changes)
      changes.push(now)
    }
  }

  /** There is a block between the two now, or no longer. */
  anew(viewer: string, userId: string): void {
    const entry = this.#roster.get(userId)
    const own = this.#roster.get(viewer)
    if (!entry || !own || appearance(entry.person, true).status === 'offline') return
    if (!maySee(this.#options.rights, own.person, own.places, entry.person)) return
    const now = this.#isApart(viewer, userId) ? hidden(userId) : appearance(entry.person, true)
    this.#changesFor(viewer).set(userId, now)
    for (const watch of this.#watches.about(entry.person)) {
      if (watch.subscriber.userId === viewer) this.#byWatch.set(watch, [...(this.#byWatch.get(watch) ?? []), now])
    }
  }

  *frames(): Generator<() => void> {
    const { hub } = this.#options
    const event = (userId: string, changes: Presence[]): Event<'presence.changed'> => ({
      ...{ name: 'presence.changed', topic: `user:${userId}`, at: new Date() },
      ...{ actorId: null, origin: null, payload: { changes } },
    })
    for (const [viewer, changes] of this.#byViewer) yield () => hub.deliver(event(viewer, [...changes.values()]))
    for (const [{ subscriber }, changes] of this.#byWatch) {
      yield () => hub.deliver(event(subscriber.userId, changes), subscriber)
    }
  }

  #show(viewer: string, now: Presence): void {
    if (!this.#isApart(viewer, now.userId)) this.#changesFor(viewer).set(now.userId, now)
  }
  #changesFor(viewer: string): Map<string, Presence> {
    const changes = this.#byViewer.get(viewer) ?? new Map<string, Presence>()
    this.#byViewer.set(viewer, changes)
    return changes
  }
  #nearTo(conversationId: string): readonly string[] {
    const known = this.#near.get(conversationId)
    if (known) return known
    const crowd = this.#roster.at(keys.conversation(conversationId)).size > AUDIENCE
    const near = crowd ? [] : this.#options.hub.occupancy(`conversation:${conversationId}`).users
    this.#near.set(conversationId, near)
    return near
  }
  #isApart(viewer: string, userId: string): boolean {
    const known = this.#apart.get(viewer) ?? this.#options.blocked?.(viewer) ?? NOBODY
    this.#apart.set(viewer, known)
    return known.has(userId)
  }
}
