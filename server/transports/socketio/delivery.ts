/**
 * Delivered marks of messages that legacy clients have received: they cannot set them themselves. A few at a time, and what comes
 * meanwhile for the same user and conversation is one mark. A refusal is nobody's business.
 */
import type { Actor, Core } from '../../../shared/ports.ts'

const AT_ONCE = 4
/** Beyond this new ones are left to the next message of the conversation. */
const MOST = 100_000

export class Deliveries {
  readonly #core: Core
  readonly #waiting = new Map<
    string,
    { readonly actor: Actor; readonly conversationId: string; readonly seq: number }
  >()
  #running = 0
  #idle: (() => void)[] = []

  constructor(core: Core) {
    this.#core = core
  }

  note(actor: Actor, conversationId: string, seq: number): void {
    const key = `${actor.userId}\n${conversationId}`
    const before = this.#waiting.get(key)
    if (this.#waiting.size >= MOST || (before && before.seq >= seq)) return
    this.#waiting.set(key, { actor, conversationId, seq })
    if (this.#running < AT_ONCE) void this.#work()
  }
  /** Resolves when nothing waits. */
  async idle(): Promise<void> {
    if (this.#running > 0) await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  async #work(): Promise<void> {
    this.#running += 1
    for (let [next] = this.#waiting; next; [next] = this.#waiting) {
      const [key, { actor, conversationId, seq }] = next
      this.#waiting.delete(key)
      // Refused: the user has left, or is limited. The message then stays undelivered, which is true enough.
      await this.#core.execute(actor, 'message.markDelivered', { conversationId, seq }).catch(() => {})
    }
    this.#running -= 1
    if (this.#running === 0) for (const done of this.#idle.splice(0)) done()
  }
}
