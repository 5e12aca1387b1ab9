/** Deleting a message for oneself: it is gone for the actor on all their devices, which are told; for others nothing changes. */
import { draft, type HandlersOf, userTopic } from './handler.ts'
import { hider, seenMessage } from './policy.ts'

export const hidden: HandlersOf<'message.hide'> = {
  'message.hide': {
    policy: hider,
    run: async ({ tx, actor, input: { messageId } }) => {
      const { userId } = actor
      const { conversationId } = (await seenMessage(tx, actor, messageId)).message
      const changed = await tx.hide(messageId, userId)
      const payload = { conversationId, messageId, userId }
      if (changed) tx.append(draft(actor, 'message.hidden', userTopic(userId), payload))
      return { conversationId, messageId, changed }
    },
  },
}
