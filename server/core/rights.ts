/**
 * What each role may do, as data: no other file of the core knows a role by its name. Names compare without case; a role
 * without a row has the row `default`. An operator replaces rows or adds some (`createApp({ rights })`). Roles inside a
 * conversation (owner, admin, member) are something else: see policy.ts.
 */

export interface Right {
  /** An administrator: the `admin.*` commands, the directory, opening a conversation with anybody. */
  readonly administers?: boolean
  /** May delete any message, without being a member. */
  readonly moderates?: boolean
  /** May follow the whole log: the server's own parts. */
  readonly seesLog?: boolean
  /** Roles with whom it may open a direct conversation; everyone if missing. */
  readonly opensWith?: readonly string[]
  /** Roles that may open a direct conversation with it, besides administrators; everyone if missing. */
  readonly openedBy?: readonly string[]
  /** Roles whose presence it sees in its school, and in its classes. An administrator sees everybody's. */
  readonly seesInSchool?: readonly string[]
  readonly seesInClass?: readonly string[]
}

/** By name of role. In a list, `default` stands for every role without a row. */
export type RightsTable = Readonly<Record<string, Right>>

const TABLE: RightsTable = {
  default: {},
  client: {},
  /** Waits to be asked: answers clients, and may turn to those who run the place. */
  craftsman: { openedBy: ['client'], opensWith: ['admin', 'moderator', 'default'] },
  student: { seesInSchool: ['admin'], seesInClass: ['teacher', 'student'] },
  teacher: { seesInSchool: ['admin', 'teacher'], seesInClass: ['student'] },
  moderator: { moderates: true },
  admin: { administers: true, moderates: true },
  /** The server itself: no token and no administrator can give it to anybody. */
  system: { administers: true, moderates: true, seesLog: true },
}

interface Bearer {
  readonly role: string
}
interface Pupil extends Bearer {
  readonly schoolId: string | null
  readonly classIds: readonly string[]
}

export class Rights {
  readonly #rows: ReadonlyMap<string, Right>

  constructor(rows: RightsTable = {}) {
    const all = [...Object.entries(TABLE), ...Object.entries(rows)]
    this.#rows = new Map(all.map(([role, right]) => [role.toLowerCase(), right]))
  }

  administers = (bearer: Bearer): boolean => this.#of(bearer).administers === true
  moderates = (bearer: Bearer): boolean => this.#of(bearer).moderates === true
  seesLog = (bearer: Bearer): boolean => this.#of(bearer).seesLog === true

  /** Whether it may do nothing that a role without a row may not. */
  ordinary(bearer: Bearer): boolean {
    const { administers, moderates, seesLog, seesInSchool, seesInClass } = this.#of(bearer)
    return !administers && !moderates && !seesLog && !seesInSchool?.length && !seesInClass?.length
  }

  /** Whether the first may open a direct conversation with the second. Answering in one that is open needs no right. */
  mayOpen(opener: Bearer, peer: Bearer): boolean {
    if (this.administers(opener)) return true
    const names = (list: readonly string[] | undefined, bearer: Bearer) =>
      list?.some((role) => role.toLowerCase() === this.#row(bearer)) ?? true
    return names(this.#of(opener).opensWith, peer) && names(this.#of(peer).openedBy, opener)
  }

  /** Whether the first may see the presence of the second, for where they are and who they are. */
  sees(viewer: Pupil, other: Pupil): boolean {
    return this.administers(viewer) || this.seesNear(viewer, other)
  }
  /** The same, where an administrator sees no further than their own school. */
  seesNear(viewer: Pupil, other: Pupil): boolean {
    const { administers = false, seesInSchool = [], seesInClass = [] } = this.#of(viewer)
    const among = (roles: readonly string[]) => roles.some((role) => role.toLowerCase() === this.#row(other))
    const together = viewer.schoolId !== null && viewer.schoolId === other.schoolId
    if (together && (administers || among(seesInSchool))) return true
    return among(seesInClass) && viewer.classIds.some((id) => other.classIds.includes(id))
  }

  #row({ role }: Bearer): string {
    const name = role.toLowerCase()
    return this.#rows.has(name) ? name : 'default'
  }
  #of(bearer: Bearer): Right {
    return this.#rows.get(this.#row(bearer)) ?? {}
  }
}
