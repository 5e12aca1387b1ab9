/**
 * Roles inside a conversation: owner, admin, member. Only an owner gives or takes a role, and as long as there are members there is an
 * owner: the last one cannot step down, and leaves the conversation to the admin, or else the member, who joined first.
 */
import { AppError } from '../../shared/errors.ts'
import { conversationTopic, draft, type HandlersOf, theConversation } from './handler.ts'
import { type Doing, ofChange, type Place, tell } from './notice.ts'
import { owner } from './policy.ts'
import type { Tx } from './ports.ts'

/** After `userId` has gone: sees to it that somebody owns the conversation. */
export async function inherit(call: Doing & { tx: Tx }, place: Place, userId: string): Promise<void> {
  const { tx, actor } = call
  const conversationId = place.id
  const heir = await tx.members.heir(conversationId, userId)
  if (!heir || heir.role === 'owner') return
  await tx.setRole(conversationId, heir.userId, 'owner')
  const payload = { conversationId, userId: heir.userId, role: 'owner' } as const
  tx.append(draft(actor, 'member.updated', conversationTopic(conversationId), payload))
  await tell(call, ofChange(call, place, [heir.userId], { change: 'role', role: 'owner' }))
}

export const role: HandlersOf<'conversation.setRole'> = {
  'conversation.setRole': {
    lock: theConversation,
    policy: owner,
    run: async (call) => {
      const { tx, actor, input } = call
      const { conversationId, userId, role } = input
      const standing = await tx.members.standing(conversationId, userId)
      if (!standing) throw new AppError('NOT_FOUND', 'Not a member of this conversation')
      if (standing.kind === 'direct') throw new AppError('CONFLICT', 'The two of a direct conversation are equals')
      if (standing.role === role) return input
      const left = standing.role === 'owner' ? await tx.members.heir(conversationId, userId) : null
      if (standing.role === 'owner' && left?.role !== 'owner')
        throw new AppError('CONFLICT', 'A conversation has an owner: make another one first')
      await tx.setRole(conversationId, userId, role)
      tx.append(draft(actor, 'member.updated', conversationTopic(conversationId), input))
      const place = { id: conversationId, title: (await tx.conversations.get(conversationId))?.title ?? null }
      await tell(call, ofChange(call, place, [userId], { change: 'role', role }))
      return input
    },
  },
}
