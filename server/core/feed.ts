/**
 * One subscription from its cursor to live. Pages come from the log until the cursor is inside the ring, then from the ring
 * until it is nearly at the end; `attach` pushes the few that are left and joins the hub in one tick, so there is no moment
 * in which an event could be missed or doubled, and nothing is buffered for a subscriber.
 */
import type { Event, Page, Topic } from '../../shared/events.ts'
import type { Actor, Feed, Scope, Sink } from '../../shared/ports.ts'
import { cursorAt } from './cursor.ts'
import { named, type Subscriber, wants } from './following.ts'
import type { Hub } from './hub.ts'
import { sees } from './membership.ts'
import type { Log, Reader } from './ports.ts'

/** Small enough that a link that breaks again and again still gets one page through. */
const PAGE = 250
/** So few left that they go one by one rather than as a page. */
const NEARLY = 8

export class LogFeed implements Feed {
  readonly #hub: Hub
  readonly #log: Log
  readonly #actor: Actor
  readonly #scope: Scope
  #position: number
  /** What the actor may see at `#position`; undefined until the cursor is inside the ring. */
  #topics: Set<Topic> | undefined
  #subscriber: Subscriber | undefined

  constructor(hub: Hub, log: Log, actor: Actor, scope: Scope, position: number) {
    this.#hub = hub
    this.#log = log
    this.#actor = actor
    this.#scope = scope
    this.#position = position
  }

  get cursor(): string {
    return cursorAt(this.#hub.epoch, this.#position)
  }

  async *replay(): AsyncGenerator<Page> {
    const { tail, blocklist } = this.#hub
    while (true) {
      // The cursor may come from a node that is ahead of this one.
      await tail.passed(this.#position)
      if (!tail.holds(this.#position)) {
        this.#topics = undefined
        const page = await this.#log.page(this.#reader(), this.#position, PAGE)
        this.#position = page.upTo
        yield* this.#page(page.events)
      } else if (this.#topics === undefined) {
        // Asked for this very position, so it stays true however long the answer takes.
        this.#topics = await this.#topicsAt(this.#position)
      } else if (!blocklist.knows(this.#actor.userId)) {
        await blocklist.load(this.#actor.userId)
      } else if (tail.position - this.#position > NEARLY) {
        const events = tail.since(this.#position, PAGE).filter((event) => this.#step(event))
        yield* this.#page(events)
      } else return
    }
  }

  attach(sink: Sink): boolean {
    const { tail, blocklist } = this.#hub
    const topics = this.#topics
    if (topics === undefined || !tail.holds(this.#position)) return false
    // Forgotten again meanwhile, with another connection of the user.
    if (!blocklist.knows(this.#actor.userId)) return false
    const newcomer = this.#previousConnection()
    this.#subscriber = {
      userId: this.#actor.userId,
      name: this.#actor.name,
      connectionId: this.#actor.connectionId,
      since: new Date(),
      scope: this.#scope,
      sink,
      topics,
    }
    for (const event of tail.since(this.#position, tail.position - this.#position)) {
      if (this.#step(event) && named(this.#scope, event)) sink.push(event, this.cursor)
    }
    if (this.#scope.kind === 'conversation' && topics.size === 0) {
      sink.end()
      return true
    }
    this.#hub.add(this.#subscriber)
    if (newcomer) this.#announce(newcomer)
    return true
  }

  detach(): void {
    if (this.#subscriber) this.#hub.remove(this.#subscriber)
    this.#subscriber = undefined
  }

  *#page(events: readonly Event[]): Generator<Page> {
    const wanted = events.filter((event) => wants(this.#scope, event.topic) && named(this.#scope, event))
    const all = this.#scope.kind === 'log' ? events : wanted
    if (all.length > 0) yield { cursor: this.cursor, events: all }
  }

  /** Moves past one event of the ring; true if the actor sees it. */
  #step(event: Event & { position: number }): boolean {
    this.#position = event.position
    if (this.#scope.kind === 'log') return true
    const topics = this.#topics ?? new Set()
    return sees(this.#actor.userId, topics, event, (topic) => wants(this.#scope, topic))
  }

  #reader(): Reader {
    const { userId } = this.#actor
    const { kind } = this.#scope
    if (kind === 'log') return null
    if (kind === 'conversation') return { userId, only: { conversationId: this.#scope.conversationId } }
    return kind === 'user' ? { userId, only: 'own' } : { userId }
  }

  async #topicsAt(position: number): Promise<Set<Topic>> {
    if (this.#scope.kind === 'log') return new Set()
    const own: Topic = `user:${this.#actor.userId}`
    if (this.#scope.kind === 'user') return new Set([own])
    const memberships = await this.#log.memberships(this.#actor.userId, position)
    const topics = memberships.map((id): Topic => `conversation:${id}`)
    return new Set([own, ...topics].filter((topic) => wants(this.#scope, topic)))
  }

  /** The user's latest other connection, when this connection is new here. */
  #previousConnection(): string | undefined {
    if (this.#scope.kind !== 'all' && this.#scope.kind !== 'user') return undefined
    const connections = this.#hub.connections(this.#actor.userId)
    return connections.includes(this.#actor.connectionId) ? undefined : connections.at(-1)
  }
  #announce(previousConnectionId: string): void {
    const { userId, connectionId } = this.#actor
    this.#hub.cast({
      name: 'connection.opened',
      topic: `user:${userId}`,
      at: new Date(),
      actorId: userId,
      origin: connectionId,
      payload: { userId, connectionId, previousConnectionId },
    })
  }
}
