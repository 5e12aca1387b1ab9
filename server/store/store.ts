/**
 * The store: a database opened, brought to the newest schema, and the two ways to write to it: `send`, through the journal,
 * and `write`, one transaction each. What is acknowledged is committed.
 */
import type { Store } from '../core/ports.ts'
import { pruneBroadcasts } from './broadcast.ts'
import type { LogLine } from './driver.ts'
import { openEmbedded } from './embedded.ts'
import { openJournal } from './journal.ts'
import { openLog } from './log.ts'
import { appendMessages } from './message.ts'
import { migrate, readEpoch } from './migrate.ts'
import { pruneNotifications } from './notification.ts'
import { openPostgres } from './postgres.ts'
import { openSearchIndex } from './search.ts'
import { openReads, write } from './tx.ts'

export interface StoreOptions {
  /** Native Postgres; without it, embedded. */
  readonly databaseUrl?: string | undefined
  /** Folder of the embedded database; without it, in memory. */
  readonly dataDir?: string | undefined
  readonly log?: LogLine
  /** A dump of an empty embedded cluster, to start from in place of initdb. */
  readonly template?: Blob
  /** Sends that may wait before OVERLOADED. */
  readonly queueLimit?: number
  /** How long a send in doubt is tried again, in milliseconds. */
  readonly sendDeadline?: number
  /** Most messages in one batch. */
  readonly maxBatch?: number
  /** Native: batches in flight at once; connections for reads and as many for writes; how long a caller waits for one. */
  readonly lanes?: number
  readonly connections?: number
  readonly patience?: number
}

export async function openStore(options: StoreOptions = {}): Promise<Store> {
  const log = options.log ?? (() => {})
  const { databaseUrl: url, dataDir, template, queueLimit = 20_000, sendDeadline = 10_000 } = options
  const driver = url ? openPostgres({ ...options, url, log }) : await openEmbedded({ dataDir, template, log })
  try {
    await migrate(driver)
    const epoch = await readEpoch(driver)
    const journal = openJournal((lane, drafts) => appendMessages(driver.lane(lane), drafts, true, driver.query), {
      ...options,
      lanes: driver.lanes,
      queueLimit,
      deadline: sendDeadline,
      log,
    })
    return {
      epoch,
      reads: openReads(driver.query),
      log: openLog(driver),
      ...openSearchIndex(driver),
      send: journal.send,
      get queued() {
        return journal.queued
      },
      write: (run) => write(driver, run),
      async forgetNotifications(before) {
        await pruneBroadcasts(driver, before)
        return pruneNotifications(driver, before)
      },
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
