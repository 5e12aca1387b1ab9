/** Logins of those who registered here, for the server's own entrance alone. Passwords come no further than their hashes. */
import { z } from 'zod'
import { Text, User } from '../model.ts'
import type { Contract } from './contract.ts'

/** An e-mail address or a name; compared without case. */
const Login = Text(320).min(1)

export const account = {
  /** CONFLICT if one of the logins is taken; FORBIDDEN for a role that may do more than others. */
  'account.register': {
    kind: 'write',
    input: z.object({
      logins: z.array(Login).min(1).max(2),
      passwordHash: Text(500).min(1),
      name: Text(200).min(1),
      role: Text(32).min(1).default('client'),
      email: Text(320).nullable().default(null),
    }),
    output: User,
    errors: ['FORBIDDEN', 'CONFLICT'],
    cost: 2,
  },
  'account.find': {
    kind: 'read',
    input: z.object({ login: Login }),
    output: z.object({ user: User, passwordHash: z.string() }).nullable(),
    errors: ['FORBIDDEN'],
    cost: 1,
  },
} as const satisfies Record<string, Contract>
