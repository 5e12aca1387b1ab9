/** Who wants nothing from whom: no direct messages, typing or presence between the two. */
import { z } from 'zod'
import { Id, Profile } from '../model.ts'
import { type Contract, limit } from './contract.ts'

const ByUser = z.object({ userId: Id })
/** False if it was so before. */
const Changed = ByUser.extend({ changed: z.boolean() })

export const block = {
  /** The other is not told. Not oneself. */
  'user.block': { kind: 'write', input: ByUser, output: Changed, errors: ['NOT_FOUND'], cost: 2 },
  /** Takes the actor's own block back; the other's, if there is one, stays. */
  'user.unblock': { kind: 'write', input: ByUser, output: Changed, errors: ['NOT_FOUND'], cost: 2 },
  /** Whom the actor has blocked, by user id. `next` is the `after` of the next page, null at the end. */
  'user.blocks': {
    kind: 'read',
    input: z.object({ after: Id.optional(), limit: limit(500, 100) }),
    output: z.object({
      blocks: z.array(z.object({ userId: Id, profile: Profile, since: z.date() })),
      next: Id.nullable(),
    }),
    errors: [],
    cost: 1,
  },
} as const satisfies Record<string, Contract>
