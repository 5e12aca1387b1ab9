/**
 * How far the readers of this node have come in the log: kept in memory and saved a batch at a time, so a crash of the node costs
 * repetitions and nothing else. A cursor never moves back. What has moved and is not saved yet counts first when it is
 * loaded; quiet moves, which say only that there was nothing to tell, are saved now and then. Saving takes a fifth of the time at
 * most. What cannot be saved is tried again.
 */
import { toAppError } from '../../../shared/errors.ts'
import type { Actor, Core } from '../../../shared/ports.ts'
import type { BridgeLog } from './log.ts'

export interface Key {
  readonly userId: string
  /** The name of the wording. */
  readonly dialect: string
  /** `all`, or the topic that was asked for. */
  readonly scope: string
}
interface Moved extends Key {
  readonly position: number
  readonly quiet: boolean
}

const SAVE_MS = 500
const QUIET_MS = 600_000
const BATCH = 1_000
/** Beyond this the oldest are given up: those users are told some things again. */
const MOST = 100_000

export const positionOf = (cursor: string): number => Number(cursor.split('.')[1])
export const keyOf = ({ userId, dialect, scope }: Key): string => [userId, dialect, scope].join('\n')

export class Cursors {
  readonly #core: Core
  readonly #system: Actor
  readonly #log: BridgeLog
  readonly #epoch: () => string
  readonly #moved = new Map<string, Moved>()
  readonly #quiet: NodeJS.Timeout
  #timer: NodeJS.Timeout | undefined
  #saving: Promise<void> = Promise.resolve()
  #restUntil = 0

  constructor(core: Core, system: Actor, log: BridgeLog, epoch: () => string) {
    this.#core = core
    this.#system = system
    this.#log = log
    this.#epoch = epoch
    this.#quiet = setInterval(() => void this.save(), QUIET_MS)
    this.#quiet.unref()
  }

  /** Null if this reader has none yet. */
  async load({ userId, dialect, scope }: Key): Promise<string | null> {
    const key = keyOf({ userId, dialect, scope })
    const before = this.#moved.get(key)
    const { cursor } = await this.#core.execute(this.#system, 'cursor.load', { userId, dialect, scope })
    // What was saved meanwhile is no longer here, and may be newer than the answer.
    const moved = [before, this.#moved.get(key)].map((own) => own?.position ?? -1)
    const position = Math.max(...moved)
    return position > (cursor === null ? -1 : positionOf(cursor)) ? this.cursorAt(position) : cursor
  }
  cursorAt(position: number): string {
    return `${this.#epoch()}.${position}`
  }

  move(key: Key, position: number, quiet = false): void {
    const name = keyOf(key)
    const before = this.#moved.get(name)
    if (before && before.position >= position && (quiet || !before.quiet)) return
    this.#moved.delete(name)
    this.#moved.set(name, {
      ...key,
      position: Math.max(position, before?.position ?? 0),
      quiet: quiet && (before?.quiet ?? true),
    })
    const [oldest] = this.#moved.keys()
    if (this.#moved.size > MOST && oldest !== undefined) this.#moved.delete(oldest)
    if (!quiet) this.#saveSoon()
  }
  /** The reader has gone: its quiet moves are saved with the next batch. */
  settle(key: Key): void {
    const moved = this.#moved.get(keyOf(key))
    if (moved?.quiet) this.move(key, moved.position)
  }

  /** Saves what has moved; without the quiet moves if `urgent`. Never throws. */
  save(urgent = false): Promise<void> {
    this.#saving = this.#saving.then(() => this.#saveAll(urgent))
    return this.#saving
  }
  close(): void {
    clearInterval(this.#quiet)
    clearTimeout(this.#timer)
  }

  #saveSoon(): void {
    this.#timer ??= setTimeout(
      () => {
        this.#timer = undefined
        void this.save(true)
      },
      Math.max(SAVE_MS, this.#restUntil - performance.now()),
    )
  }
  async #saveAll(urgent: boolean): Promise<void> {
    const started = performance.now()
    const due = [...this.#moved].filter(([, { quiet }]) => !(urgent && quiet))
    for (let at = 0; at < due.length; at += BATCH) {
      const batch = due.slice(at, at + BATCH)
      const cursors = batch.map(([, { quiet: _, position, ...key }]) => ({ ...key, cursor: this.cursorAt(position) }))
      try {
        await this.#core.execute(this.#system, 'cursor.save', { cursors })
      } catch (error) {
        this.#log.warn({ code: toAppError(error).code }, 'cursors of legacy clients could not be saved yet')
        this.#saveSoon()
        return
      }
      for (const [name, saved] of batch) if (this.#moved.get(name) === saved) this.#moved.delete(name)
    }
    const now = performance.now()
    this.#restUntil = now + 4 * (now - started)
  }
}
