/**
 * Who may see what, at every position: a member sees a conversation from the event that reports the joining up to and
 * including the one that reports the leaving. The tail, the ring and the log (by intervals) all follow this one rule.
 */
import type { Event, Topic } from '../../shared/events.ts'
import type { Blocklist } from './blocklist.ts'

/** Users for whom this event is the first of its conversation. */
export function joining(event: Event): readonly string[] {
  if (event.name === 'member.added' || event.name === 'conversation.created') {
    return event.payload.members.map((member) => member.userId)
  }
  return []
}

/** The user for whom this event is the last of its conversation. */
export function leaving(event: Event): string | null {
  return event.name === 'member.removed' ? event.payload.userId : null
}

/**
 * Who does not hear of it, on any device; null if that is nobody, as for nearly all events: of somebody's typing, neither they
 * themselves nor, of those who follow, whoever has a block with them.
 */
export function exempt(
  event: Event,
  followers: readonly Iterable<{ readonly userId: string }>[],
  blocklist: Pick<Blocklist, 'with'>,
): ReadonlySet<string> | null {
  if (event.name !== 'typing.changed') return null
  const typist = event.payload.userId
  const deaf = new Set([typist])
  for (const some of followers) for (const { userId } of some) if (blocklist.with(userId).has(typist)) deaf.add(userId)
  return deaf
}

/** Steps through events in order of position; `topics` are those that the user sees at the place reached. */
export function sees(userId: string, topics: Set<Topic>, event: Event, wanted: (topic: Topic) => boolean): boolean {
  if (wanted(event.topic) && joining(event).includes(userId)) topics.add(event.topic)
  const seen = topics.has(event.topic)
  if (leaving(event) === userId) topics.delete(event.topic)
  return seen
}
