/**
 * Who is connected, on whatever node, and what is known of them: found by user, conversation, school, school and role, and class,
 * each by one look into a map. Of two readings of a user the newer one counts, whichever came first. Who has gone stays until
 * that has been told.
 */
import type { PresenceFilter } from '../../shared/commands/presence.ts'
import type { CustomStatus, Presence, Status } from '../../shared/model.ts'
import type { Person } from './ports.ts'
import type { Rights } from './rights.ts'

export interface Entry {
  person: Person
  /** Their conversations. */
  places: ReadonlySet<string>
  readonly nodes: Set<string>
  /** Those of the nodes where only the grace is left of them. */
  readonly waiting: Set<string>
  /** How they appeared when it was last told here. */
  told: Presence | undefined
  /** They have chosen anew since. */
  chose: boolean
}

/** By value; a role compares without case, and no id holds a line break. */
export const keys = {
  user: (id: string) => `user:${id}`,
  conversation: (id: string) => `conversation:${id}`,
  school: (id: string) => `school:${id}`,
  role: (schoolId: string, role: string) => `role:${schoolId}\n${role.toLowerCase()}`,
  class: (id: string) => `class:${id}`,
}

export function keysOf({ userId, schoolId, role, classIds, conversationIds }: Person): string[] {
  const school = schoolId === null ? [] : [keys.school(schoolId), keys.role(schoolId, role)]
  return [keys.user(userId), ...school, ...classIds.map(keys.class), ...conversationIds.map(keys.conversation)]
}

/** Where to look for those whom a filter means; `matches` then says who they are. */
export function keysFor({ userIds, classId, schoolId, role }: PresenceFilter): string[] {
  if (userIds) return userIds.map(keys.user)
  if (classId !== undefined) return [keys.class(classId)]
  if (schoolId === undefined) return []
  return [role === undefined ? keys.school(schoolId) : keys.role(schoolId, role)]
}
export function matches(filter: PresenceFilter, person: Person): boolean {
  const { userIds, classId, schoolId, role } = filter
  if (userIds) return userIds.includes(person.userId)
  if (classId !== undefined && !person.classIds.includes(classId)) return false
  if (schoolId !== undefined && person.schoolId !== schoolId) return false
  return role === undefined || person.role.toLowerCase() === role.toLowerCase()
}

/** Whether one may see the presence of the other. */
export function maySee(rights: Rights, viewer: Person, places: ReadonlySet<string>, other: Person): boolean {
  if (viewer.userId === other.userId || rights.sees(viewer, other)) return true
  return other.conversationIds.some((id) => places.has(id))
}

export function appearance({ userId, status, custom, lastSeenAt }: Person, online: boolean): Presence {
  return { userId, status: online ? status : 'offline', custom, lastSeenAt }
}
/** As somebody with whom there is a block sees them. */
export const hidden = (userId: string): Presence => ({ userId, status: 'offline', custom: null, lastSeenAt: null })

export function isSame(
  a: { status: Status; custom: CustomStatus | null },
  b: { status: Status; custom: CustomStatus | null },
): boolean {
  if (a.status !== b.status || (a.custom === null) !== (b.custom === null)) return false
  return (
    a.custom?.message === b.custom?.message &&
    a.custom?.emoji === b.custom?.emoji &&
    a.custom?.expiresAt?.getTime() === b.custom?.expiresAt?.getTime()
  )
}

export class Roster {
  readonly #entries = new Map<string, Entry>()
  readonly #index = new Map<string, Set<Entry>>()

  get(userId: string): Entry | undefined {
    return this.#entries.get(userId)
  }
  online(userId: string): boolean {
    return (this.#entries.get(userId)?.nodes.size ?? 0) > 0
  }
  /** Whether they are connected to another node than this. */
  elsewhere(userId: string, node: string): boolean {
    const entry = this.#entries.get(userId)
    return entry !== undefined && [...entry.nodes].some((other) => other !== node && !entry.waiting.has(other))
  }
  /** Whether it is waited for the user to come back to that node. */
  wait(node: string, userId: string, waits: boolean): void {
    const waiting = this.#entries.get(userId)?.waiting
    if (waits) waiting?.add(node)
    else waiting?.delete(node)
  }
  /** The same of everybody there. */
  waitForAll(node: string): void {
    for (const { nodes, waiting } of this.#entries.values()) if (nodes.has(node)) waiting.add(node)
  }
  at(key: string): ReadonlySet<Entry> {
    return this.#index.get(key) ?? NOBODY
  }

  /** What a node has read of a user, and whether they are connected there. False: nobody here needs to know. */
  put(node: string, person: Person, here: boolean): boolean {
    const known = this.#entries.get(person.userId)
    if (!known && !here) return false
    const entry = known ?? newEntry(person)
    if (!known) this.#entries.set(person.userId, entry)
    if (here) entry.nodes.add(node)
    else entry.nodes.delete(node)
    entry.waiting.delete(node)
    if (known && person.readAt < known.person.readAt) return true
    if (known && !isSame(known.person, person)) entry.chose = true
    if (known) this.#unindex(entry)
    entry.person = person
    entry.places = new Set(person.conversationIds)
    for (const key of keysOf(person)) this.#index.set(key, (this.#index.get(key) ?? new Set()).add(entry))
    return true
  }
  /** A node is no more, or has only these users now. Gives who went. */
  drop(node: string, kept: ReadonlySet<string> = new Set()): string[] {
    const went = [...this.#entries].filter(([userId, { nodes, waiting }]) => {
      if (!kept.has(userId)) waiting.delete(node)
      return !kept.has(userId) && nodes.delete(node)
    })
    return went.map(([userId]) => userId)
  }
  /** Of a user who has gone, once it is told. */
  forget(userId: string): void {
    const entry = this.#entries.get(userId)
    if (!entry || entry.nodes.size > 0) return
    this.#unindex(entry)
    this.#entries.delete(userId)
  }

  #unindex(entry: Entry): void {
    for (const key of keysOf(entry.person)) {
      const there = this.#index.get(key)
      if (there?.delete(entry) && there.size === 0) this.#index.delete(key)
    }
  }
}
const NOBODY: ReadonlySet<Entry> = new Set()
const newEntry = (person: Person): Entry => ({
  ...{ person, places: new Set(), nodes: new Set(), waiting: new Set(), told: undefined, chose: false },
})
