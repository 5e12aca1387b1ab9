/** What is only worth knowing now: typing and call signals. Nothing is stored; who is not attached does not hear of it. */
import { AppError } from '../../shared/errors.ts'
import { suffixes } from './conversation.ts'
import { conversationTopic, ephemeral, type HandlersOf, userTopic } from './handler.ts'
import { anyone, member } from './policy.ts'

export const typing: HandlersOf<'typing.set' | 'call.signal'> = {
  'typing.set': {
    policy: member,
    cast: async (call) => {
      const { conversationId, typing } = call.input
      const payload = { conversationId, userId: call.actor.userId, name: call.actor.name, typing }
      return { result: {}, event: ephemeral(call, 'typing.changed', conversationTopic(conversationId), payload) }
    },
  },
  'call.signal': {
    policy: anyone,
    cast: async (call) => {
      const { signal, to, data } = call.input
      const user = await call.reads.users.first([to, ...suffixes(to)])
      if (!user) throw new AppError('NOT_FOUND', 'User not found')
      const payload = { signal, from: call.actor.userId, to: user.id, data }
      return { result: { to: user.id }, event: ephemeral(call, 'call.signaled', userTopic(user.id), payload) }
    },
  },
}
