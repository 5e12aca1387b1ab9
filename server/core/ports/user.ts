import type { User } from '../../../shared/model.ts'

export interface UserReads {
  get(id: string): Promise<User | null>
  /** Those that exist, in no order. */
  existing(ids: readonly string[]): Promise<User[]>
  /** The first of `ids` that exists. */
  first(ids: readonly string[]): Promise<User | null>
}

export interface UserWrites {
  upsertUser(
    user: { id: string } & Partial<Omit<User, 'id' | 'createdAt' | 'updatedAt'>>,
  ): Promise<{ user: User; changed: boolean }>
}
