/** Users: a directory filled by verified tokens and by administrators. */
import { AppError } from '../../shared/errors.ts'
import { draft, type HandlersOf, userTopic } from './handler.ts'
import { admin, anyone } from './policy.ts'

export const user: HandlersOf<'user.me' | 'user.get' | 'user.upsert'> = {
  'user.me': {
    policy: anyone,
    run: async ({ tx, actor }) => {
      const me = await tx.users.get(actor.userId)
      if (!me) throw new AppError('NOT_FOUND', 'User not found')
      return me
    },
  },
  'user.get': {
    policy: anyone,
    run: async ({ tx, input }) => {
      const found = await tx.users.get(input.userId)
      if (!found) throw new AppError('NOT_FOUND', 'User not found')
      const { id, name, role, avatar } = found
      return { id, name, role, avatar }
    },
  },
  'user.upsert': {
    policy: admin,
    run: async ({ tx, actor, input }) => {
      const given = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined))
      const { user, changed } = await tx.upsertUser({ ...given, id: input.id })
      const { id, name, role, avatar, active } = user
      if (changed)
        tx.append(draft(actor, 'user.updated', userTopic(id), { profile: { id, name, role, avatar }, active }))
      return user
    },
  },
}
