/**
 * Optimistic messages that this node has shown in one wording and that are not yet stored or failed. Who comes to a
 * conversation meanwhile is shown them first, so nobody hears of a confirmation without the message. Bounded: what is pushed
 * out is shown a second time when it is stored.
 */
import type { Event, Payload } from '../../../shared/events.ts'

type Accepted = Event<'message.accepted'>
const MOST = 10_000

export class Seen {
  readonly #pending = new Map<string, Accepted>()

  /** The optimistic form of the message that the event settles, which is thereby forgotten. */
  meet(event: Event): Payload<'message.accepted'> | null {
    if (event.name === 'message.accepted') {
      if (this.#pending.size >= MOST) for (const oldest of this.#pending.keys()) if (this.#pending.delete(oldest)) break
      this.#pending.set(key(event.payload.conversationId, event.payload.sender.id, event.payload.clientId), event)
      return event.payload
    }
    const settled = settles(event)
    const shown = settled === null ? undefined : this.#pending.get(settled)
    if (settled !== null) this.#pending.delete(settled)
    return shown?.payload ?? null
  }

  /** What is on its way in a conversation, oldest first. */
  pending(conversationId: string): Accepted[] {
    return [...this.#pending.values()].filter(({ payload }) => payload.conversationId === conversationId)
  }
}

const key = (...parts: string[]) => parts.join('\n')

function settles(event: Event): string | null {
  if (event.name !== 'message.created' && event.name !== 'message.failed') return null
  const { conversationId, senderId, clientId } =
    event.name === 'message.created' ? event.payload.message : event.payload
  return key(conversationId, senderId, clientId)
}
