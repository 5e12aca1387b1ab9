/**
 * The store: a database opened, brought to the newest schema, and the two ways to write to it: `send`, through the journal,
 * and `write`, one transaction each. What is acknowledged is committed.
 */
import type { Store } from '../core/ports.ts'
import type { LogLine } from './driver.ts'
import { openEmbedded } from './embedded.ts'
import { openJournal } from './journal.ts'
import { openLog } from './log.ts'
import { appendMessages } from './message.ts'
import { migrate, readEpoch } from './migrate.ts'
import { openReads, write } from './tx.ts'

export interface StoreOptions {
  /** Native Postgres; without it, embedded. */
  readonly databaseUrl?: string
  /** Folder of the embedded database; without it, in memory. */
  readonly dataDir?: string
  readonly log?: LogLine
  /** Sends that may wait before OVERLOADED. */
  readonly queueLimit?: number
  /** How long a send in doubt is tried again, in milliseconds. */
  readonly sendDeadline?: number
}

export async function openStore(options: StoreOptions = {}): Promise<Store> {
  const log = options.log ?? (() => {})
  const driver = await openEmbedded({ log })
  try {
    await migrate(driver)
    const epoch = await readEpoch(driver)
    const journal = openJournal((_lane, drafts) => appendMessages(driver.batch, drafts, true, driver.query), {
      lanes: driver.lanes,
      queueLimit: options.queueLimit ?? 20_000,
      deadline: options.sendDeadline ?? 10_000,
      log,
    })
    return {
      epoch,
      reads: openReads(driver.query),
      log: openLog(driver),
      send: journal.send,
      get queued() {
        return journal.queued
      },
      write: (run) => write(driver, run),
      ping: () => driver.ping(),
      async close() {
        await journal.close()
        await driver.close()
      },
    }
  } catch (error) {
    await driver.close()
    throw error
  }
}
