/** Receipts: how far each member has received and read, as positions that only move forward. */
import type { Parsed } from '../../shared/commands.ts'
import { AppError } from '../../shared/errors.ts'
import { conversationTopic, draft, type HandlersOf, type RunCall } from './handler.ts'
import { markMember } from './policy.ts'
import type { Reads } from './ports.ts'

type Mark = 'message.markDelivered' | 'message.markRead'

async function target(input: Parsed<Mark>, reads: Reads): Promise<{ conversationId: string; seq: number }> {
  if (input.conversationId !== undefined) {
    return { conversationId: input.conversationId, seq: input.seq ?? Number.MAX_SAFE_INTEGER }
  }
  const message = await reads.messages.get(input.messageId ?? '')
  if (!message) throw new AppError('NOT_FOUND', 'Message not found')
  return message
}

async function advance(receipt: 'delivered' | 'read', { tx, actor, input }: RunCall<Mark>) {
  const { conversationId, seq } = await target(input, tx)
  const moved = await tx.advance(receipt, conversationId, actor.userId, seq)
  if (!moved) {
    const [me] = await tx.members.list(conversationId, [actor.userId])
    if (!me) throw new AppError('FORBIDDEN', 'Not a member of this conversation')
    const at = receipt === 'read' ? me.lastReadSeq : me.lastDeliveredSeq
    return { conversationId, seq: at, changed: 0, unread: me.unread }
  }
  const payload = { conversationId, userId: actor.userId, fromSeq: moved.fromSeq, seq: moved.seq, at: moved.at }
  const topic = conversationTopic(conversationId)
  if (receipt === 'delivered') tx.append(draft(actor, 'receipt.delivered', topic, payload))
  else {
    const { messageId, changed, unread } = moved
    tx.append(draft(actor, 'receipt.read', topic, { ...payload, messageId, changed, unread }))
  }
  return { conversationId, seq: moved.seq, changed: moved.changed, unread: moved.unread }
}

const lock = async (input: Parsed<Mark>, reads: Reads) => [(await target(input, reads)).conversationId]

export const receipt: HandlersOf<Mark> = {
  'message.markDelivered': { lock, policy: markMember, run: (call) => advance('delivered', call) },
  'message.markRead': { lock, policy: markMember, run: (call) => advance('read', call) },
}
