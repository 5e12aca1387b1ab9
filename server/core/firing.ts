/**
 * What is sent when its time has come: schedules that are due, and broadcasts batch by batch. A transaction locks what is due,
 * passing over what another node has locked, makes the notifications (or, to everybody, the broadcast) and moves the
 * schedule on. So a run happens once, also when a node dies in between: then none of it happened, and the next look,
 * anywhere, does it. Runs that nobody was up for follow the rule of calendar.ts.
 */
import { sendBatch } from './broadcast.ts'
import { runsAt } from './calendar.ts'
import type { Hub } from './hub.ts'
import type { NotificationDraft, ScheduleDraft, Store, Tx } from './ports.ts'
import { Sweep } from './sweep.ts'

export interface FiringOptions {
  store: Store
  hub: Pick<Hub, 'publish'>
  newId: () => string
  /** The longest time between two looks, ms. */
  everyMs?: number | undefined
  /** Users in one batch of a broadcast, and the time between two batches, ms: others write to the log meanwhile. */
  batch?: number | undefined
  pauseMs?: number | undefined
  /** A look failed (there will be another), or a schedule cannot run any more. */
  onError: (error: unknown) => void
}

const DUE = 50
const BATCH = 500
const PAUSE_MS = 100

export class Firing {
  readonly schedules: Sweep
  readonly broadcasts: Sweep
  readonly #options: FiringOptions

  constructor(options: FiringOptions) {
    const { everyMs, onError } = options
    this.#options = options
    this.schedules = new Sweep({ look: () => this.#fire(), everyMs, onError })
    this.broadcasts = new Sweep({ look: () => this.#send(), everyMs, onError })
  }

  start(): void {
    this.schedules.start()
    this.broadcasts.start()
  }
  /** Waits for what is being sent. */
  async stop(): Promise<void> {
    await Promise.all([this.schedules.stop(), this.broadcasts.stop()])
  }

  async #fire(): Promise<number | null> {
    const { store, hub, newId, onError } = this.#options
    if ((await store.reads.schedules.nextDue()) === 0) {
      const { result, events } = await store.write((tx) => fireDue(tx, newId, onError))
      if (result) this.broadcasts.wake()
      await hub.publish(events)
    }
    return store.reads.schedules.nextDue()
  }

  async #send(): Promise<number | null> {
    const { store, hub, newId, batch = BATCH, pauseMs = PAUSE_MS } = this.#options
    const { result, events } = await store.write((tx) => sendBatch(tx, batch, newId))
    await hub.publish(events)
    return result ? pauseMs : null
  }
}

function runs(schedule: ScheduleDraft, now: Date, onError: (error: unknown) => void) {
  try {
    return runsAt(schedule, schedule.nextRunAt ?? now, now)
  } catch (error) {
    // It could run when it was made: this build knows its time zone no more. It must not keep the others from running.
    onError(error)
    return { due: null, next: null }
  }
}

/** Runs what is due and moves it on. True if there is a broadcast to send now. */
async function fireDue(tx: Tx, newId: () => string, onError: (error: unknown) => void): Promise<boolean> {
  const schedules = await tx.dueSchedules(DUE)
  const now = await tx.schedules.now()
  const moved: Parameters<Tx['moveSchedules']>[0][number][] = []
  const drafts: NotificationDraft[] = []
  let toAll = false
  for (const schedule of schedules) {
    const { id, userId, name, when, priority, title, body, actionUrl } = schedule
    const { due, next } = runs(schedule, now, onError)
    moved.push({ id, lastRunAt: due && now, nextRunAt: next })
    if (!due) continue
    const data = { ...schedule.data, scheduleId: id, scheduleName: name, kind: when.kind }
    const notice = { id: newId(), type: 'system', priority, title, body, data, actionUrl, by: null } as const
    if (userId === null) {
      await tx.createBroadcast(notice)
      toAll = true
    } else {
      const about = { cause: `schedule:${id}:${due.toISOString()}`, messageId: null, conversationId: null }
      drafts.push({ ...notice, ...about, userId, createdAt: now })
    }
  }
  await tx.moveSchedules(moved)
  await tx.notify(drafts, null)
  return toAll
}
