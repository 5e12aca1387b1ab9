/**
 * Accounts: a login (an e-mail address or a name, without regard to case) stands for a user and the hash of a password. A
 * registration makes a new user, never takes one over, and gives no role that may do more than a role without a row. For the
 * server's own entrance alone, which hashes and compares.
 */
import { AppError } from '../../shared/errors.ts'
import { draft, type HandlersOf, userTopic } from './handler.ts'
import { serverOnly } from './policy.ts'

export const account: HandlersOf<'account.register' | 'account.find'> = {
  'account.register': {
    policy: serverOnly,
    run: async ({ tx, actor, node, input: { logins, passwordHash, name, role, email } }) => {
      if (!node.rights.ordinary({ role })) throw new AppError('FORBIDDEN', 'This role cannot be chosen')
      const id = node.world.newId()
      const { user } = await tx.upsertUser({ id, name, role, email })
      const distinct = [...new Set(logins.map((login) => login.toLowerCase()))]
      if (!(await tx.addLogins(id, distinct, passwordHash)))
        throw new AppError('CONFLICT', 'This login is already registered')
      const { avatar, active } = user
      tx.append(draft(actor, 'user.updated', userTopic(id), { profile: { id, name, role, avatar }, active }))
      return user
    },
  },
  'account.find': {
    policy: serverOnly,
    run: ({ tx, input }) => tx.accounts.find(input.login.toLowerCase()),
  },
}
