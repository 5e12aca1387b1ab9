/**
 * Sends in batches: what arrives while a batch is in flight forms the next one, so an idle server waits for nothing. A
 * conversation always takes the same lane, and a lane has one batch in flight: sends keep their order. The same message
 * sent twice at once is stored once. A batch refused for a reason of its own is split until the bad draft stands alone; one
 * in doubt (connection lost, time-out) is sent again until its drafts are too old. Refuses what the queue cannot hold.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { AppError } from '../../shared/errors.ts'
import type { SendDraft, Sent } from '../core/ports.ts'
import type { LogLine } from './driver.ts'

type Batch = (lane: number, drafts: readonly SendDraft[]) => Promise<readonly (Sent | AppError)[]>

interface Entry {
  readonly draft: SendDraft
  readonly key: string
  /** After this it is not sent again, in milliseconds of performance.now(). */
  readonly deadline: number
  readonly sent: Promise<Sent>
  readonly resolve: (sent: Sent) => void
  readonly reject: (error: AppError) => void
}

export interface Journal {
  send(draft: SendDraft): Promise<Sent>
  readonly queued: number
  /** Refuses new sends and waits for the others. */
  close(): Promise<void>
}

const MAX_BATCH = 1_000
/** Characters of content, metadata and notifications, so that a batch of the largest messages stays a statement of a few MB. */
const MAX_SIZE = 2_000_000
const FIRST_BACKOFF = 20
const LAST_BACKOFF = 500

const keyOf = (draft: SendDraft) => `${draft.conversationId}\n${draft.senderId}\n${draft.clientId}`

export function openJournal(
  batch: Batch,
  options: { lanes: number; queueLimit: number; deadline: number; maxBatch?: number; log: LogLine },
): Journal {
  const entries = new Map<string, Entry>()
  const queues = Array.from({ length: options.lanes }, (): Entry[] => [])
  const running = new Map<number, Promise<void>>()
  let closed = false

  function laneOf(conversationId: string): number {
    if (options.lanes === 1) return 0
    let hash = 0
    for (let index = 0; index < conversationId.length; index++)
      hash = (hash * 31 + conversationId.charCodeAt(index)) | 0
    return Math.abs(hash) % options.lanes
  }

  function settle(entry: Entry, answer: Sent | AppError): void {
    entries.delete(entry.key)
    if (answer instanceof AppError) entry.reject(answer)
    else entry.resolve(answer)
  }

  async function commit(lane: number, part: readonly Entry[]): Promise<void> {
    let waiting = part
    for (let backoff = FIRST_BACKOFF; waiting.length > 0; backoff = Math.min(backoff * 2, LAST_BACKOFF)) {
      try {
        const answers = await batch(
          lane,
          waiting.map((entry) => entry.draft),
        )
        for (const [index, entry] of waiting.entries()) settle(entry, answers[index] ?? new AppError('INTERNAL'))
        return
      } catch (thrown) {
        const error =
          thrown instanceof AppError ? thrown : new AppError('INTERNAL', 'Internal error', { cause: thrown })
        if (error.code === 'INTERNAL') return split(lane, waiting, error)
        // A server that stops does not wait for a database that is away.
        const now = closed ? Number.POSITIVE_INFINITY : performance.now()
        options.log('warn', 'batch in doubt, sending it again', { code: error.code, size: waiting.length, error })
        for (const entry of waiting) {
          if (entry.deadline <= now) settle(entry, new AppError('UNAVAILABLE', error.message, { cause: error }))
        }
        waiting = waiting.filter((entry) => entry.deadline > now)
        if (waiting.length > 0) await delay(backoff)
      }
    }
  }

  async function split(lane: number, part: readonly Entry[], error: AppError): Promise<void> {
    const [only] = part
    if (part.length === 1 && only) return settle(only, error)
    const half = Math.ceil(part.length / 2)
    await commit(lane, part.slice(0, half))
    await commit(lane, part.slice(half))
  }

  function take(queue: Entry[]): Entry[] {
    const most = options.maxBatch ?? MAX_BATCH
    let size = 0
    let count = 0
    for (const { draft } of queue) {
      size += draft.content.length + (draft.metadata ? 16_000 : 0) + draft.notifications.length * 1_000
      if (count > 0 && (count >= most || size > MAX_SIZE)) break
      count++
    }
    return queue.splice(0, count)
  }

  async function drain(lane: number, queue: Entry[]): Promise<void> {
    // The sends of one tick share their first batch.
    await null
    while (queue.length > 0) await commit(lane, take(queue))
    running.delete(lane)
  }

  return {
    get queued() {
      return entries.size
    },
    async send(draft) {
      if (closed) throw new AppError('UNAVAILABLE', 'The server is stopping')
      const key = keyOf(draft)
      const known = entries.get(key)
      if (known) return { message: (await known.sent).message, position: null, notified: [] }
      if (entries.size >= options.queueLimit) throw new AppError('OVERLOADED', 'Too many messages are waiting')
      const { promise: sent, resolve, reject } = withResolvers<Sent>()
      const entry = { draft, key, deadline: performance.now() + options.deadline, sent, resolve, reject }
      entries.set(key, entry)
      const lane = laneOf(draft.conversationId)
      const queue = queues[lane] ?? []
      queue.push(entry)
      if (!running.has(lane)) running.set(lane, drain(lane, queue))
      return sent
    },
    async close() {
      closed = true
      await Promise.all(running.values())
    },
  }
}

/** `Promise.withResolvers`, which Node 20 lacks. */
function withResolvers<T>() {
  let resolve: (value: T) => void = () => {}
  let reject: (error: AppError) => void = () => {}
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}
