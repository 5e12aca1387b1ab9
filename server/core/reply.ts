/** The replies to a message, for whoever sees it: they come after it, so they see those too unless they have hidden them. */
import type { HandlersOf } from './handler.ts'
import { messageMember } from './policy.ts'

export const reply: HandlersOf<'message.replies'> = {
  'message.replies': {
    policy: messageMember,
    run: async ({ tx, actor, input: { messageId, after, limit } }) => {
      const messages = await tx.messages.replies(messageId, { after, limit: limit + 1, reader: actor.userId })
      return { messages: messages.slice(0, limit), hasMore: messages.length > limit }
    },
  },
}
