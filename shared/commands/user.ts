/** Users: the directory. */
import { z } from 'zod'
import { Id, Profile, Text, User } from '../model.ts'
import { type Contract, Empty } from './contract.ts'

const UserInput = z.object({
  id: Id,
  name: Text(200).min(1).optional(),
  /** Not the server's own. */
  role: Text(32)
    .min(1)
    .refine((role) => role.toLowerCase() !== 'system', 'this role cannot be given')
    .optional(),
  email: Text(320).nullable().optional(),
  avatar: Text(2_000).nullable().optional(),
  schoolId: Id.nullable().optional(),
  classIds: z.array(Id).max(200).optional(),
  active: z.boolean().optional(),
})

export const user = {
  'user.me': { kind: 'read', input: Empty, output: User, errors: ['NOT_FOUND'], cost: 1 },
  'user.get': { kind: 'read', input: z.object({ userId: Id }), output: Profile, errors: ['NOT_FOUND'], cost: 1 },
  'user.upsert': { kind: 'write', input: UserInput, output: User, errors: ['FORBIDDEN'], cost: 2 },
} as const satisfies Record<string, Contract>
