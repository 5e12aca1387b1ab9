/**
 * Who is in a conversation, by id and name, from memory: for sends, which have no time to ask. Up to 100 members; above that it is
 * `many`, and only those are asked for whom a text may name. What the tail passes (membership, names) drops what it touches,
 * also a load that began before it. Another node's newest change may not be here yet: the transaction looks again at membership.
 * What sends ask is answered in the order they came, for each conversation: none overtakes another here.
 */
import type { Durable } from '../../shared/events.ts'
import type { Watcher } from './hub.ts'
import { candidates, fold, type Mentions, mentionsIn, type Named, NOBODY } from './mention.ts'
import type { MemberReads } from './ports.ts'

/** Most members to whom each message is told, and whom `@everyone` reaches. */
export const MOST_MEMBERS = 100
export type Audience = readonly Named[] | 'many'

export async function audienceOf(members: Pick<MemberReads, 'names'>, conversationId: string): Promise<Audience> {
  const found = await members.names(conversationId, MOST_MEMBERS + 1)
  return found.length > MOST_MEMBERS ? 'many' : found
}

/** Whom a text of the sender names there. */
export async function mentionedIn(
  members: Pick<MemberReads, 'called'>,
  text: { conversationId: string; senderId: string; content: string },
  audience: Audience,
): Promise<Mentions> {
  const { conversationId, senderId, content } = text
  if (!content.includes('@')) return NOBODY
  if (audience !== 'many') return mentionsIn(content, audience, senderId)
  const asWritten = candidates(content)
  const folded = asWritten.map(fold)
  const people = asWritten.length === 0 ? [] : await members.called(conversationId, [...asWritten, ...folded])
  return mentionsIn(content, people, senderId)
}

interface Known {
  readonly loading: Promise<Audience>
  /** Undefined until it is loaded. */
  userIds?: ReadonlySet<string>
}

const MOST_KNOWN = 2_000

export class Audiences implements Watcher {
  readonly #members: Pick<MemberReads, 'names'>
  /** The latest asked for is last. */
  readonly #known = new Map<string, Known>()
  readonly #turns = new Map<string, Promise<void>>()

  constructor(members: Pick<MemberReads, 'names'>) {
    this.#members = members
  }

  of(conversationId: string): Promise<Audience> {
    const known = this.#known.get(conversationId) ?? this.#load(conversationId)
    this.#known.delete(conversationId)
    this.#known.set(conversationId, known)
    if (this.#known.size > MOST_KNOWN) for (const oldest of this.#known.keys()) if (this.#known.delete(oldest)) break
    return known.loading
  }

  /** Gives what was prepared once all that came before for this conversation have gone on, and before the next one does. */
  inTurn<T>(conversationId: string, prepared: Promise<T>): Promise<T> {
    // It may fail while it waits for its turn.
    prepared.catch(() => undefined)
    const turn = (this.#turns.get(conversationId) ?? Promise.resolve()).then(() => prepared)
    const over: Promise<void> = turn.then(
      () => this.#over(conversationId, over),
      () => this.#over(conversationId, over),
    )
    this.#turns.set(conversationId, over)
    return turn
  }
  #over(conversationId: string, turn: Promise<void>): void {
    if (this.#turns.get(conversationId) === turn) this.#turns.delete(conversationId)
  }

  passed(event: Durable): void {
    if (event.name === 'conversation.created' || event.name === 'member.added' || event.name === 'member.removed')
      this.#known.delete(event.topic.slice('conversation:'.length))
    if (event.name !== 'user.updated') return
    for (const [conversationId, { userIds }] of this.#known)
      if (userIds?.has(event.payload.profile.id) ?? true) this.#known.delete(conversationId)
  }

  #load(conversationId: string): Known {
    const known: Known = { loading: audienceOf(this.#members, conversationId) }
    known.loading.then(
      (audience) => {
        known.userIds = new Set(audience === 'many' ? [] : audience.map(({ userId }) => userId))
      },
      () => {
        if (this.#known.get(conversationId) === known) this.#known.delete(conversationId)
      },
    )
    return known
  }
}
