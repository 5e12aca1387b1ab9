/**
 * Where one socket is in what one reader hears: since when it has heard everything, what was written to it, and what of that it has
 * received. It outlives the hearing: who leaves a room and comes again goes on there.
 */
import type { Message } from '../../../shared/model.ts'
import type { Actor } from '../../../shared/ports.ts'
import type { Deliveries } from './delivery.ts'
import type { Fence, Mark } from './fence.ts'
import { NOWHERE, type Reader } from './reader.ts'

/** What a place asks of what is heard there. */
export interface Account {
  /** Up to where everything has been written to the socket. */
  readonly written: number
  /** It has caught up. */
  readonly live: boolean
}

export interface Arrival {
  readonly fence: Fence
  readonly namespace: string
  readonly actor: Actor
}

export class Place {
  readonly reader: Reader
  readonly fence: Fence
  readonly namespace: string
  /** It has heard everything after this; undefined until it hears. */
  #base: number | undefined
  #received = NOWHERE
  #left: number | undefined
  #hearing: Account | undefined
  /** It has received what it had missed when it came. */
  #caughtUp = false
  #ended = false
  /** By conversation, the last message of somebody else that was told and has not been received. */
  #told = new Map<string, number>()
  /** The same, of which the fence in flight will tell. */
  #asked: ReadonlyMap<string, number> = new Map()
  readonly #actor: Actor
  readonly #deliveries: Deliveries

  constructor(reader: Reader, { fence, namespace, actor }: Arrival, deliveries: Deliveries) {
    this.reader = reader
    this.fence = fence
    this.namespace = namespace
    this.#actor = actor
    this.#deliveries = deliveries
    reader.places.add(this)
    fence.add(this.#mark)
  }

  get open(): boolean {
    return this.#hearing !== undefined
  }
  get begun(): boolean {
    return this.#base !== undefined
  }
  get base(): number {
    return this.#base ?? Number.POSITIVE_INFINITY
  }
  get received(): number {
    return this.#received
  }
  /** Where it left, if it did. */
  get left(): number | undefined {
    return this.#left
  }

  /** It hears everything after `position`, after NOWHERE all there is. `first`: there is no cursor to go on from. */
  async begin(hearing: Account, position: number, first: boolean): Promise<void> {
    this.#hearing = hearing
    if (this.#base === undefined) {
      this.#base = position
      this.#received = position
    }
    if (first) await this.reader.begin(position)
  }
  /** An event is about to be written to the socket; `message` if it is a new one. */
  telling(message: Message | null): void {
    this.fence.writing()
    if (message) this.#note(message)
  }
  /** Something has been written, these new messages among it. */
  told(messages: readonly Message[]): void {
    this.fence.wrote()
    for (const message of messages) this.#note(message)
  }
  /** The socket was told a message of somebody else. */
  note(conversationId: string, seq: number): void {
    this.#told.set(conversationId, Math.max(seq, this.#told.get(conversationId) ?? 0))
  }
  /** It has caught up; `silently`: there was nothing to tell, hence nothing to wait for. */
  caughtUp(silently: boolean): void {
    if (silently) this.#catchUp()
    else {
      // Also where there were no words for any of it.
      this.fence.wrote()
      void this.fence.now()
    }
  }
  /** Nothing came for a while. */
  quiet(): void {
    if (this.fence.quiet && this.#hearing) this.#receive(this.#hearing.written, true)
  }
  /** The hearing ends, the socket stays. */
  leave(): void {
    this.#left = this.#hearing?.written ?? this.#left
    this.#hearing = undefined
  }
  /**
   * The socket goes. `clean`: its client said so, and counts as having received everything; but not while it is told what it
   * missed when it came: that comes all at once, and may be lying before it unread.
   */
  end(clean: boolean): void {
    if (clean && this.#caughtUp) {
      for (const [conversationId, seq] of this.#asked) this.note(conversationId, seq)
      this.#mark()()
    }
    this.#ended = true
    this.fence.delete(this.#mark)
    this.#hearing = undefined
    this.reader.leave(this)
  }

  #note({ senderId, conversationId, seq }: Message): void {
    if (senderId !== this.#actor.userId) this.note(conversationId, seq)
  }
  readonly #mark: Mark = () => {
    const written = this.#hearing?.written ?? this.#left ?? NOWHERE
    const live = this.#hearing?.live === true
    const told = this.#told
    this.#told = new Map()
    this.#asked = told
    return () => {
      // Who has said goodbye before the answer may not have looked at it.
      if (this.#ended) return
      this.#asked = new Map()
      this.#receive(written, false)
      if (live) this.#catchUp()
      for (const [conversationId, seq] of told) this.#deliveries.note(this.#actor, conversationId, seq)
    }
  }
  #catchUp(): void {
    this.#caughtUp = true
    this.reader.release(this.fence)
  }
  #receive(position: number, quiet: boolean): void {
    this.#received = Math.max(this.#received, position)
    this.reader.advance(this, quiet)
  }
}
