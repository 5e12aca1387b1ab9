import type { User } from '../../../shared/model.ts'

export interface UserReads {
  get(id: string): Promise<User | null>
  /** The user, and up to when their tokens are revoked. */
  admission(id: string): Promise<{ user: User; tokensAfter: Date | null } | null>
  /** Those that exist, in no order. */
  existing(ids: readonly string[]): Promise<User[]>
  /** The first of `ids` that exists. */
  first(ids: readonly string[]): Promise<User | null>
}

export interface UserWrites {
  /** Tokens issued up to the moment that it gives are refused from the commit on. Null if there is no such user. */
  revokeTokens(userId: string): Promise<Date | null>
  upsertUser(
    user: { id: string } & Partial<Omit<User, 'id' | 'createdAt' | 'updatedAt'>>,
  ): Promise<{ user: User; changed: boolean }>
}
