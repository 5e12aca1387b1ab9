/**
 * Passwords: argon2id with the library's parameters (OWASP's least: 19 MiB, 2 passes), off the event loop. Refused with
 * OVERLOADED: more at a time than can be done soon, so that nobody fills the memory with guesses.
 */
import { randomBytes } from 'node:crypto'
import { hash, verify } from '@node-rs/argon2'
import { AppError } from '../shared/errors.ts'

export interface Passwords {
  hash(password: string): Promise<string>
  /** Without a hash: false, after the same time. */
  matches(password: string, hash: string | undefined): Promise<boolean>
}

/** `most`: at a time. */
export function createPasswords(most = 32): Passwords {
  let atWork = 0
  async function work<T>(run: () => Promise<T>): Promise<T> {
    if (atWork >= most) throw new AppError('OVERLOADED', 'Too many log in at the same time, try again')
    atWork++
    try {
      return await run()
    } finally {
      atWork--
    }
  }
  // The same letters typed on another system may be other code points.
  const typed = (password: string) => password.normalize('NFKC')
  let decoy: Promise<string> | undefined
  return {
    hash: (password) => work(() => hash(typed(password))),
    matches: (password, stored) =>
      work(async () => {
        decoy ??= hash(randomBytes(32))
        const matched = await verify(stored ?? (await decoy), typed(password))
        return stored !== undefined && matched
      }),
  }
}
