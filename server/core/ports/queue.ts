import type { Message } from '../../../shared/model.ts'

/**
 * From others, in conversations of which the user is a member, beyond the delivered mark, written in the last `seconds`; neither
 * deleted nor hidden by the user.
 */
export interface QueueReads {
  /**
   * Oldest first; of each conversation always the oldest. `position`: the end of the log, exactly as old as the page, or as the
   * first of the pages that `after` goes on with: what was written later is in none of them. INVALID_INPUT for an `after` that
   * no page gave.
   */
  page(
    userId: string,
    page: { seconds: number; after?: string | undefined; limit: number },
  ): Promise<{ messages: Message[]; position: number; next: string | null }>
  /** Counts to `limit`. */
  size(userId: string, seconds: number, limit: number): Promise<number>
}
