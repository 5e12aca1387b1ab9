/**
 * Who follows which topic on this node, and what they may take of it. Sinks that share a channel are one follower more or less of
 * that channel.
 */
import type { Event, Topic } from '../../shared/events.ts'
import type { Channel, Scope, Sink } from '../../shared/ports.ts'

export interface Subscriber {
  readonly userId: string
  readonly name: string
  readonly connectionId: string
  readonly since: Date
  readonly scope: Scope
  readonly sink: Sink
  readonly topics: Set<Topic>
}

/** Those who follow one topic: each on their own, or through a channel that carries an event once for all of them. */
export interface Followers {
  readonly alone: Set<Subscriber>
  readonly grouped: Set<Subscriber>
  readonly channels: Map<Channel, number>
}

export class Following {
  readonly #topics = new Map<Topic, Followers>()

  /** False if they did before. */
  follow(subscriber: Subscriber, topic: Topic): boolean {
    if (subscriber.topics.has(topic)) return false
    subscriber.topics.add(topic)
    const { channel } = subscriber.sink
    const followers = this.#topics.get(topic) ?? { alone: new Set(), grouped: new Set(), channels: new Map() }
    this.#topics.set(topic, followers)
    if (channel) {
      followers.grouped.add(subscriber)
      followers.channels.set(channel, (followers.channels.get(channel) ?? 0) + 1)
    } else followers.alone.add(subscriber)
    return true
  }
  /** False if they did not. */
  unfollow(subscriber: Subscriber, topic: Topic): boolean {
    const followers = this.#topics.get(topic)
    if (!followers || !subscriber.topics.delete(topic)) return false
    const { channel } = subscriber.sink
    followers.alone.delete(subscriber)
    if (channel && followers.grouped.delete(subscriber)) {
      const left = (followers.channels.get(channel) ?? 1) - 1
      if (left > 0) followers.channels.set(channel, left)
      else followers.channels.delete(channel)
    }
    if (followers.alone.size + followers.grouped.size === 0) this.#topics.delete(topic)
    return true
  }

  get(topic: Topic): Followers | undefined {
    return this.#topics.get(topic)
  }
  of(topic: Topic): Subscriber[] {
    const followers = this.#topics.get(topic)
    return followers ? [...followers.alone, ...followers.grouped] : []
  }
  topics(): Topic[] {
    return [...this.#topics.keys()]
  }
}

/** Whether a subscription of this scope takes part in a topic that its user may see. */
export function wants(scope: Scope, topic: Topic): boolean {
  if (scope.kind === 'conversation') return topic === `conversation:${scope.conversationId}`
  return scope.kind === 'all' || (scope.kind === 'user' && topic.startsWith('user:'))
}

/** Whether it takes events of this name. */
export function named(scope: Scope, event: Event): boolean {
  return !('names' in scope) || (scope.names?.includes(event.name) ?? true)
}
