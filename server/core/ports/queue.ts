import type { Message } from '../../../shared/model.ts'

/**
 * From others, in conversations of which the user is a member, beyond the delivered mark, written in the last `seconds`; neither
 * deleted nor hidden by the user.
 */
export interface QueueReads {
  /** Oldest first; of each conversation always the oldest. `position`: the end of the log, exactly as old as the page. */
  page(userId: string, seconds: number, limit: number): Promise<{ messages: Message[]; position: number }>
  /** Counts to `limit`. */
  size(userId: string, seconds: number, limit: number): Promise<number>
}
