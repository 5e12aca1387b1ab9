import type { Lock } from '../../../shared/model.ts'

/** All that is given must match; `overdue`: those whose time is over. */
export interface LockFilter {
  readonly messageId?: string
  readonly conversationId?: string
  readonly holderIds?: readonly string[]
  readonly token?: number
  readonly overdue?: true
}
export type EndedLock = Omit<Lock, 'remainingMs'>

export interface LockReads {
  /** Who holds the lock on a message now; null if nobody does, or for too long. */
  get(messageId: string): Promise<Lock | null>
  /** Held now, of messages with `seq >= fromSeq`, in order of seq. */
  list(conversationId: string, fromSeq: number, limit: number): Promise<Lock[]>
  /** Which of these users hold a lock whose end is not announced. */
  holding(userIds: readonly string[]): Promise<string[]>
  /** Milliseconds until the next lock is overdue, 0 if one is; null if none is held. */
  nextExpiry(): Promise<number | null>
}

export interface LockWrites {
  /**
   * Takes the lock on a message of a locked conversation for so long, or renews the holder's own under the same token. Nothing
   * changes while another user holds it: `holderId` is then theirs. `isNew`: a new holding, with a token above all before.
   * `overdue`: whose holding ended by this without having been announced; the caller appends both events.
   */
  takeLock(wish: { messageId: string; conversationId: string; holderId: string; forMs: number }): Promise<{
    holderId: string
    token: number
    remainingMs: number
    isNew: boolean
    overdue: string | null
  }>
  /** What remains, ms; null if this holding has ended or is overdue. */
  renewLock(lock: { messageId: string; holderId: string; token: number; forMs: number }): Promise<number | null>
  /**
   * Ends what is held and matches, at most `limit` (500), and gives what ended: each holding once, whichever nodes ask. The
   * caller appends the events. Needs no conversation locked.
   */
  endLocks(which: LockFilter, limit?: number): Promise<EndedLock[]>
}
