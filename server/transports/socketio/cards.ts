/**
 * The cards of the conversations that somebody follows on this node: loaded by `conversation.get`, at the latest for the
 * first event that needs one, then kept current from one feed of the whole log; never a query per event. While a card is
 * loading, what concerns its conversation waits and keeps its order: events, and also who comes and goes.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { toAppError } from '../../../shared/errors.ts'
import { type Durable, type Event, isDurable, type Topic } from '../../../shared/events.ts'
import type { Actor, Core, Feed } from '../../../shared/ports.ts'
import { LiveCard } from './card.ts'
import { positionOf } from './cursors.ts'
import type { BridgeLog } from './log.ts'

interface Job {
  /** How far the log had come. */
  readonly at: number
  /** Whose profile the job needs on the card, if it needs the card at all. */
  readonly needs: { readonly userId: string | null } | null
  /** Without a card if the conversation cannot be had. */
  readonly run: (card: LiveCard | undefined) => void
}
interface Entry {
  readonly conversationId: string
  card: LiveCard | undefined
  /** What the log said while the card was being loaded. */
  missed: Durable[]
  readonly jobs: Job[]
  work: Promise<void> | undefined
  /** Resolves when something could not be loaded and will be tried again: nobody should wait for that. */
  stuck: Promise<void> | undefined
}

const RETRY_MS = 1_000
const MOST_JOBS = 10_000

export class Cards {
  readonly #core: Core
  readonly #system: Actor
  readonly #log: BridgeLog
  readonly #entries = new Map<string, Entry>()
  /** How many follow each conversation. */
  readonly #holds = new Map<string, number>()
  readonly #busy = new Set<Entry>()
  #feed: Feed | undefined
  #closed = false
  #position = 0

  constructor(core: Core, system: Actor, log: BridgeLog) {
    this.#core = core
    this.#system = system
    this.#log = log
  }

  /** `onEvent` is told everything that the log says, after the cards. */
  async start(onEvent: (event: Event) => void): Promise<void> {
    const sink = {
      push: (event: Event) => {
        if (isDurable(event)) this.#position = event.position
        this.apply(event)
        onEvent(event)
      },
      end: () => this.#log.error({}, 'the feed of the conversation cards ended'),
    }
    do {
      this.#feed = await this.#core.subscribe(this.#system, { kind: 'log' })
      for await (const _ of this.#feed.replay());
    } while (!this.#feed.attach(sink))
    this.#position = Math.max(this.#position, positionOf(this.#feed.cursor))
  }
  /** The history that positions belong to. */
  get epoch(): string {
    return this.#feed?.cursor.split('.')[0] ?? ''
  }
  /** Up to where the log has been delivered here, outside of a delivery: but for what waits for the cards of these topics. */
  delivered(topics: ReadonlySet<Topic>): number {
    let position = this.#position
    for (const { conversationId, jobs } of this.#busy) {
      const first = topics.has(`conversation:${conversationId}`) ? jobs[0] : undefined
      if (first) position = Math.min(position, first.at - 1)
    }
    return position
  }
  close(): void {
    this.#closed = true
    this.#feed?.detach()
    this.#entries.clear()
  }

  hold(conversationId: string): void {
    this.#holds.set(conversationId, (this.#holds.get(conversationId) ?? 0) + 1)
  }
  release(conversationId: string): void {
    const left = (this.#holds.get(conversationId) ?? 0) - 1
    if (left > 0) this.#holds.set(conversationId, left)
    else this.#holds.delete(conversationId)
    const entry = this.#entries.get(conversationId)
    if (entry) this.#evict(entry)
  }

  /** Moves the cards along. Telling it the same event twice is harmless, telling it one too late is not. */
  apply(event: Event): void {
    if (!isDurable(event)) return
    if (event.name === 'user.updated') {
      for (const entry of this.#entries.values()) tell(entry, event)
    } else if (event.name === 'receipt.unread' || event.name === 'receipt.marked') {
      tell(this.#entries.get(event.payload.conversationId), event)
    } else if (event.topic.startsWith('conversation:')) {
      tell(this.#entries.get(event.topic.slice('conversation:'.length)), event)
    }
  }

  /** Runs `run` with the conversation's card: now, or in its turn once the card is there; without one if it cannot be had. */
  withCard(conversationId: string, userId: string | null, run: Job['run']): void {
    this.#add(conversationId, { at: this.#position, needs: { userId }, run })
  }
  /** Runs `run` after what already waits for this conversation; at once if nothing does. */
  inTurn(conversationId: string, run: () => void): void {
    if (this.#entries.has(conversationId)) this.#add(conversationId, { at: this.#position, needs: null, run })
    else run()
  }

  /** Resolves once the card is there, with this user's profile, or could not be loaded at once. */
  async loaded(conversationId: string, userId: string | null = null): Promise<void> {
    this.withCard(conversationId, userId, () => {})
    const entry = this.#entries.get(conversationId)
    if (entry) await workOf(entry)
  }
  /** Keeps these cards while `use` looks at them; null for one that cannot be had. One after the other: there may be many. */
  async use(
    conversationIds: readonly string[],
    use: (card: (id: string) => LiveCard | null) => Promise<void>,
  ): Promise<void> {
    const ids = [...new Set(conversationIds)]
    for (const id of ids) this.hold(id)
    try {
      for (const id of ids) await this.loaded(id)
      await use((id) => this.get(id) ?? null)
    } finally {
      for (const id of ids) this.release(id)
    }
  }
  /**
   * Runs `run` once what waits now for this conversation, or for any, has had its turn, or cannot have it soon; before what
   * comes later there. May throw.
   */
  async settled(conversationId: string | undefined, run: () => void): Promise<void> {
    const busy = [...this.#busy].filter(
      (entry) => conversationId === undefined || entry.conversationId === conversationId,
    )
    let left = busy.length
    if (left === 0) return run()
    await new Promise<void>((resolve, reject) => {
      const turn = () => {
        left -= 1
        if (left > 0) return
        try {
          run()
          resolve()
        } catch (error) {
          reject(error)
        }
      }
      for (const entry of busy) {
        const once = onlyOnce(turn)
        this.inTurn(entry.conversationId, once)
        void workOf(entry)?.then(once)
      }
    })
  }
  get(conversationId: string): LiveCard | undefined {
    return this.#entries.get(conversationId)?.card
  }

  /** What fails here fails alone. */
  attempt(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.#log.error({ err: error }, 'an event could not be translated')
    }
  }

  #entry(conversationId: string): Entry {
    const found = this.#entries.get(conversationId)
    if (found) return found
    const entry: Entry = {
      ...{ conversationId, card: undefined, missed: [], jobs: [], work: undefined, stuck: undefined },
    }
    this.#entries.set(conversationId, entry)
    return entry
  }
  #evict(entry: Entry): void {
    if (!this.#holds.has(entry.conversationId) && !entry.work) this.#entries.delete(entry.conversationId)
  }

  #add(conversationId: string, job: Job): void {
    const entry = this.#entry(conversationId)
    if (entry.jobs.length === 0 && ready(entry, job)) {
      this.attempt(() => job.run(entry.card))
      this.#evict(entry)
    } else if (entry.jobs.length < MOST_JOBS) {
      entry.jobs.push(job)
      this.#busy.add(entry)
      entry.work ??= this.#work(entry)
    } else this.#log.error({ conversationId }, 'too many events wait for a conversation card: dropped')
  }

  async #work(entry: Entry): Promise<void> {
    let giveUp = () => {}
    entry.stuck = new Promise((resolve) => {
      giveUp = resolve
    })
    for (let job = entry.jobs[0]; job && !this.#closed; job = entry.jobs[0]) {
      if (!ready(entry, job) && !(await this.#prepare(entry, job))) {
        giveUp()
        await pause(RETRY_MS, undefined, { ref: false })
        continue
      }
      this.attempt(() => job.run(entry.card))
      entry.jobs.shift()
    }
    entry.work = undefined
    this.#busy.delete(entry)
    this.#evict(entry)
  }

  /** Loads what the job needs. False if that should be tried again. */
  async #prepare(entry: Entry, { needs }: Job): Promise<boolean> {
    const { conversationId } = entry
    try {
      if (!entry.card) {
        // What was passed before the question is in the answer.
        entry.missed = []
        const card = new LiveCard(await this.#core.execute(this.#system, 'conversation.get', { conversationId }))
        for (const event of entry.missed) card.apply(event)
        entry.card = card
      }
      const userId = needs?.userId
      if (userId && !entry.card.knows(userId)) {
        entry.card.introduce(await this.#core.execute(this.#system, 'user.get', { userId }))
      }
      return true
    } catch (error) {
      const { code, message } = toAppError(error)
      this.#log.warn({ conversationId, code, message }, 'a conversation card could not be loaded')
      return code === 'NOT_FOUND' || code === 'FORBIDDEN' || code === 'INVALID_INPUT'
    }
  }
}

export const conversationOf = (topic: Topic): string | null =>
  topic.startsWith('conversation:') ? topic.slice('conversation:'.length) : null
/** Whose profile the words for an event will name. */
export const senderOf = (event: Event): string | null =>
  event.name === 'message.created' ? event.payload.message.senderId : null

function onlyOnce(run: () => void): () => void {
  let ran = false
  return () => {
    if (!ran) run()
    ran = true
  }
}

const workOf = ({ work, stuck }: Entry) => work && Promise.race([work, stuck])

function ready({ card }: Entry, { needs }: Job): boolean {
  if (needs === null) return true
  return card !== undefined && (needs.userId === null || card.knows(needs.userId))
}

function tell(entry: Entry | undefined, event: Durable): void {
  if (entry?.card) entry.card.apply(event)
  else if (entry?.work) entry.missed.push(event)
}
