/**
 * Messages that this client wants stored. In one conversation they go one by one in the order of `add`, and the next only once
 * the one before is stored or has failed; conversations do not wait for each other. Whatever may be tried again is, after a
 * jittered while and under the same `clientId`, so that a message is stored once however often it had to be sent. It ends as
 * sent by the first of its answer and its event, or as failed by a refusal that is final, its deadline, or `close`.
 */
import type { Message } from '../shared/model.ts'
import { type Backoff, Pause } from './backoff.ts'
import { ParleyError, toParleyError } from './errors.ts'
import { type Draft, PendingMessage } from './pending.ts'

export interface OutboxOptions {
  /** One attempt, given up after `timeoutMs`. */
  send(pending: PendingMessage, timeoutMs: number): Promise<Message>
  readonly backoff: Backoff
  readonly timeoutMs: number
  readonly now: () => number
  readonly newId: () => string
}

export interface SendOptions {
  /** Milliseconds after which it fails with TIMEOUT, stored or not. Without it, it is tried until it is known. */
  readonly deadlineMs?: number
  /** To go on with a message of an earlier session; otherwise a new one is made. */
  readonly clientId?: string
}

export class Outbox {
  readonly #options: OutboxOptions
  readonly #queues = new Map<string, PendingMessage[]>()
  readonly #pause = new Pause()
  readonly #settled = new Map<PendingMessage, () => void>()
  #closed: ParleyError | null = null
  /** Who this is, by the first answer. Until then no event confirms: a client id is unique to its sender only. */
  #self: string | undefined

  constructor(options: OutboxOptions) {
    this.#options = options
  }

  add(conversationId: string, draft: Draft, options: SendOptions = {}): PendingMessage {
    const { now, newId } = this.#options
    const pending = new PendingMessage(conversationId, draft, {
      clientId: options.clientId ?? newId(),
      due: () => now() + (options.deadlineMs ?? Number.POSITIVE_INFINITY),
      at: new Date(now()),
      retry: (pending) => this.#enqueue(pending),
    })
    this.#enqueue(pending)
    return pending
  }

  /** Not yet stored, in order. */
  waiting(conversationId: string): readonly PendingMessage[] {
    return (this.#queues.get(conversationId) ?? []).filter(({ status }) => status === 'pending')
  }

  /** A message of this conversation was stored, by the stream of events. */
  stored(message: Message): void {
    const head = this.#queues.get(message.conversationId)?.[0]
    if (head?.clientId !== message.clientId || message.senderId !== this.#self) return
    head.succeed(message)
    this.#settled.get(head)?.()
  }

  /** The connection is back: no need to wait. */
  wake(): void {
    this.#pause.wake()
  }

  close(error: ParleyError): void {
    this.#closed = error
    for (const queue of this.#queues.values()) for (const pending of queue) pending.fail(error)
    for (const settle of this.#settled.values()) settle()
    this.#pause.wake()
  }

  #enqueue(pending: PendingMessage): void {
    const queue = this.#queues.get(pending.conversationId)
    if (this.#closed) pending.fail(this.#closed)
    else if (queue) queue.push(pending)
    else {
      const started = [pending]
      this.#queues.set(pending.conversationId, started)
      void this.#drain(pending.conversationId, started)
    }
  }

  async #drain(conversationId: string, queue: PendingMessage[]): Promise<void> {
    for (let head = queue[0]; head; head = queue[0]) {
      await Promise.race([this.#deliver(head), this.#settlement(head)])
      this.#settled.delete(head)
      queue.shift()
    }
    this.#queues.delete(conversationId)
  }

  /** Resolves when somebody else settles it: its event, or `close`. */
  #settlement(pending: PendingMessage): Promise<void> {
    return new Promise((resolve) => this.#settled.set(pending, resolve))
  }

  async #deliver(pending: PendingMessage): Promise<void> {
    const { send, backoff, timeoutMs, now } = this.#options
    for (let attempt = 0; pending.status === 'pending'; attempt++) {
      const left = pending.deadline - now()
      if (left <= 0) return pending.fail(new ParleyError('TIMEOUT', 'The message was not confirmed in time'))
      try {
        const message = await send(pending, Math.min(timeoutMs, left))
        this.#self = message.senderId
        return pending.succeed(message)
      } catch (error) {
        const failure = toParleyError(error)
        if (!failure.retry) return pending.fail(failure)
      }
      if (pending.status !== 'pending') return
      await this.#pause.wait(Math.min(backoff(attempt), Math.max(0, pending.deadline - now())))
    }
  }
}
