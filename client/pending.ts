/**
 * A message on its way, to be shown at once: `pending`, then once either `sent` or `failed`. A failed one may be retried under
 * the same `clientId`, so that it is stored once even if it had arrived after all.
 */
import type { Input } from '../shared/commands.ts'
import type { Message } from '../shared/model.ts'
import { notifyAll } from './connection.ts'
import type { ParleyError } from './errors.ts'
import { outcome } from './outcome.ts'

export type Draft = Omit<Input<'message.send'>, 'to' | 'clientId' | 'conversationId'>

/** A message that has no place in the conversation yet. */
export interface LocalMessage
  extends Pick<Message, 'conversationId' | 'clientId' | 'type' | 'content' | 'metadata' | 'replyTo' | 'createdAt'> {
  readonly id: null
  readonly seq: null
}

export type PendingStatus = 'pending' | 'sent' | 'failed'

export class PendingMessage implements PromiseLike<Message> {
  readonly clientId: string
  readonly conversationId: string
  readonly draft: Draft
  readonly #due: () => number
  #deadline: number
  readonly #listeners = new Set<(pending: PendingMessage) => void>()
  readonly #retry: (pending: PendingMessage) => void
  #message: Message | LocalMessage
  #status: PendingStatus = 'pending'
  #error: ParleyError | null = null
  #outcome = outcome<Message>()

  constructor(
    conversationId: string,
    draft: Draft,
    options: { clientId: string; due: () => number; at: Date; retry: (pending: PendingMessage) => void },
  ) {
    const { type = 'text', content, metadata = null, replyTo = null } = draft
    const { clientId, at } = options
    this.conversationId = conversationId
    this.clientId = clientId
    this.draft = draft
    this.#due = options.due
    this.#deadline = options.due()
    this.#retry = options.retry
    this.#message = { id: null, seq: null, conversationId, clientId, type, content, metadata, replyTo, createdAt: at }
  }

  get status(): PendingStatus {
    return this.#status
  }

  /** Milliseconds since 1970 at which it is given up; a retry begins anew. */
  get deadline(): number {
    return this.#deadline
  }

  /** What to show: the draft with `id` and `seq` null, then the message as stored. */
  get message(): Message | LocalMessage {
    return this.#message
  }

  /** Why it failed. */
  get error(): ParleyError | null {
    return this.#error
  }

  /** The message as stored. Rejects when it fails; nobody has to listen. */
  get done(): Promise<Message> {
    return this.#outcome.promise
  }

  /** `await chat.send('hi')` gives the message as stored. */
  // biome-ignore lint/suspicious/noThenProperty: it is meant to be awaited, like a query builder
  get then(): Promise<Message>['then'] {
    return this.done.then.bind(this.done)
  }

  onChange(listener: (pending: PendingMessage) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Sends a failed message again, behind what waits in its conversation; not once the client was closed. */
  retry(): this {
    if (this.#status !== 'failed' || this.#error?.code === 'CLOSED') return this
    this.#deadline = this.#due()
    this.#outcome = outcome()
    this.#change('pending', null)
    this.#retry(this)
    return this
  }

  /** For the outbox: it is stored. Only the first word counts. */
  succeed(message: Message): void {
    if (this.#status !== 'pending') return
    this.#message = message
    this.#outcome.resolve(message)
    this.#change('sent', null)
  }

  /** For the outbox: it is given up. */
  fail(error: ParleyError): void {
    if (this.#status !== 'pending') return
    // First, as a listener may retry and so begin another outcome.
    this.#outcome.reject(error)
    this.#change('failed', error)
  }

  #change(status: PendingStatus, error: ParleyError | null): void {
    this.#status = status
    this.#error = error
    notifyAll(this.#listeners, this)
  }
}
