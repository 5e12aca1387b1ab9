/**
 * What waits in a user's offline queue, page by page, oldest first; the log goes on at `cursor`. All sockets of one connection are
 * told the same: what is read is kept a moment for those that come after the first, since it leaves the queue once the
 * first has received it.
 */
import type { Output } from '../../../shared/commands.ts'
import type { Event } from '../../../shared/events.ts'
import type { Message } from '../../../shared/model.ts'
import type { Actor, Core } from '../../../shared/ports.ts'

type Page = Output<'queue.peek'>

const PAGE = 100
/** Pages kept; beyond, a socket that comes later is told what then still waits. */
const KEPT = 10
const KEPT_MS = 10_000

export class Backlog {
  readonly #core: Core
  readonly #actor: Actor
  #kept: Promise<Page>[] | undefined

  /** `shared`: other sockets may come. */
  constructor(core: Core, actor: Actor, shared: boolean) {
    this.#core = core
    this.#actor = actor
    if (!shared) return
    this.#kept = []
    const forget = setTimeout(() => {
      this.#kept = undefined
    }, KEPT_MS)
    forget.unref()
  }

  first(): Promise<Page> {
    return this.#page(0, undefined)
  }
  /** All pages after the first. */
  async *rest(first: Page): AsyncGenerator<Page> {
    let page = first
    for (let number = 1; page.next !== null; number++) {
      page = await this.#page(number, page.next)
      yield page
    }
  }

  #page(number: number, after: string | undefined): Promise<Page> {
    const kept = this.#kept?.[number]
    if (kept) return kept
    const page = this.#core.execute(this.#actor, 'queue.peek', { limit: PAGE, ...(after !== undefined && { after }) })
    if (this.#kept?.length === number && number < KEPT) {
      this.#kept.push(page)
      page.catch(() => {
        this.#kept = undefined
      })
    }
    return page
  }
}

/** As the log told it, as far as that is known. */
export const created = (message: Message): Event<'message.created'> => ({
  name: 'message.created',
  topic: `conversation:${message.conversationId}`,
  at: message.createdAt,
  actorId: message.senderId,
  origin: null,
  payload: { message },
})
