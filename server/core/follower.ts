/**
 * What a bot's handler gets: the messages of its conversations, from the log as its user sees it, beginning at a saved cursor.
 * Those of one conversation are handled in order, conversations side by side. Left out: the bot's own messages, those of other
 * bots (two would talk for ever), what is deleted before its turn. The cursor moves past handled messages only; while too
 * many wait, the log has to.
 */
import { toAppError } from '../../shared/errors.ts'
import { type Event, isDurable } from '../../shared/events.ts'
import type { Message } from '../../shared/model.ts'
import type { Core } from '../../shared/ports.ts'
import { Handling, type HandlingOptions } from './bot.ts'
import { cursorAt, positionOf } from './cursor.ts'
import type { CursorKey, Store } from './ports.ts'

export interface FollowerOptions extends HandlingOptions {
  readonly core: Pick<Core, 'execute' | 'subscribe'>
  readonly store: Pick<Store, 'epoch' | 'reads' | 'log' | 'write'>
  /** Whose messages are left out: all bots, and the server's own user. */
  readonly bots: ReadonlySet<string>
  /** Messages in memory before the log has to wait. */
  readonly room?: number | undefined
  /** How long a stop waits for handlers, and then for the cursor, ms. */
  readonly graceMs?: number | undefined
}

interface Waiting {
  readonly position: number
  message: Message
}

/** Conversations handled side by side. */
const AT_ONCE = 16
const ROOM = 1_000
const SAVE_MS = 1_000
const AGAIN_MS = 1_000
const GRACE_MS = 2_000

export class Follower {
  readonly #options: FollowerOptions
  readonly #handling: Handling
  readonly #key: CursorKey
  /** By conversation; the first of a line is being handled. */
  readonly #lines = new Map<string, Waiting[]>()
  readonly #ready: Waiting[][] = []
  /** Positions of messages not handled yet; they rise. */
  readonly #open = new Set<number>()
  #running = 0
  #reached = 0
  #saved = 0
  #saving: NodeJS.Timeout | undefined
  #live = false
  #stopping = false
  #wakers: (() => void)[] = []
  #following: Promise<void> = Promise.resolve()

  constructor(options: FollowerOptions) {
    this.#options = options
    this.#handling = new Handling(options)
    this.#key = { userId: options.bot.userId, dialect: 'bot', scope: 'all' }
  }

  /** The first start ever begins at the end of the log. */
  async start(): Promise<void> {
    const { store } = this.#options
    const saved = await store.reads.cursors.get(this.#key)
    this.#reached = saved ?? (await store.log.tail()).position
    this.#saved = saved ?? -1
    if (saved === null) await this.#save()
    this.#following = this.#follow()
  }

  /** Takes nothing new, waits a moment for the handlers that run, gives up the rest: the next start handles those messages. */
  async stop(): Promise<void> {
    const { graceMs = GRACE_MS } = this.#options
    this.#stopping = true
    this.#handling.stop()
    this.#wake()
    await within(graceMs, Promise.all([this.#following, this.#idle()]))
    this.#handling.abort()
    await within(
      graceMs,
      this.#idle().then(() => this.#save()),
    )
    clearTimeout(this.#saving)
  }

  async #follow(): Promise<void> {
    const { core, actor, store, onError } = this.#options
    let lost = false
    while (!this.#stopping) {
      try {
        if (lost) this.#reached = (await store.log.tail()).position
        lost = false
        const feed = await core.subscribe(actor, { kind: 'all' }, cursorAt(store.epoch, this.#reached))
        for await (const { events, cursor } of feed.replay()) {
          for (const event of events) this.#take(event)
          this.#reach(cursor)
          while (this.#full && !this.#stopping) await this.#change()
          if (this.#stopping) return
        }
        this.#reach(feed.cursor)
        this.#live = true
        const attached = feed.attach({
          push: (event, cursor) => this.#push(event, cursor),
          tick: (cursor) => this.#reach(cursor),
          end: () => this.#leave(),
        })
        while (attached && this.#live && !this.#stopping) await this.#change()
        this.#live = false
        feed.detach()
      } catch (error) {
        onError(error, `following the log as ${actor.userId}`)
        // The log no longer goes back that far: what it has lost is passed over.
        lost = toAppError(error).code === 'RESET'
        await this.#handling.pause(AGAIN_MS)
      }
    }
  }

  #push(event: Event, cursor: string): void {
    // What is not taken is not reached either: it is read from the log once there is room.
    if (!this.#live) return
    this.#take(event)
    this.#reach(cursor)
    if (this.#full) this.#leave()
  }
  get #full(): boolean {
    return this.#open.size > (this.#options.room ?? ROOM)
  }
  #leave(): void {
    this.#live = false
    this.#wake()
  }
  #reach(cursor: string): void {
    this.#reached = positionOf(this.#options.store.epoch, cursor)
    this.#saveSoon()
  }

  #take(event: Event): void {
    if (event.name !== 'message.created' && event.name !== 'message.updated' && event.name !== 'message.deleted') return
    const { message } = event.payload
    const line = this.#lines.get(message.conversationId)
    if (event.name !== 'message.created') {
      const waiting = line?.find((one) => one.message.id === message.id)
      if (waiting) waiting.message = message
      return
    }
    if (!isDurable(event) || this.#options.bots.has(message.senderId)) return
    const waiting = { position: event.position, message }
    this.#open.add(event.position)
    if (line) line.push(waiting)
    else {
      const first = [waiting]
      this.#lines.set(message.conversationId, first)
      this.#ready.push(first)
      this.#work()
    }
  }

  #work(): void {
    while (this.#running < AT_ONCE && !this.#stopping) {
      const line = this.#ready.shift()
      const waiting = line?.[0]
      if (!line || !waiting) return
      this.#running++
      void this.#handling.handle(waiting).then((handled) => {
        this.#running--
        if (handled) this.#open.delete(waiting.position)
        line.shift()
        // To the end of those that are ready: no conversation holds up the others.
        if (line.length > 0) this.#ready.push(line)
        else this.#lines.delete(waiting.message.conversationId)
        this.#saveSoon()
        this.#work()
        this.#wake()
      })
    }
  }

  #saveSoon(): void {
    if (this.#stopping) return
    this.#saving ??= setTimeout(() => {
      this.#saving = undefined
      void this.#save()
    }, SAVE_MS)
  }
  /** Up to just before the first message that is not handled. */
  async #save(): Promise<void> {
    const { store, bot, onError } = this.#options
    const [first] = this.#open
    const position = first === undefined ? this.#reached : first - 1
    if (position <= this.#saved) return
    try {
      await store.write((tx) => tx.saveCursors([{ ...this.#key, position }]))
      this.#saved = position
    } catch (error) {
      onError(error, `saving the cursor of ${bot.userId}`)
    }
  }

  async #idle(): Promise<void> {
    while (this.#running > 0) await this.#change()
  }
  #change(): Promise<void> {
    return new Promise((resolve) => this.#wakers.push(resolve))
  }
  #wake(): void {
    for (const waker of this.#wakers.splice(0)) waker()
  }
}

/** Waits for `done`, but not longer. */
async function within(ms: number, done: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  await Promise.race([done, new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)))])
  clearTimeout(timer)
}
