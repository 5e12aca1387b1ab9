/**
 * Everybody who listens on this node. An event from the tail is delivered in this order: who joins by it follows its topic,
 * then it is pushed to all who follow, then who leaves by it stops. Ephemeral events go to those who are attached now.
 * One listener's failure is its own: it is cut off and comes back with its cursor; nobody else notices. A channel that throws
 * loses that event, and it is logged: there is nobody to cut off.
 */
import { AppError } from '../../shared/errors.ts'
import type { Durable, Event, Topic } from '../../shared/events.ts'
import { Blocklist } from './blocklist.ts'
import { cursorAt } from './cursor.ts'
import { Following, named, type Subscriber, wants } from './following.ts'
import { exempt, joining, leaving } from './membership.ts'
import type { Broker } from './ports.ts'
import { Tail, type TailOptions } from './tail.ts'

export interface HubOptions extends Omit<TailOptions, 'pass' | 'onError'> {
  epoch: string
  /** What heals by itself (the log could not be read) or must not spread (a sink threw). */
  onError: (error: unknown, doing: string) => void
  /** How often quiet subscribers are told the position, ms. */
  quietMs?: number | undefined
  /** Without it nobody has blocked anybody. */
  blocklist?: Blocklist | undefined
}

/** A part of the core that acts on what has happened here, once it has been delivered. */
export interface Watcher {
  passed?(event: Durable): void
  /** The user's first connection here came. */
  came?(userId: string): void
  /** The user's last connection here went, and none has come since. */
  gone?(userId: string): void
  /** A connection has no subscription here any more. */
  closed?(connectionId: string): void
}

export class Hub {
  readonly epoch: string
  readonly tail: Tail
  readonly blocklist: Blocklist
  readonly #broker: Broker
  readonly #onError: HubOptions['onError']
  readonly #quietMs: number
  readonly #following = new Following()
  readonly #users = new Map<string, Set<Subscriber>>()
  readonly #everything = new Set<Subscriber>()
  readonly #watchers = new Set<Watcher>()
  readonly #stop: (() => void)[] = []
  #told = 0

  constructor({ epoch, onError, quietMs = 20_000, ...options }: HubOptions) {
    this.epoch = epoch
    this.blocklist = options.blocklist ?? new Blocklist({ around: async () => ({ mine: [], theirs: [] }) })
    this.#onError = onError
    this.#quietMs = quietMs
    this.#broker = options.broker
    this.tail = new Tail({
      ...options,
      pass: (event) => this.#pass(event),
      onError: (error) => onError(error, 'reading the log'),
    })
  }

  async start(): Promise<void> {
    await this.tail.start()
    const quiet = setInterval(() => this.#tellPosition(), this.#quietMs)
    this.#stop.push(
      this.#broker.onCast((event) => this.#deliver(event)),
      () => clearInterval(quiet),
    )
  }
  async stop(): Promise<void> {
    for (const stop of this.#stop.splice(0)) stop()
    await this.tail.stop()
  }

  get cursor(): string {
    return cursorAt(this.epoch, this.tail.position)
  }

  /** Throws while the log cannot be followed. */
  check(): void {
    if (!this.tail.healthy) throw new AppError('UNAVAILABLE', 'The log cannot be read')
  }

  /** Commits are known here first: pass them on, ring the others; resolves when this node has passed them. */
  async publish(events: readonly Durable[]): Promise<void> {
    const last = events.at(-1)
    if (!last) return
    this.tail.offer(events)
    this.#broker.ring(last.position)
    await this.tail.passed(last.position)
  }

  watch(watcher: Watcher): () => void {
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  /** Delivers an ephemeral event on this node alone, to who follows its topic or to one subscriber. */
  deliver(event: Event, only?: Subscriber): void {
    if (only) this.#push(only, event, this.cursor)
    else this.#deliver(event)
  }
  /** Delivers an ephemeral event here and on the other nodes. */
  cast(event: Event): void {
    this.#deliver(event)
    this.#broker.cast(event)
  }

  add(subscriber: Subscriber): void {
    if (subscriber.scope.kind === 'log') this.#everything.add(subscriber)
    const first = subscriber.scope.kind !== 'log' && !this.#users.has(subscriber.userId)
    this.#users.set(subscriber.userId, (this.#users.get(subscriber.userId) ?? new Set()).add(subscriber))
    const topics = [...subscriber.topics]
    subscriber.topics.clear()
    for (const topic of topics) this.#follow(subscriber, topic)
    if (first) this.blocklist.came(subscriber.userId)
    if (first) this.#tell((watcher) => watcher.came?.(subscriber.userId))
  }
  remove(subscriber: Subscriber): void {
    this.#everything.delete(subscriber)
    const own = this.#users.get(subscriber.userId)
    for (const topic of [...subscriber.topics]) this.#unfollow(subscriber, topic)
    if (!own?.delete(subscriber)) return
    const { userId, connectionId } = subscriber
    if (own.size === 0) this.#users.delete(userId)
    // Later: what a watcher casts would carry the cursor of an event that is only just being delivered.
    queueMicrotask(() => {
      if (!this.connections(userId).includes(connectionId)) this.#tell((watcher) => watcher.closed?.(connectionId))
      if (own.size > 0 || this.#users.has(userId)) return
      this.#tell((watcher) => watcher.gone?.(userId))
      this.blocklist.gone(userId)
    })
  }

  /** Whether some connection of the user follows the topic here: what memory knows of membership. */
  follows(userId: string, topic: Topic): boolean {
    for (const subscriber of this.#users.get(userId) ?? []) if (subscriber.topics.has(topic)) return true
    return false
  }
  /** Whether the user has a connection here. */
  present(userId: string): boolean {
    return this.#users.has(userId)
  }
  /** Connections of a user here, oldest first. */
  connections(userId: string): string[] {
    return [...new Set([...(this.#users.get(userId) ?? [])].map((subscriber) => subscriber.connectionId))]
  }
  occupancy(topic: Topic, counts?: (userId: string) => boolean): { connections: number; users: string[] } {
    const all = this.followers(topic).filter(({ userId }) => counts?.(userId) ?? true)
    return {
      connections: new Set(all.map((subscriber) => subscriber.connectionId)).size,
      users: [...new Set(all.map((subscriber) => subscriber.userId))],
    }
  }
  followers(topic: Topic): Subscriber[] {
    return this.#following.of(topic)
  }
  /** Topics that somebody follows here. */
  topics(): Topic[] {
    return this.#following.topics()
  }
  /** Those of a user, or of everybody; without those who follow the whole log. */
  subscribers(userId?: string): Subscriber[] {
    const users = userId === undefined ? this.#users.values() : [this.#users.get(userId) ?? []]
    return [...users].flatMap((own) => [...own]).filter(({ scope }) => scope.kind !== 'log')
  }

  #pass(event: Durable): void {
    for (const userId of joining(event)) {
      for (const subscriber of this.#users.get(userId) ?? []) {
        if (wants(subscriber.scope, event.topic)) this.#follow(subscriber, event.topic)
      }
    }
    this.#deliver(event)
    const left = leaving(event)
    for (const subscriber of left === null ? [] : [...(this.#users.get(left) ?? [])]) {
      if (!subscriber.topics.has(event.topic)) continue
      this.#unfollow(subscriber, event.topic)
      if (subscriber.scope.kind === 'conversation') this.#end(subscriber)
    }
    this.#tell((watcher) => watcher.passed?.(event))
    // Last: what a watcher tells because of a block is an end, and still heard.
    this.blocklist.passed(event)
  }

  #deliver(event: Event): void {
    const cursor = this.cursor
    for (const subscriber of this.#everything) this.#push(subscriber, event, cursor)
    const followers = this.#following.get(event.topic)
    if (!followers) return
    const except = exempt(event, [followers.alone, followers.grouped], this.blocklist)
    for (const subscriber of followers.alone) {
      if (!except?.has(subscriber.userId)) this.#push(subscriber, event, cursor)
    }
    for (const channel of followers.channels.keys()) {
      try {
        channel.push(event, cursor, except)
      } catch (error) {
        this.#onError(error, `delivering ${event.name} to a channel`)
      }
    }
  }
  #push(subscriber: Subscriber, event: Event, cursor: string): void {
    const { scope, sink } = subscriber
    if (!named(scope, event)) return
    try {
      sink.push(event, cursor)
    } catch (error) {
      this.#onError(error, `delivering ${event.name}`)
      this.#end(subscriber)
    }
  }
  #end(subscriber: Subscriber): void {
    this.remove(subscriber)
    this.#guard(() => subscriber.sink.end(), 'ending a subscription')
  }

  #follow(subscriber: Subscriber, topic: Topic): void {
    if (this.#following.follow(subscriber, topic))
      this.#guard(() => subscriber.sink.follow?.(topic), 'following a topic')
  }
  #unfollow(subscriber: Subscriber, topic: Topic): void {
    if (this.#following.unfollow(subscriber, topic))
      this.#guard(() => subscriber.sink.unfollow?.(topic), 'leaving a topic')
  }

  #tellPosition(): void {
    if (this.#told === this.tail.position) return
    this.#told = this.tail.position
    const cursor = this.cursor
    for (const own of this.#users.values()) {
      for (const { sink } of own) this.#guard(() => sink.tick?.(cursor), 'telling the position')
    }
  }
  #tell(tell: (watcher: Watcher) => void): void {
    for (const watcher of this.#watchers) this.#guard(() => tell(watcher), 'telling a watcher')
  }
  #guard(call: () => void, doing: string): void {
    try {
      call()
    } catch (error) {
      this.#onError(error, doing)
    }
  }
}
