/**
 * Receipts: how far each member has received and read, as positions in the conversation. Marking moves them forward and
 * everybody hears of it; above 100 members only the reader's own devices do, and the authors, counted (counting.ts). Only the
 * member's own read mark goes back, by `markUnread`, and only their devices hear of that.
 */
import type { Output, Parsed } from '../../shared/commands.ts'
import { AppError } from '../../shared/errors.ts'
import { conversationTopic, draft, type HandlersOf, type RunCall, userTopic } from './handler.ts'
import { markMember, messageMember, reader, visibleMessage } from './policy.ts'
import type { Reads } from './ports.ts'

type Forward = 'message.markDelivered' | 'message.markRead'
type Mark = Forward | 'message.markUnread'

/** `whole`: the conversation was named, not one message. */
async function target(input: Parsed<Mark>, reads: Reads) {
  if (input.conversationId !== undefined) {
    return { conversationId: input.conversationId, seq: input.seq ?? Number.MAX_SAFE_INTEGER, whole: true }
  }
  const message = await reads.messages.get(input.messageId ?? '')
  if (!message) throw new AppError('NOT_FOUND', 'Message not found')
  return { conversationId: message.conversationId, seq: message.seq, whole: false }
}

/** The answer where nothing had to move. */
async function unmoved(reads: Reads, conversationId: string, userId: string, mark: 'lastReadSeq' | 'lastDeliveredSeq') {
  const [me] = await reads.members.list(conversationId, [userId])
  if (!me) throw new AppError('FORBIDDEN', 'Not a member of this conversation')
  return { conversationId, seq: me[mark], changed: 0, unread: me.unread, mentions: me.mentions }
}

const marked = (conversationId: string, { seq, changed, unread, mentions }: Omit<Output<Mark>, 'conversationId'>) => ({
  conversationId,
  seq,
  changed,
  unread,
  mentions,
})

/** Moves the actor's own mark in a locked conversation and tells of it. Null if nothing moved. */
export async function advance(
  { tx, actor, node }: Pick<RunCall<Forward>, 'tx' | 'actor' | 'node'>,
  receipt: 'delivered' | 'read',
  { conversationId, seq: upTo, whole }: { conversationId: string; seq: number; whole: boolean },
) {
  const moved = await tx.advance(receipt, conversationId, actor.userId, upTo)
  if (!moved) return null
  const { fromSeq, seq, messageId, changed, unread, mentions, messages, at, deliveredSeq, readSeq } = moved
  if (moved.large) {
    const { userId } = actor
    const marks = { conversationId, userId, deliveredSeq, readSeq, unread, mentions, at }
    tx.append(draft(actor, 'receipt.marked', userTopic(userId), marks))
    const covered = { fromSeq, seq, readerId: userId }
    node.counting.note(conversationId, await tx.receipts.authors(conversationId, covered))
    return moved
  }
  const payload = { conversationId, userId: actor.userId, fromSeq, seq, at }
  const topic = conversationTopic(conversationId)
  if (receipt === 'delivered') tx.append(draft(actor, 'receipt.delivered', topic, payload))
  else tx.append(draft(actor, 'receipt.read', topic, { ...payload, messageId, changed, unread, messages, whole }))
  return moved
}

async function mark(receipt: 'delivered' | 'read', call: RunCall<Forward>) {
  const upTo = await target(call.input, call.tx)
  const { conversationId } = upTo
  const moved = await advance(call, receipt, upTo)
  if (moved) return marked(conversationId, moved)
  const mark = receipt === 'read' ? 'lastReadSeq' : 'lastDeliveredSeq'
  return unmoved(call.tx, conversationId, call.actor.userId, mark)
}

async function retreat({ tx, actor, input }: RunCall<'message.markUnread'>) {
  const { userId } = actor
  const { conversationId, seq } = await target(input, tx)
  const moved = await tx.retreat(conversationId, userId, seq)
  if (!moved) return unmoved(tx, conversationId, userId, 'lastReadSeq')
  tx.append(draft(actor, 'receipt.unread', userTopic(userId), { conversationId, userId, ...moved }))
  return marked(conversationId, moved)
}

const lock = async (input: Parsed<Mark>, reads: Reads) => [(await target(input, reads)).conversationId]

export const receipt: HandlersOf<Mark | 'message.readers'> = {
  'message.markDelivered': { lock, policy: markMember, run: (call) => mark('delivered', call) },
  'message.markRead': { lock, policy: reader, run: (call) => mark('read', call) },
  'message.markUnread': { lock, policy: markMember, run: retreat },
  'message.readers': {
    policy: messageMember,
    run: async ({ tx, actor, input }) => tx.receipts.readers(await visibleMessage(tx, actor, input.messageId), input),
  },
}
