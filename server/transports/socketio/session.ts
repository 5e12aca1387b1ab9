/**
 * One socket: who it is, which dialect it speaks, what it hears. Undecided, it hears every enabled dialect's words for
 * everything of its user, from the present on; decided, what its dialect's `connect` says and what its rows follow, each from
 * where its user has come (resume.ts). When it changes dialect it hears the new words before it ceases to hear the old ones;
 * what it has heard in the new words already is not told again.
 */
import { AppError } from '../../../shared/errors.ts'
import type { Topic } from '../../../shared/events.ts'
import type { Actor, Core, Scope } from '../../../shared/ports.ts'
import { GUEST } from '../../auth.ts'
import { type Dialect, MAIN } from '../../dialects/dialect.ts'
import { Backlog } from './backlog.ts'
import type { Cards } from './cards.ts'
import type { Fence } from './fence.ts'
import { type Heard, Hearing } from './hearing.ts'
import type { Place } from './place.ts'
import type { Start } from './reader.ts'
import type { Resume } from './resume.ts'
import { refusalOf, type Seat, type Wording } from './wording.ts'

export interface Parts {
  readonly core: Core
  readonly cards: Cards
  readonly resume: Resume
  /** Of its connection. */
  readonly fence: Fence
  readonly actor: Actor
  readonly seat: Seat
  readonly namespace: string
  /** Every enabled dialect's words. */
  readonly enabled: readonly Dialect[]
  readonly wordings: (dialect: Dialect) => ReadonlyMap<string, Wording>
}

interface Wanted {
  readonly wording: Wording
  readonly scope: Scope
}

export class Session {
  readonly actor: Actor
  dialect: Dialect | null
  readonly #parts: Parts
  /** Heard without asking. */
  #base: Hearing[] = []
  /** Heard because a row asked for it. */
  readonly #asked = new Map<Topic, Hearing>()
  /** Where it is in all that it has heard in a dialect of its own, by wording and scope. */
  readonly #places = new Map<string, Place>()
  /** What it was told while it was undecided. */
  readonly #heard = new Map<Wording, Heard>()
  #refused: readonly string[] | null = null
  #closed = false

  constructor(parts: Parts, dialect: Dialect | null) {
    this.#parts = parts
    this.actor = parts.actor
    this.dialect = dialect
  }

  /** Reads the first of what was missed; `start` then tells it and goes live. */
  async open(): Promise<void> {
    this.#base = await this.#openAll(this.dialect, this.#wanted(this.dialect))
  }
  /** Goes live at once if little was missed; else once everything has been told. */
  async start(): Promise<void> {
    await Promise.all(this.#base.filter((hearing) => !hearing.start()).map((hearing) => hearing.catchUp()))
  }
  async moveTo(dialect: Dialect): Promise<void> {
    try {
      await this.#moveTo(dialect)
    } catch (error) {
      // It may hear nothing by now.
      this.#parts.fence.hangUp()
      throw error
    }
  }
  async #moveTo(dialect: Dialect): Promise<void> {
    const wanted = this.#wanted(dialect)
    const before = [...this.#base, ...this.#asked.values()]
    const kept = before.filter((own) => !isResumed(own) && wanted.some((one) => isSame(own, one)))
    const gone = before.filter((own) => !kept.includes(own))
    if (this.dialect === null) {
      for (const hearing of gone.filter(isResumed)) {
        this.#heard.set(hearing.channel, hearing.heard)
        hearing.deafen()
      }
    }
    const missing = wanted.filter((one) => !kept.some((own) => isSame(own, one)))
    const added = await this.#openAll(dialect, missing)
    await Promise.all(added.filter((hearing) => !hearing.start()).map((hearing) => hearing.catchUp()))
    this.#asked.clear()
    this.#base = [...kept, ...added]
    this.dialect = dialect
    for (const hearing of gone) hearing.close()
  }
  /**
   * Hears nothing more; `clean`: its client said so. What it asked for is remembered: what the socket said before it went is
   * still done.
   */
  close(clean = false): void {
    this.#closed = true
    for (const place of this.#places.values()) this.#parts.resume.depart(place, clean)
    this.#places.clear()
    for (const hearing of [...this.#base, ...this.#asked.values()]) hearing.close()
  }

  /** Conversations heard without asking. */
  get conversations(): number {
    const topics = new Set(this.#base.flatMap((hearing) => [...hearing.topics]))
    return [...topics].filter((topic) => topic.startsWith('conversation:')).length
  }
  /** Sockets of this dialect that follow a topic and have left its room. */
  silentOn(topic: Topic): number {
    const words = this.dialect ? [...this.#parts.wordings(this.dialect).values()] : []
    return words.reduce((sum, wording) => sum + wording.silentOn(topic), 0)
  }
  follows(topic: Topic): boolean {
    return this.#asked.has(topic) || this.#base.some((hearing) => hearing.hears(topic))
  }

  /** Hears a topic in a wording of its dialect from now on. Throws FORBIDDEN for a stranger. */
  async follow(topic: Topic, name: string | undefined): Promise<void> {
    const { cards, wordings } = this.#parts
    const wording = this.dialect && wordings(this.dialect).get(name ?? MAIN)
    if (!wording) return
    const [kind, conversationId] = split(topic)
    const base = this.#base.find((hearing) => hearing.channel === wording && hearing.topics.has(topic))
    const before = this.#asked.get(topic)
    if (base) base.unmute(topic)
    if (base || before?.channel === wording || kind !== 'conversation') return
    cards.hold(conversationId)
    try {
      await cards.loaded(conversationId)
      const [hearing] = await this.#openAll(this.dialect, [{ wording, scope: { kind, conversationId } }])
      if (!hearing) return
      try {
        if (!hearing.start()) await hearing.catchUp()
      } catch (error) {
        hearing.close()
        throw error
      }
      before?.close()
      if (this.#closed) hearing.close()
      else if (hearing.closed) throw new AppError('FORBIDDEN', 'Not a member of this conversation')
      this.#asked.set(topic, hearing)
    } finally {
      cards.release(conversationId)
    }
  }
  /** From now on the socket hears nothing of these kinds; `before`: null if it never said. */
  refuse(choose: (before: readonly string[] | null) => readonly string[] | null): void {
    const { seat } = this.#parts
    const before = this.#refused
    this.#refused = choose(before)
    for (const kind of before ?? []) seat.leave(refusalOf(kind))
    for (const kind of this.#refused ?? []) seat.join(refusalOf(kind))
  }
  unfollow(topic: Topic): void {
    this.#asked.get(topic)?.close()
    this.#asked.delete(topic)
    for (const hearing of this.#base) hearing.mute(topic)
  }

  #wanted(dialect: Dialect | null): Wanted[] {
    const { enabled, wordings, actor, namespace } = this.#parts
    const watched = (one: Dialect) => {
      const watch = one.connect.watch?.(actor)
      const wording = watch && wordings(one).get(watch.wording)
      return wording ? [{ wording, scope: watch.scope }] : []
    }
    if (dialect) {
      const { follow, wording: name } = dialect.place(namespace)
      const wording = wordings(dialect).get(name)
      // What somebody says in a conversation with the guests' user is not for everybody.
      const kind = actor.userId === GUEST ? 'user' : follow
      return [...(wording ? [{ wording, scope: { kind } }] : []), ...watched(dialect)]
    }
    return enabled
      .filter(({ namespaces }) => namespaces.includes(namespace))
      .flatMap((one) => {
        const { wording: name, inbound } = one.place(namespace)
        const names = new Set([name, ...[...inbound.values()].flatMap((row) => row.wording ?? [])])
        const heard = [...wordings(one)].flatMap(([key, wording]) => (names.has(key) ? [wording] : []))
        return [...heard.map((wording) => ({ wording, scope: { kind: 'all' } as const })), ...watched(one)]
      })
  }

  async #openAll(dialect: Dialect | null, wanted: readonly Wanted[]): Promise<Hearing[]> {
    const hearings = await Promise.all(wanted.map((one) => this.#open(dialect, one)))
    // The socket may have gone meanwhile.
    if (this.#closed) for (const hearing of hearings) hearing.close()
    return hearings
  }
  async #open(dialect: Dialect | null, { wording, scope }: Wanted): Promise<Hearing> {
    const { core, cards, actor, seat, fence, resume } = this.#parts
    const heard = this.#heard.get(wording)
    const place = dialect ? this.#place(wording, scope) : undefined
    if (scope.kind !== 'conversation') {
      for (const [conversationId, [, last]] of heard?.messages ?? []) place?.note(conversationId, last)
    }
    const first = (): Start => {
      const queued = dialect?.connect.first === 'queue' && scope.kind !== 'conversation' && wording.tellsMessages
      if (queued) return { first: true, backlog: new Backlog(core, actor, wording.namespaces > 1) }
      // What came since it arrived has been heard, and is not lost if it goes before a fence.
      const since = scope.kind === 'conversation' ? undefined : heard
      return { first: true, ...(since && { cursor: resume.cursors.cursorAt(since.after) }) }
    }
    const restart = (): Start => {
      resume.log.info(
        { userId: actor.userId, dialect: wording.name },
        'a legacy client was away for too long: it begins anew',
      )
      const start = first()
      place?.reader.restart(place, start)
      return start
    }
    try {
      const start =
        place?.left === undefined
          ? await place?.reader.start(place, first)
          : { cursor: resume.cursors.cursorAt(place.left) }
      const hearing: Hearing = new Hearing({
        ...{ core, cards, actor, seat, fence, wording, scope, place, heard, restart, start: start ?? {} },
        onEnd: () => this.#ended(hearing),
        elsewhere: (own, topic) => this.#hears(own, topic),
      })
      await hearing.open()
      return hearing
    } catch (error) {
      if (place) this.#forget(place)
      throw error
    }
  }
  /** Where it is in what it hears, or was when it left; none where nothing is resumed. */
  #place(wording: Wording, scope: Scope): Place | undefined {
    const { resume, fence, namespace, actor } = this.#parts
    const of = scopeOf(scope)
    if (of === null || actor.userId === GUEST) return undefined
    const name = `${wording.name} ${of}`
    const key = { userId: actor.userId, dialect: wording.name, scope: of }
    const place = this.#places.get(name) ?? resume.arrive(key, { fence, namespace, actor })
    if (this.#closed) resume.depart(place, false)
    else this.#places.set(name, place)
    return place
  }
  #forget(place: Place): void {
    this.#parts.resume.depart(place, false)
    for (const [name, own] of this.#places) if (own === place) this.#places.delete(name)
  }
  /** Whether another hearing than `own` hears the topic in the same wording. */
  #hears(own: Hearing, topic: Topic): boolean {
    const hears = (one: Hearing) => one !== own && one.channel === own.channel && one.hears(topic)
    const asked = this.#asked.get(topic)
    return this.#base.some(hears) || (asked !== undefined && hears(asked))
  }
  #ended(hearing: Hearing): void {
    this.#base = this.#base.filter((own) => own !== hearing)
    for (const [topic, own] of this.#asked) if (own === hearing) this.#asked.delete(topic)
  }
}

/** A presence has no past. */
const scopeOf = (scope: Scope): string | null => {
  if (scope.kind === 'all' || scope.kind === 'user') return 'all'
  return scope.kind === 'conversation' ? `conversation:${scope.conversationId}` : null
}
const isResumed = ({ scope }: Hearing) => scopeOf(scope) !== null
const isSame = (hearing: Hearing, { wording, scope }: Wanted) =>
  hearing.channel === wording && hearing.scope.kind === scope.kind

function split(topic: Topic): [kind: string, id: string] {
  const [kind = ''] = topic.split(':', 1)
  return [kind, topic.slice(kind.length + 1)]
}
