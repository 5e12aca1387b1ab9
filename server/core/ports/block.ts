import type { Profile } from '../../../shared/model.ts'

export interface BlockReads {
  /** Whom the user has blocked, by user id; keyset pages. */
  list(
    userId: string,
    page: { after?: string | undefined; limit: number },
  ): Promise<{ blocks: { userId: string; profile: Profile; since: Date }[]; next: string | null }>
  /** Everybody with whom there is a block: `mine` by the user, `theirs` by the other. */
  around(userId: string): Promise<{ mine: string[]; theirs: string[] }>
  /** Those of the others with whom there is a block in either direction. */
  among(userId: string, others: readonly string[]): Promise<string[]>
}

export interface BlockWrites {
  /**
   * Nobody else changes what is between the two until the commit. Before anything is locked or after a conversation of theirs
   * was made, so that either the block sees the conversation, or the conversation the block.
   */
  lockPair(a: string, b: string): Promise<void>
  /**
   * Blocks or no longer, and with it their direct conversation if there is one: pair and conversation are locked. False if
   * nothing changed.
   */
  block(userId: string, blockedId: string, on: boolean): Promise<boolean>
}
