/** One conversation, as an app works with it: optimistic sends, its events, and the few calls that every chat needs. */
import type { TRPCClient } from '@trpc/client'
import type { Input, Output } from '../shared/commands.ts'
import type { EventName } from '../shared/events.ts'
import type { AppRouter } from '../shared/router/index.ts'
import type { Heard } from './emitter.ts'
import type { Outbox, SendOptions } from './outbox.ts'
import type { Draft, PendingMessage } from './pending.ts'

export type Listen = <N extends EventName>(name: N, listener: (event: Heard[N]) => void) => () => void

/**
 * Keystrokes within so many milliseconds are one `typing`. The server takes 3 s of silence for the end, so a pause of half of
 * that never looks like one.
 */
const TYPING = 1_500

export class ConversationHandle {
  readonly id: string
  readonly #api: TRPCClient<AppRouter>
  readonly #outbox: Outbox
  readonly #listen: Listen
  readonly #isOnline: () => boolean
  #typedAt = Number.NEGATIVE_INFINITY

  constructor(
    id: string,
    parts: { api: TRPCClient<AppRouter>; outbox: Outbox; listen: Listen; isOnline: () => boolean },
  ) {
    this.id = id
    this.#api = parts.api
    this.#outbox = parts.outbox
    this.#listen = parts.listen
    this.#isOnline = parts.isOnline
  }

  /** Sends optimistically: what it gives can be shown at once, and awaited for the message as stored. */
  send(message: string | Draft, options?: SendOptions): PendingMessage {
    this.#typedAt = Number.NEGATIVE_INFINITY
    return this.#outbox.add(this.id, typeof message === 'string' ? { content: message } : message, options)
  }

  /** What was sent and is not yet stored, in order. */
  get pending(): readonly PendingMessage[] {
    return this.#outbox.waiting(this.id)
  }

  /** A page of messages in order of `seq`: the newest, or those `before`, `after` or `around` a seq. */
  history(page: Omit<Input<'message.history'>, 'conversationId'> = {}): Promise<Output<'message.history'>> {
    return this.#api.message.history.query({ ...page, conversationId: this.id })
  }

  /** Marks as read up to `seq`, or everything. */
  markRead(seq?: number): Promise<Output<'message.markRead'>> {
    return this.#api.message.markRead.mutate({ conversationId: this.id, ...(seq !== undefined && { seq }) })
  }

  /** Call it at every keystroke, and with `false` when the field is emptied. Nobody hears of it if it fails. */
  typing(typing = true): void {
    const now = Date.now()
    if (!this.#isOnline() || (typing && now - this.#typedAt < TYPING)) return
    this.#typedAt = typing ? now : Number.NEGATIVE_INFINITY
    this.#api.typing.set.mutate({ conversationId: this.id, typing }).catch(() => {})
  }

  /** The events of this conversation. Returns how to stop listening. */
  on<N extends EventName>(name: N, listener: (event: Heard[N]) => void): () => void {
    const topic = `conversation:${this.id}`
    return this.#listen(name, (event) => {
      if (event.topic === topic) listener(event)
    })
  }
}
