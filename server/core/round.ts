/**
 * One window's telling: changes collected by viewer and by watch, so that each gets one frame. The audience of a change: who
 * follows a conversation of the user here (unless more than `AUDIENCE` are online in it), and the watches about them of those who
 * may see them; their own devices if they chose anew. Never the other side of a block, to whom they appear offline.
 */
import type { Event, Payload } from '../../shared/events.ts'
import type { Status } from '../../shared/model.ts'
import type { Hub } from './hub.ts'
import type { Person } from './ports.ts'
import type { Rights } from './rights.ts'
import { appearance, type Entry, hidden, isSame, keys, maySee, type Roster } from './roster.ts'
import type { Watch, Watches } from './watch.ts'

export interface RoundOptions {
  hub: Pick<Hub, 'occupancy' | 'deliver'>
  rights: Rights
  /** Users with whom there is a block in either direction, of users who are connected here. */
  blocked?: ((userId: string) => ReadonlySet<string>) | undefined
}

type Change = Payload<'presence.changed'>['changes'][number]

/** With more of its members online, a conversation is no reason to be told: who wants to know watches. */
const AUDIENCE = 1_000

export class Round {
  readonly #options: RoundOptions
  readonly #roster: Roster
  readonly #watches: Watches
  readonly #byViewer = new Map<string, Map<string, Change>>()
  readonly #byWatch = new Map<Watch, Map<string, Change>>()
  /** How those who changed in this window appeared before. */
  readonly #before = new Map<string, Status>()
  readonly #near = new Map<string, readonly string[]>()

  constructor(options: RoundOptions, roster: Roster, watches: Watches) {
    this.#options = options
    this.#roster = roster
    this.#watches = watches
  }

  change(entry: Entry): void {
    const { person, told, chose } = entry
    const present = appearance(person, entry.nodes.size > 0)
    const before = told ?? { status: 'offline' as const, custom: present.custom }
    const now = { ...present, role: person.role, was: before.status }
    this.#before.set(person.userId, before.status)
    entry.told = present
    entry.chose = false
    if (chose) this.#show(person.userId, now)
    if (isSame(before, now)) return
    for (const place of entry.places) {
      for (const viewer of this.#nearTo(place)) if (viewer !== person.userId) this.#show(viewer, now)
    }
    for (const watch of this.#watches.about(person)) {
      const { userId } = watch.subscriber
      if (userId === person.userId || this.#isApart(userId, person.userId) || !this.#sees(watch, person)) continue
      changesFor(this.#byWatch, watch).set(person.userId, now)
    }
  }

  /** There is a block between the two now, or no longer. */
  anew(viewer: string, userId: string): void {
    const entry = this.#roster.get(userId)
    const own = this.#roster.get(viewer)
    if (!entry || !own || appearance(entry.person, true).status === 'offline') return
    if (!maySee(this.#options.rights, own.person, own.places, entry.person)) return
    const was = this.#before.get(userId) ?? entry.told?.status ?? 'offline'
    const { role } = entry.person
    const now: Change = this.#isApart(viewer, userId)
      ? { ...hidden(userId), role, was }
      : { ...appearance(entry.person, true), role, was: 'offline' }
    changesFor(this.#byViewer, viewer).set(userId, now)
    for (const watch of this.#watches.about(entry.person)) {
      if (watch.subscriber.userId === viewer && this.#sees(watch, entry.person))
        changesFor(this.#byWatch, watch).set(userId, now)
    }
  }

  *frames(): Generator<() => void> {
    const { hub } = this.#options
    // Once more without who is apart: a block may have come meanwhile.
    const seen = (viewer: string, now: Change): Change =>
      this.#isApart(viewer, now.userId) ? { ...now, ...hidden(now.userId) } : now
    const event = (viewer: string, changes: ReadonlyMap<string, Change>): Event<'presence.changed'> => ({
      ...{ name: 'presence.changed', topic: `user:${viewer}`, at: new Date(), actorId: null, origin: null },
      payload: { changes: [...changes.values()].map((now) => seen(viewer, now)) },
    })
    for (const [viewer, changes] of this.#byViewer) yield () => hub.deliver(event(viewer, changes))
    for (const [{ subscriber }, changes] of this.#byWatch) {
      yield () => hub.deliver(event(subscriber.userId, changes), subscriber)
    }
  }

  #sees({ filter, viewer: came, subscriber }: Watch, person: Person): boolean {
    const { rights } = this.#options
    const known = this.#roster.get(subscriber.userId)
    const now = known?.person ?? came
    const { role } = came
    const viewer = now.role === role ? now : { ...now, role }
    if ('by' in filter) return rights.seesNear(viewer, person)
    return maySee(rights, viewer, known?.places ?? new Set(came.conversationIds), person)
  }
  #show(viewer: string, now: Change): void {
    if (!this.#isApart(viewer, now.userId)) changesFor(this.#byViewer, viewer).set(now.userId, now)
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
    return this.#options.blocked?.(viewer).has(userId) ?? false
  }
}

/** What one of them is to be told, by user: each once, as they are now. */
function changesFor<K>(all: Map<K, Map<string, Change>>, key: K): Map<string, Change> {
  const changes = all.get(key) ?? new Map<string, Change>()
  all.set(key, changes)
  return changes
}
