import type { User } from '../../../shared/model.ts'

export interface AccountReads {
  /** By a login in lower case. */
  find(login: string): Promise<{ user: User; passwordHash: string } | null>
}

export interface AccountWrites {
  /** Logins in lower case, all of one user with one password. False if one of them is taken: then nothing may be committed. */
  addLogins(userId: string, logins: readonly string[], passwordHash: string): Promise<boolean>
}
