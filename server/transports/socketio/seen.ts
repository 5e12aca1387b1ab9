/**
 * Optimistic messages that this node has shown in one wording and that are not yet stored or failed. Who comes to a
 * conversation meanwhile is shown them first, so nobody hears of a confirmation without the message; when nobody is left to
 * hear it, they are forgotten. Bounded: what is pushed out is shown a second time when it is stored.
 */
import type { Event, Payload } from '../../../shared/events.ts'

type Accepted = Event<'message.accepted'>
const MOST = 10_000

export class Seen {
  /** By conversation, then by sender and clientId; oldest first. */
  readonly #pending = new Map<string, Map<string, Accepted>>()
  #count = 0

  /** The optimistic form of the message that the event is about; an event that settles it makes it forgotten. */
  meet(event: Event): Payload<'message.accepted'> | null {
    if (event.name === 'message.accepted') {
      const { conversationId, sender, clientId } = event.payload
      this.#keep(conversationId, key(sender.id, clientId), event)
      return event.payload
    }
    if (event.name !== 'message.created' && event.name !== 'message.failed') return null
    const about = event.name === 'message.created' ? event.payload.message : event.payload
    const found = this.#pending.get(about.conversationId)?.get(key(about.senderId, about.clientId))
    if (found) this.#drop(about.conversationId, key(about.senderId, about.clientId))
    return found?.payload ?? null
  }

  /** What is on its way in a conversation, oldest first. */
  pending(conversationId: string): Accepted[] {
    return [...(this.#pending.get(conversationId)?.values() ?? [])]
  }
  forget(conversationId: string): void {
    this.#count -= this.#pending.get(conversationId)?.size ?? 0
    this.#pending.delete(conversationId)
  }

  #keep(conversationId: string, id: string, event: Accepted): void {
    const own = this.#pending.get(conversationId) ?? new Map<string, Accepted>()
    if (!own.has(id)) this.#count += 1
    this.#pending.set(conversationId, own.set(id, event))
    const [oldest] = this.#pending.keys()
    if (this.#count > MOST && oldest !== undefined) this.forget(oldest)
  }
  #drop(conversationId: string, id: string): void {
    const own = this.#pending.get(conversationId)
    if (own?.delete(id)) this.#count -= 1
    if (own?.size === 0) this.#pending.delete(conversationId)
  }
}

const key = (senderId: string, clientId: string) => `${senderId}\n${clientId}`
