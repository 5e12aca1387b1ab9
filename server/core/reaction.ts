/**
 * Reactions to a message, by whoever can see it: one of a kind per user, a bounded number of kinds, none on a deleted message.
 * Giving one twice, or taking back what is not there, changes nothing and is no event.
 */
import { AppError } from '../../shared/errors.ts'
import { conversationTopic, draft, type HandlersOf, itsConversation } from './handler.ts'
import { ofReaction, tell } from './notice.ts'
import { participant, visibleMessage } from './policy.ts'

const MOST_KINDS = 20

export const reaction: HandlersOf<'message.react'> = {
  'message.react': {
    lock: itsConversation,
    policy: participant,
    run: async ({ tx, actor, input: { messageId, reaction, on }, node }) => {
      const message = await visibleMessage(tx, actor, messageId)
      const { conversationId, deletedAt, reactions } = message
      if (deletedAt) throw new AppError('CONFLICT', 'Message already deleted')
      const isNew = reactions.every((kind) => kind.reaction !== reaction)
      if (on && isNew && reactions.length >= MOST_KINDS)
        throw new AppError('CONFLICT', `A message has at most ${MOST_KINDS} kinds of reactions`)
      const answer = await tx.react(messageId, actor.userId, reaction, on)
      if (answer.changed) {
        const payload = { conversationId, messageId, userId: actor.userId, reaction, on, count: answer.count }
        tx.append(draft(actor, 'message.reacted', conversationTopic(conversationId), payload))
        if (on) await tell({ tx, actor }, ofReaction({ actor, node }, message, reaction), message)
      }
      return answer
    },
  },
}
