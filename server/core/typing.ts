/**
 * Typing and call signals: only worth knowing now, nothing is stored. Typing is told when it begins and when it ends: by a
 * stop, by `forMs` without another start, by that user's message, or when their last connection here goes. A repeated start
 * only extends it; a repeated stop is not told. Never to who types, nor between two with a block, who are not refused either: a
 * client says so by itself (see `exempt`). Each node keeps what was said to it.
 */
import { AppError } from '../../shared/errors.ts'
import type { Event } from '../../shared/events.ts'
import { suffixes } from './conversation.ts'
import { conversationTopic, ephemeral, type HandlersOf, userTopic } from './handler.ts'
import type { Hub } from './hub.ts'
import { anyone, memberIfNamed, refuseBlocked } from './policy.ts'

/** How long a start lasts. Clients that go on typing say so earlier. */
export const TYPING_MS = 3_000
/** Who may be typing on this node at once; further starts are told to nobody. */
const LIMIT = 10_000

interface Typist {
  readonly userId: string
  readonly name: string
  readonly conversationId: string
}

export interface TypingOptions {
  hub: Pick<Hub, 'watch' | 'cast'>
  now: () => number
  forMs?: number
  limit?: number
}

export class Typing {
  readonly #options: TypingOptions
  readonly #byUser = new Map<string, Map<string, { typist: Typist; timer: NodeJS.Timeout }>>()
  readonly #unwatch: () => void
  #size = 0

  constructor(options: TypingOptions) {
    this.#options = options
    this.#unwatch = options.hub.watch({
      passed: (event) => {
        if (event.name === 'message.created') {
          const { senderId, conversationId } = event.payload.message
          this.#end(senderId, conversationId)
        } else if (event.name === 'user.blocked') {
          // Neither will hear the other's end.
          this.#endAll(event.payload.userId)
          this.#endAll(event.payload.blockedId)
        }
      },
      gone: (userId) => this.#endAll(userId),
    })
  }

  /** True if it is new and to be told. */
  start(typist: Typist): boolean {
    const { userId, conversationId } = typist
    const { forMs = TYPING_MS, limit = LIMIT } = this.#options
    const own = this.#byUser.get(userId) ?? new Map<string, { typist: Typist; timer: NodeJS.Timeout }>()
    const known = own.get(conversationId)
    known?.timer.refresh()
    if (known || this.#size >= limit) return false
    const timer = setTimeout(() => this.#end(userId, conversationId), forMs)
    this.#byUser.set(userId, own.set(conversationId, { typist, timer }))
    this.#size++
    return true
  }

  /** True if they were typing, and it is to be told. */
  stop(userId: string, conversationId: string): boolean {
    const own = this.#byUser.get(userId)
    const known = own?.get(conversationId)
    if (!own || !known) return false
    clearTimeout(known.timer)
    own.delete(conversationId)
    if (own.size === 0) this.#byUser.delete(userId)
    this.#size--
    return true
  }

  close(): void {
    this.#unwatch()
    for (const own of this.#byUser.values()) for (const { timer } of own.values()) clearTimeout(timer)
    this.#byUser.clear()
    this.#size = 0
  }

  #endAll(userId: string): void {
    for (const conversationId of [...(this.#byUser.get(userId)?.keys() ?? [])]) this.#end(userId, conversationId)
  }
  /** Ends it without being told to. */
  #end(userId: string, conversationId: string): void {
    const name = this.#byUser.get(userId)?.get(conversationId)?.typist.name
    if (name === undefined || !this.stop(userId, conversationId)) return
    const event: Event<'typing.changed'> = {
      ...{ name: 'typing.changed', topic: conversationTopic(conversationId), at: new Date(this.#options.now()) },
      ...{ actorId: userId, origin: null, payload: { conversationId, userId, name, typing: false } },
    }
    this.#options.hub.cast(event)
  }
}

export const typing: HandlersOf<'typing.set' | 'call.signal'> = {
  'typing.set': {
    policy: memberIfNamed,
    cast: async (call) => {
      const { to = '', typing } = call.input
      const { userId, name } = call.actor
      // Who is in a direct conversation never leaves it.
      const direct = async () => (await call.reads.conversations.direct(userId, to))?.id
      const conversationId = call.input.conversationId ?? (await direct())
      if (conversationId === undefined) return { result: {}, event: null }
      const typist = { conversationId, userId, name }
      const news = typing ? call.node.typing.start(typist) : call.node.typing.stop(userId, conversationId)
      const payload = { ...typist, typing }
      const event = news ? ephemeral(call, 'typing.changed', conversationTopic(conversationId), payload) : null
      return { result: {}, event }
    },
  },
  'call.signal': {
    policy: anyone,
    cast: async (call) => {
      const { signal, to, data } = call.input
      const user = await call.reads.users.first([to, ...suffixes(to)])
      if (!user) throw new AppError('NOT_FOUND', 'User not found')
      refuseBlocked({ blocked: (await call.reads.blocks.among(call.actor.userId, [user.id])).length > 0 })
      const payload = { signal, from: call.actor.userId, to: user.id, data }
      return { result: { to: user.id }, event: ephemeral(call, 'call.signaled', userTopic(user.id), payload) }
    },
  },
}
