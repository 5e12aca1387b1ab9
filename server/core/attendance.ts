/**
 * Who is here, and telling it. In this order: users are marked (they came, went for longer than the grace, chose, or the log says
 * that something about them changed); a window later those marked are read from the database, the other nodes are told, and
 * everybody here who may see a difference gets one frame with all changes of the window. Windows do not overlap, and the next is
 * the longer the more the last one cost. Nothing is told of who is as they were; a newcomer asks (`presence.get`). To whom: see round.ts.
 */
import { setImmediate as breathe } from 'node:timers/promises'
import type { Durable } from '../../shared/events.ts'
import type { Hub } from './hub.ts'
import { joining, leaving } from './membership.ts'
import { Nodes } from './nodes.ts'
import type { Broker, Person, Store } from './ports.ts'
import { Roster } from './roster.ts'
import { Round, type RoundOptions } from './round.ts'
import { Watches } from './watch.ts'

export interface AttendanceOptions extends RoundOptions {
  store: Pick<Store, 'reads' | 'write'>
  hub: Pick<Hub, 'watch' | 'present' | 'occupancy' | 'deliver'>
  broker: Pick<Broker, 'share' | 'onShare'>
  /** Of this node, unlike any other's. */
  name: string
  /** From the first change to telling it, ms. */
  windowMs?: number | undefined
  /** Time for a reconnect, ms. */
  graceMs?: number | undefined
  /** A node that is silent for so long is dead, ms. */
  leaseMs?: number | undefined
  /** These have no connection any more, on any node, for longer than the grace. Each node says so. */
  left?: ((userIds: readonly string[]) => void) | undefined
  /** Users could not be read; it is tried again. */
  onError: (error: unknown) => void
}

const WINDOW_MS = 100
const GRACE_MS = 5_000
const LEASE_MS = 15_000
const RETRY_MS = 1_000
/** A window is so many times as long as the telling took, at most `LONGEST_MS`. */
const STRETCH = 4
const LONGEST_MS = 5_000
/** Users in one statement. */
const PAGE = 500
/** Finding out who is told what, and telling it, lets others have their turn after this, ms. */
const BUSY_MS = 10
/** Timers do not reach further than 24 days. */
const DAY_MS = 86_400_000

export class Attendance {
  readonly roster = new Roster()
  readonly watches = new Watches()
  readonly #options: AttendanceOptions
  readonly #nodes: Nodes
  /** Connected to this node, or gone for less than the grace. */
  readonly #here = new Set<string>()
  readonly #grace = new Map<string, NodeJS.Timeout>()
  /** Ends of custom statuses, of those here. */
  readonly #ends = new Map<string, NodeJS.Timeout>()
  readonly #marked = new Set<string>()
  readonly #left = new Set<string>()
  readonly #changed = new Set<string>()
  /** Viewers and whom they are to see anew, whatever changed. */
  #anew: (readonly [viewer: string, userId: string])[] = []
  #timer: NodeJS.Timeout | undefined
  #settling = false
  #windowMs: number
  #unwatch: (() => void) | undefined

  constructor(options: AttendanceOptions) {
    this.#options = options
    this.#windowMs = options.windowMs ?? WINDOW_MS
    this.#nodes = new Nodes({
      ...{ name: options.name, broker: options.broker, roster: this.roster },
      ...{ graceMs: options.graceMs ?? GRACE_MS, leaseMs: options.leaseMs ?? LEASE_MS },
      everybody: () =>
        [...this.#here].flatMap((userId) => {
          const person = this.roster.get(userId)?.person
          return person ? [{ person, here: true }] : []
        }),
      changed: (people) => {
        for (const person of people) this.#await(person)
        this.#expect(
          this.#changed,
          people.map(({ userId }) => userId),
        )
      },
      lost: (userIds) => this.#went(userIds.filter((userId) => !this.roster.online(userId))),
    })
  }

  start(): void {
    this.#unwatch = this.#options.hub.watch({
      came: (userId) => this.#came(userId),
      gone: (userId) => this.#gone(userId),
      passed: (event) => this.#passed(event),
    })
    this.#nodes.start()
  }
  /** Its users have left, which the store still writes down; the others wait for them to come back elsewhere. */
  async stop(): Promise<void> {
    if (!this.#unwatch) return
    this.#unwatch()
    this.#unwatch = undefined
    for (const timers of [this.#grace, this.#ends]) for (const timer of timers.values()) clearTimeout(timer)
    clearTimeout(this.#timer)
    this.#nodes.stop()
    await this.#seen([...this.#here, ...this.#left]).catch(this.#options.onError)
  }

  /** Whether some node has a connection of the user, be they invisible. */
  online(userId: string): boolean {
    return this.#options.hub.present(userId) || this.roster.elsewhere(userId, this.#options.name)
  }
  /** Whether they are to appear as connected: also within the grace. */
  shown(userId: string): boolean {
    return this.#here.has(userId) || this.roster.online(userId)
  }
  /** Something that is stored of the user has changed. */
  look(userIds: readonly string[]): void {
    this.#expect(this.#marked, userIds)
  }

  #came(userId: string): void {
    clearTimeout(this.#grace.get(userId))
    if (this.#grace.delete(userId)) this.#nodes.wait(userId, false)
    if (this.#here.has(userId)) return
    this.#here.add(userId)
    this.look([userId])
  }
  #gone(userId: string): void {
    if (!this.#here.has(userId)) return
    clearTimeout(this.#grace.get(userId))
    const missed = () => {
      this.#grace.delete(userId)
      this.#here.delete(userId)
      this.#went([userId])
    }
    this.#grace.set(userId, setTimeout(missed, this.#options.graceMs ?? GRACE_MS))
    this.#nodes.wait(userId, true)
  }
  #went(userIds: readonly string[]): void {
    for (const userId of userIds) this.#left.add(userId)
    this.look(userIds)
  }
  #passed(event: Durable): void {
    const left = leaving(event)
    const concerned = left === null ? joining(event) : [left]
    const updated = event.name === 'user.updated' ? [event.payload.profile.id] : []
    const known = [...concerned, ...updated].filter((userId) => this.#here.has(userId))
    if (known.length > 0) this.look(known)
    if (event.name !== 'user.blocked') return
    const { userId, blockedId } = event.payload
    this.#anew.push([userId, blockedId], [blockedId, userId])
    this.#expect(this.#changed, [])
  }

  /** One window at a time: what comes meanwhile waits for the next. */
  #expect(into: Set<string>, userIds: readonly string[]): void {
    if (!this.#unwatch) return
    for (const userId of userIds) into.add(userId)
    const some = this.#marked.size + this.#changed.size + this.#anew.length > 0
    if (some && !this.#timer && !this.#settling) this.#timer = setTimeout(() => this.#settle(), this.#windowMs)
  }
  #settle(): void {
    this.#timer = undefined
    this.#settling = true
    const { windowMs = WINDOW_MS, onError } = this.#options
    const began = performance.now()
    const failed = (error: unknown) => {
      onError(error)
      return RETRY_MS
    }
    void this.#read()
      .then(() => 0, failed)
      .then(async (pauseMs) => {
        await this.#tell()
        return pauseMs
      })
      .catch(failed)
      .then((pauseMs) => {
        const took = performance.now() - began
        this.#windowMs = Math.min(Math.max(windowMs, pauseMs, STRETCH * took), LONGEST_MS)
        this.#settling = false
        this.#expect(this.#changed, [])
      })
  }

  async #read(): Promise<void> {
    const left = [...this.#left]
    const marked = [...this.#marked]
    this.#left.clear()
    this.#marked.clear()
    try {
      await this.#seen(left)
      while (marked.length > 0) {
        this.#take(await this.#options.store.reads.presence.people(marked.slice(0, PAGE)))
        marked.splice(0, PAGE)
      }
    } catch (error) {
      for (const userId of left) this.#left.add(userId)
      for (const userId of marked) this.#marked.add(userId)
      throw error
    }
  }
  async #seen(userIds: readonly string[]): Promise<void> {
    for (let from = 0; from < userIds.length; from += PAGE)
      await this.#options.store.write((tx) => tx.seen(userIds.slice(from, from + PAGE)))
  }
  #take(people: readonly Person[]): void {
    for (const person of people) {
      const here = this.#here.has(person.userId)
      if (this.roster.put(this.#options.name, person, here)) this.#changed.add(person.userId)
      this.#await(person)
    }
    this.#nodes.tell(people.map((person) => ({ person, here: this.#here.has(person.userId) })))
  }
  /** The end of a custom status, of somebody who is here, whichever node has read it. */
  #await(person: Person): void {
    const { userId, customLeftMs } = person
    // An older reading than what is known.
    if (this.#here.has(userId) && this.roster.get(userId)?.person !== person) return
    clearTimeout(this.#ends.get(userId))
    this.#ends.delete(userId)
    if (!this.#here.has(userId) || customLeftMs === null || !this.#unwatch) return
    const end = () => this.look([userId])
    this.#ends.set(userId, setTimeout(end, Math.min(customLeftMs, DAY_MS)))
  }

  async #tell(): Promise<void> {
    const round = new Round(this.#options, this.roster, this.watches)
    const changed = [...this.#changed]
    const anew = this.#anew
    // What happens from now on is for the next window.
    this.#changed.clear()
    this.#anew = []
    const left = changed.filter((userId) => !this.roster.online(userId))
    if (left.length > 0) this.#options.left?.(left)
    let began = performance.now()
    const rest = async () => {
      if (performance.now() - began < BUSY_MS) return
      await breathe()
      began = performance.now()
    }
    for (const userId of changed) {
      const entry = this.roster.get(userId)
      if (entry) round.change(entry)
      this.roster.forget(userId)
      await rest()
    }
    for (const [viewer, userId] of anew) round.anew(viewer, userId)
    for (const deliver of round.frames()) {
      deliver()
      await rest()
    }
  }
}
