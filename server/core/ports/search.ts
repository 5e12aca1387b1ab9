import type { Found } from '../../../shared/commands/search.ts'

export interface SearchReads {
  /**
   * Newest first: what the user may read now, says now what is asked, and was sent before the position `before`. What is
   * committed but not indexed yet is found too, as far as it is among the last 2,000 events.
   */
  find(wish: {
    readonly userId: string
    readonly query: string
    readonly conversationId: string | null
    readonly senderId: string | null
    readonly before: number | null
    readonly limit: number
  }): Promise<(Found & { readonly position: number })[]>
}

export interface SearchIndex {
  /**
   * Takes up the next events of the log, at most `limit`. `more`: there are others; `busy`: another node is at it, and nothing
   * was done.
   */
  index(limit: number): Promise<'done' | 'more' | 'busy'>
}
