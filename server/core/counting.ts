/**
 * Receipts of large conversations, counted for the authors: at most one `receipt.counted` a second for each author and
 * conversation on this node, about the author's newest message that receipts have covered meanwhile. What is pending is only
 * in memory: after a crash the next receipt says it. The count locks the conversation, as receipts do, so it comes after
 * the receipts that asked for it, also those that are still being committed.
 */
import { ERRORS, toAppError } from '../../shared/errors.ts'
import { userTopic } from './handler.ts'
import type { Hub } from './hub.ts'
import type { Store } from './ports.ts'

export interface CountingOptions {
  store: Pick<Store, 'write'>
  hub: Pick<Hub, 'publish'>
  /** The least time between two counts, ms. */
  everyMs?: number | undefined
  /** A count failed; it is tried again if that can help. */
  onError: (error: unknown) => void
}

const EVERY_MS = 1_000

export class Counting {
  readonly #options: CountingOptions
  /** By conversation and author: the newest message to count. */
  #pending = new Map<string, Map<string, number>>()
  #timer: NodeJS.Timeout | undefined
  #stopped = false
  #working: Promise<void> = Promise.resolve()

  constructor(options: CountingOptions) {
    this.#options = options
  }

  /** Authors to be told. */
  get pending(): number {
    return [...this.#pending.values()].reduce((sum, authors) => sum + authors.size, 0)
  }

  /** Receipts have covered these messages of a locked conversation. */
  note(conversationId: string, messages: readonly { userId: string; seq: number }[]): void {
    if (messages.length === 0) return
    const authors = this.#pending.get(conversationId) ?? new Map<string, number>()
    for (const { userId, seq } of messages) authors.set(userId, Math.max(seq, authors.get(userId) ?? 0))
    this.#pending.set(conversationId, authors)
    this.#schedule()
  }

  /** Counts what is pending, up to the first count that fails. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#working
    await this.#flush()
  }

  #schedule(): void {
    if (this.#stopped || this.#pending.size === 0) return
    this.#timer ??= setTimeout(() => {
      this.#working = this.#flush()
    }, this.#options.everyMs ?? EVERY_MS)
  }
  async #flush(): Promise<void> {
    const pending = this.#pending
    this.#pending = new Map()
    for (const [conversationId, authors] of pending) {
      const messages = [...authors].map(([userId, seq]) => ({ userId, seq }))
      try {
        await this.#count(conversationId, messages)
      } catch (error) {
        this.#options.onError(error)
        if (this.#stopped) return
        if (ERRORS[toAppError(error).code].retry) this.note(conversationId, messages)
      }
    }
    this.#timer = undefined
    this.#schedule()
  }
  async #count(conversationId: string, messages: readonly { userId: string; seq: number }[]): Promise<void> {
    const { store, hub } = this.#options
    const { events } = await store.write(async (tx) => {
      await tx.lock([conversationId])
      for (const { userId, ...counted } of await tx.receipts.counts(conversationId, messages)) {
        const payload = { conversationId, ...counted }
        tx.append({ name: 'receipt.counted', topic: userTopic(userId), actorId: null, origin: null, payload })
      }
    })
    await hub.publish(events)
  }
}
