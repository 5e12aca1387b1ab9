/**
 * Delivered marks of messages that legacy clients have received: they cannot set them themselves. A few at a time, and what comes
 * meanwhile for the same user and conversation is one mark. Those of crowded conversations, where a message makes as many marks
 * as it has readers, go one by one with long rests. A refusal is nobody's business.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { Actor, Core } from '../../../shared/ports.ts'

const AT_ONCE = 4
/** At most forty a second, and a fifth of the time. */
const REST_MS = 25
/** Beyond this new ones are left to the next message of the conversation. */
const MOST = 100_000

interface Mark {
  readonly actor: Actor
  readonly conversationId: string
  readonly seq: number
}

export class Deliveries {
  readonly #core: Core
  readonly #isCrowded: (conversationId: string) => boolean
  readonly #waiting = new Map<string, Mark>()
  readonly #crowded = new Map<string, Mark>()
  #running = 0
  #resting = false
  #idle: (() => void)[] = []
  #closed = false

  constructor(core: Core, isCrowded: (conversationId: string) => boolean) {
    this.#core = core
    this.#isCrowded = isCrowded
  }

  note(actor: Actor, conversationId: string, seq: number): void {
    const key = `${actor.userId}\n${conversationId}`
    const isCrowded = this.#isCrowded(conversationId)
    const lane = isCrowded ? this.#crowded : this.#waiting
    const before = lane.get(key)
    if (lane.size >= MOST || (before && before.seq >= seq)) return
    lane.set(key, { actor, conversationId, seq })
    if (isCrowded) {
      if (!this.#resting) void this.#workSlowly()
    } else if (this.#running < AT_ONCE) void this.#work()
  }
  /** Resolves when nothing waits but the marks of crowds. */
  async idle(): Promise<void> {
    if (this.#running > 0) await new Promise<void>((resolve) => this.#idle.push(resolve))
  }
  /** The marks that wait are given up. */
  close(): void {
    this.#closed = true
  }

  async #work(): Promise<void> {
    this.#running += 1
    for (let next = first(this.#waiting); next; next = first(this.#waiting)) await this.#set(next)
    this.#running -= 1
    if (this.#running === 0) for (const done of this.#idle.splice(0)) done()
  }
  async #workSlowly(): Promise<void> {
    this.#resting = true
    for (let next = first(this.#crowded); next && !this.#closed; next = first(this.#crowded)) {
      const started = performance.now()
      await this.#set(next)
      await pause(Math.max(REST_MS, 4 * (performance.now() - started)), undefined, { ref: false })
    }
    this.#resting = false
  }
  async #set({ actor, conversationId, seq }: Mark): Promise<void> {
    // Refused: the user has left, or is limited. The message then stays undelivered, which is true enough.
    await this.#core.execute(actor, 'message.markDelivered', { conversationId, seq }).catch(() => {})
  }
}

/** Takes the oldest away. */
function first(lane: Map<string, Mark>): Mark | undefined {
  const [next] = lane
  if (!next) return undefined
  lane.delete(next[0])
  return next[1]
}
