/**
 * A bot is a user whose handler gets the messages of its conversations (follower.ts brings them) and answers by commands. A handler
 * that fails or takes too long is called once more, then the message is passed over; while it is this server that cannot
 * serve it, it waits. A message may be handled twice, after a crash or by two nodes: `reply` makes that one answer.
 */
import type { CommandName, Input, Output } from '../../shared/commands.ts'
import { ERRORS, toAppError } from '../../shared/errors.ts'
import type { Message } from '../../shared/model.ts'
import type { Actor, Core } from '../../shared/ports.ts'

/** What a handler can do about its message. Once `signal` is aborted (it took too long, or the server stops): nothing more. */
export interface BotActions {
  /** A message of the bot's in the same conversation, in reply to this one. The nth for a message is stored once, for ever. */
  reply(content: string, options?: { type?: Message['type']; metadata?: Message['metadata'] }): Promise<Message>
  /** Any command, as the bot. Given again when the message is handled again. */
  execute<C extends CommandName>(name: C, input: Input<C>): Promise<Output<C>>
  readonly signal: AbortSignal
}

export interface Bot {
  readonly userId: string
  readonly name: string
  /** Called for one message of a conversation at a time. It has 30 seconds. */
  onMessage(message: Message, act: BotActions): Promise<void>
}

export interface HandlingOptions {
  readonly bot: Bot
  readonly actor: Actor
  readonly core: Pick<Core, 'execute'>
  readonly onError: (error: unknown, doing: string) => void
  /** How long a handler may take, ms. */
  readonly attemptMs?: number | undefined
}

const ATTEMPT_MS = 30_000
const ATTEMPTS = 2
/** How long a message waits for a server that cannot serve its handler, and the longest pause meanwhile, ms. */
const PATIENCE_MS = 300_000
const PAUSE_MS = 5_000

/** Calls the handler of one bot. */
export class Handling {
  readonly #options: HandlingOptions
  readonly #attempts = new Set<AbortController>()
  readonly #pauses = new Set<() => void>()
  #stopping = false

  constructor(options: HandlingOptions) {
    this.#options = options
  }

  /** Begins no more attempts. */
  stop(): void {
    this.#stopping = true
    for (const end of this.#pauses) end()
  }
  /** Gives up the attempts that run. */
  abort(): void {
    for (const attempt of this.#attempts) attempt.abort(new Error('the server stops'))
  }

  /** True once the message is done with, one way or the other; false if the server stops before. `message` may change meanwhile. */
  async handle(waiting: { readonly message: Message }): Promise<boolean> {
    const { bot, onError } = this.#options
    const until = performance.now() + PATIENCE_MS
    let pauseMs = 100
    for (let failures = 0; failures < ATTEMPTS && waiting.message.deletedAt === null; ) {
      if (this.#stopping) return false
      try {
        await this.#attempt(waiting.message)
        return true
      } catch (error) {
        if (this.#stopping) return false
        if (ERRORS[toAppError(error).code].retry && performance.now() < until) {
          await this.pause(pauseMs)
          pauseMs = Math.min(pauseMs * 2, PAUSE_MS)
        } else {
          failures++
          onError(error, `${bot.userId} failed on message ${waiting.message.id}, attempt ${failures} of ${ATTEMPTS}`)
        }
      }
    }
    return true
  }

  /** Shorter if the server stops. */
  pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer)
        this.#pauses.delete(end)
        resolve()
      }
      const timer = setTimeout(end, ms)
      this.#pauses.add(end)
      if (this.#stopping) end()
    })
  }

  async #attempt(message: Message): Promise<void> {
    const { bot, attemptMs = ATTEMPT_MS } = this.#options
    const attempt = new AbortController()
    const timer = setTimeout(() => attempt.abort(new Error(`took longer than ${attemptMs} ms`)), attemptMs)
    this.#attempts.add(attempt)
    const aborted = new Promise<never>((_, reject) =>
      attempt.signal.addEventListener('abort', () => reject(attempt.signal.reason)),
    )
    try {
      // It may throw before it returns a promise.
      const handled = Promise.resolve().then(() => bot.onMessage(message, this.#actions(message, attempt.signal)))
      await Promise.race([handled, aborted])
    } finally {
      clearTimeout(timer)
      this.#attempts.delete(attempt)
      // Nothing that it left behind acts any more.
      attempt.abort(new Error('the handler has ended'))
    }
  }

  #actions({ id, conversationId }: Message, signal: AbortSignal): BotActions {
    const { core, actor } = this.#options
    let replies = 0
    const execute: BotActions['execute'] = async (name, input) => {
      signal.throwIfAborted()
      return core.execute(actor, name, input)
    }
    return {
      ...{ execute, signal },
      reply: (content, options) =>
        execute('message.send', {
          ...{ conversationId, content, replyTo: id, clientId: `bot:${id}:${replies++}` },
          ...options,
        }),
    }
  }
}
