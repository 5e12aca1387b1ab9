/**
 * Who may see what, at every position: a member sees a conversation from the event that reports the joining up to and
 * including the one that reports the leaving. The tail, the ring and the log (by intervals) all follow this one rule.
 */
import type { Event, Topic } from '../../shared/events.ts'

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
 * Who never hears of it, on any device: nobody is told of their own typing. Here for typed clients; a dialect's mappers say it
 * for those behind a channel (`others`).
 */
export function exempt(event: Event): string | null {
  return event.name === 'typing.changed' ? event.payload.userId : null
}

/** Steps through events in order of position; `topics` are those that the user sees at the place reached. */
export function sees(userId: string, topics: Set<Topic>, event: Event, wanted: (topic: Topic) => boolean): boolean {
  if (wanted(event.topic) && joining(event).includes(userId)) topics.add(event.topic)
  const seen = topics.has(event.topic)
  if (leaving(event) === userId) topics.delete(event.topic)
  return seen
}
