/** What the store tests write, and what must hold of it afterwards. */
import type { NotificationDraft, SendDraft, Store } from '../../server/core/ports.ts'
import { idSource } from '../../server/id.ts'

export const newId = idSource()

export const draft = (
  conversationId: string,
  senderId: string,
  clientId: string,
  more: Partial<SendDraft> = {},
): SendDraft => ({
  id: newId(),
  conversationId,
  senderId,
  clientId,
  type: 'text',
  content: `${clientId} from ${senderId}`,
  metadata: null,
  replyTo: null,
  mentions: [],
  mentionsEveryone: false,
  origin: null,
  notifications: [],
  ...more,
})

export const text = (content: string) => ({ content, mentions: [], mentionsEveryone: false })

export const notice = (userId: string, cause: string, more: Partial<NotificationDraft> = {}): NotificationDraft => ({
  ...{ id: newId(), userId, cause, type: 'system', priority: 'normal', title: 'Hello', body: 'hello' },
  ...{ data: null, actionUrl: null, messageId: null, conversationId: null, by: null, createdAt: new Date() },
  ...more,
})

/** A conversation with these members, all written to the log as the core does it. */
export function createConversation(
  store: Store,
  id: string,
  userIds: readonly string[],
  kind: 'group' | 'direct' = 'group',
) {
  return store.write(async (tx) => {
    for (const user of [...userIds].sort()) await tx.upsertUser({ id: user })
    const [creator = '', other = ''] = userIds
    const conversation = await tx.createConversation({
      id,
      kind,
      title: null,
      context: null,
      historyVisible: true,
      joinPolicy: 'invited',
      createdBy: creator,
      pair: kind === 'direct' ? [creator, other] : null,
    })
    if (!conversation) throw new Error(`${id} exists`)
    const members = await tx.addMembers(id, userIds, 'member')
    tx.append({
      name: 'conversation.created',
      topic: `conversation:${id}`,
      actorId: creator,
      origin: null,
      payload: { conversation, members },
    })
  })
}

export const addMember = (store: Store, conversationId: string, userId: string) =>
  store.write(async (tx) => {
    await tx.upsertUser({ id: userId })
    await tx.lock([conversationId])
    const members = await tx.addMembers(conversationId, [userId], 'member')
    if (members.length > 0)
      tx.append({
        name: 'member.added',
        topic: `conversation:${conversationId}`,
        actorId: userId,
        origin: null,
        payload: { conversationId, members },
      })
  })

export const removeMember = (store: Store, conversationId: string, userId: string) =>
  store.write(async (tx) => {
    await tx.lock([conversationId])
    if (await tx.removeMember(conversationId, userId))
      tx.append({
        name: 'member.removed',
        topic: `conversation:${conversationId}`,
        actorId: userId,
        origin: null,
        payload: { conversationId, userId, reason: 'left' },
      })
  })

/** Every message and event of a conversation, checked: seq 1, 2, 3 and positions of the whole log without a gap. */
export async function checkGapless(store: Store, conversationIds: readonly string[]): Promise<void> {
  for (const id of conversationIds) {
    const conversation = await store.reads.conversations.get(id)
    const lastSeq = conversation?.lastSeq ?? 0
    const messages = await store.reads.messages.range(id, { fromSeq: 0, toSeq: 1e9, limit: 1e6, newest: false })
    const seqs = messages.map((message) => message.seq)
    if (seqs.length !== lastSeq || seqs.some((seq, index) => seq !== index + 1))
      throw new Error(`${id}: last_seq ${lastSeq}, seqs ${seqs.join(' ')}`)
    const late = messages.findIndex(
      (message, index) => message.createdAt < (messages[index - 1]?.createdAt ?? message.createdAt),
    )
    if (late >= 0) throw new Error(`${id}: times go back at seq ${late + 1}`)
  }
  const { position, floor } = await store.log.tail()
  const { events } = await store.log.page(null, floor, 1e6)
  const positions = events.map((event) => event.position)
  if (positions.length !== position - floor || positions.some((at, index) => at !== floor + index + 1))
    throw new Error(`log from ${floor} to ${position}: ${positions.join(' ')}`)
}
