/**
 * One socket: who it is, which dialect it speaks, what it hears. Undecided, it hears every enabled dialect's words for
 * everything of its user; decided, what its dialect's `connect` says and what its rows follow. When it changes dialect it
 * hears the new words before it ceases to hear the old ones, in one tick, so nothing is lost between.
 */
import { AppError } from '../../../shared/errors.ts'
import type { Topic } from '../../../shared/events.ts'
import type { Actor, Core, Scope } from '../../../shared/ports.ts'
import { type Dialect, MAIN } from '../../dialects/dialect.ts'
import type { Cards } from './cards.ts'
import { Hearing } from './hearing.ts'
import type { Seat, Wording } from './wording.ts'

export interface Parts {
  readonly core: Core
  readonly cards: Cards
  readonly actor: Actor
  readonly seat: Seat
  readonly namespace: string
  /** Every enabled dialect's words. */
  readonly enabled: readonly Dialect[]
  readonly wordings: (dialect: Dialect) => ReadonlyMap<string, Wording>
}

export class Session {
  readonly actor: Actor
  dialect: Dialect | null
  readonly #parts: Parts
  /** Heard without asking. */
  #base: Hearing[] = []
  /** Heard because a row asked for it. */
  readonly #asked = new Map<Topic, Hearing>()
  #closed = false

  constructor(parts: Parts, dialect: Dialect | null) {
    this.#parts = parts
    this.actor = parts.actor
    this.dialect = dialect
  }

  /** Reads up to the present; `start` then goes live. */
  async open(): Promise<void> {
    this.#base = await this.#openAll(this.#wanted(this.dialect))
  }
  /** Goes live at once; the promise is for the rare part that has to read on. */
  async start(): Promise<void> {
    await Promise.all(this.#base.filter((hearing) => !hearing.start()).map((hearing) => hearing.reopen()))
  }
  async moveTo(dialect: Dialect): Promise<void> {
    const wanted = this.#wanted(dialect)
    const kept = this.#base.filter((own) => wanted.some((one) => isSame(own, one)))
    const added = await this.#openAll(wanted.filter((one) => !kept.some((own) => isSame(own, one))))
    const late = added.filter((hearing) => !hearing.start())
    const gone = [...this.#base, ...this.#asked.values()].filter((hearing) => !kept.includes(hearing))
    this.#asked.clear()
    this.#base = [...kept, ...added]
    this.dialect = dialect
    for (const hearing of gone) hearing.close()
    await Promise.all(late.map((hearing) => hearing.reopen()))
  }
  /** Hears nothing more. What it asked for is remembered: what the socket said before it went is still done. */
  close(): void {
    this.#closed = true
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
      const [hearing] = await this.#openAll([{ wording, scope: { kind, conversationId } }])
      if (!hearing) return
      const live = hearing.start()
      before?.close()
      if (!live) await hearing.reopen()
      if (this.#closed) hearing.close()
      else if (hearing.closed) throw new AppError('FORBIDDEN', 'Not a member of this conversation')
      this.#asked.set(topic, hearing)
    } finally {
      cards.release(conversationId)
    }
  }
  unfollow(topic: Topic): void {
    this.#asked.get(topic)?.close()
    this.#asked.delete(topic)
    for (const hearing of this.#base) hearing.mute(topic)
  }

  #wanted(dialect: Dialect | null): { wording: Wording; scope: Scope }[] {
    const { enabled, wordings, actor, namespace } = this.#parts
    const watched = (one: Dialect) => {
      const watch = one.connect.watch?.(actor)
      const wording = watch && wordings(one).get(watch.wording)
      return wording ? [{ wording, scope: watch.scope }] : []
    }
    if (dialect) {
      const { follow, wording: name } = dialect.place(namespace)
      const wording = wordings(dialect).get(name)
      return [...(wording ? [{ wording, scope: { kind: follow } }] : []), ...watched(dialect)]
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

  async #openAll(wanted: readonly { wording: Wording; scope: Scope }[]): Promise<Hearing[]> {
    const { core, cards, actor, seat } = this.#parts
    const hearings = wanted.map(({ wording, scope }) => {
      const onEnd = () => this.#ended(hearing)
      const elsewhere = (own: Hearing, topic: Topic) => this.#hears(own, topic)
      const hearing = new Hearing({ core, cards, actor, seat, wording, scope, elsewhere, onEnd })
      return hearing
    })
    await Promise.all(hearings.map((hearing) => hearing.open()))
    // The socket may have gone meanwhile.
    if (this.#closed) for (const hearing of hearings) hearing.close()
    return hearings
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

const isSame = (hearing: Hearing, { wording, scope }: { wording: Wording; scope: Scope }) =>
  hearing.channel === wording && hearing.scope.kind === scope.kind

function split(topic: Topic): [kind: string, id: string] {
  const [kind = ''] = topic.split(':', 1)
  return [kind, topic.slice(kind.length + 1)]
}
