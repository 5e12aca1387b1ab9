/** Who edits a message now. A lock is taken for a time that the server sets, and every new holding has a higher token. */
import { z } from 'zod'
import { Id, Lock } from '../model.ts'
import { ByConversation, ByMessage, type Contract } from './contract.ts'

const Token = z.number().int().min(1)
const Held = ByMessage.extend({ token: Token })

export const lock = {
  /** Takes it, or renews the actor's own. LOCKED while another user holds it; CONFLICT for a deleted message. */
  'lock.acquire': {
    kind: 'write',
    input: ByMessage,
    output: z.object({ messageId: Id, token: Token, holderId: Id, remainingMs: z.number().int() }),
    errors: ['FORBIDDEN', 'NOT_FOUND', 'CONFLICT', 'LOCKED'],
    cost: 2,
  },
  /** CONFLICT once the holding of that token has ended; LOCKED if somebody else holds it since. */
  'lock.renew': {
    kind: 'write',
    input: Held,
    output: z.object({ messageId: Id, remainingMs: z.number().int() }),
    errors: ['FORBIDDEN', 'NOT_FOUND', 'CONFLICT', 'LOCKED'],
    cost: 1,
  },
  /** Without a token: whichever holding of the actor's there is. `released` is false if it had ended before, or there was none. */
  'lock.release': {
    kind: 'write',
    input: Held.partial({ token: true }),
    output: z.object({ messageId: Id, released: z.boolean() }),
    errors: ['NOT_FOUND'],
    cost: 1,
  },
  /** Held now, of messages that the actor sees; the first thousand by message. Tokens are the holder's own affair. */
  'lock.list': {
    kind: 'read',
    input: ByConversation,
    output: z.object({ locks: z.array(Lock) }),
    errors: ['FORBIDDEN', 'NOT_FOUND'],
    cost: 1,
  },
} as const satisfies Record<string, Contract>
