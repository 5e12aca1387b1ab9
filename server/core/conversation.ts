/**
 * Conversations and who is in them. A direct conversation is that of its pair, for ever: it is found again, never made twice,
 * and nobody is added to it or leaves it. Who joins sees it from the event that says so, who leaves up to that event.
 */
import { AppError } from '../../shared/errors.ts'
import type { Conversation, Message, User } from '../../shared/model.ts'
import { audienceOf, mentionedIn } from './audience.ts'
import { mayOpen } from './block.ts'
import { conversationTopic, draft, type HandlersOf, type RunCall, theConversation, userTopic } from './handler.ts'
import { endGone } from './lock.ts'
import { ofChange, ofInvitation, ofMessage, tell } from './notice.ts'
import { anyone, manager, member, memberOrAdmin, standing } from './policy.ts'
import type { Tx } from './ports.ts'
import { inherit } from './role.ts'

type Noun =
  | 'conversation.create'
  | 'conversation.get'
  | 'conversation.list'
  | 'conversation.count'
  | 'conversation.direct'
  | 'conversation.update'
  | 'conversation.addMembers'
  | 'conversation.removeMember'
  | 'conversation.join'
  | 'conversation.leave'
  | 'conversation.configure'
  | 'conversation.view'

async function create(call: RunCall<'conversation.create'>) {
  const { tx, actor, input } = call
  const { world } = call.node
  const others = [...new Set(input.memberIds)].filter((id) => id !== actor.userId)
  const [peer] = others
  if (input.kind === 'direct' && (others.length !== 1 || peer === undefined)) {
    throw new AppError('INVALID_INPUT', 'A direct conversation has exactly one other member')
  }
  const [found] = await mustExist(tx, others)
  const pair = input.kind === 'direct' && peer !== undefined ? ([actor.userId, peer] as const) : null
  const { kind, title, context, historyVisible, joinPolicy } = input
  const head = {
    ...{ id: world.newId(), kind, title, context, historyVisible, createdBy: actor.userId, pair },
    joinPolicy: pair ? 'invited' : joinPolicy,
  } as const
  // Whoever knows how ids are made could have taken this one by joining it; nobody takes two.
  const made =
    (await tx.createConversation(head)) ?? (pair ? null : await tx.createConversation({ ...head, id: world.newId() }))
  const conversation = made ?? (pair && (await tx.conversations.direct(...pair)))
  if (!conversation) throw new AppError('CONFLICT', 'The conversation could not be created')
  if (made) {
    if (pair && found) await mayOpen(call, found)
    const owner = await tx.addMembers(made.id, [actor.userId], pair ? 'member' : 'owner')
    const members = [...owner, ...(await tx.addMembers(made.id, others, 'member'))]
    tx.append(draft(actor, 'conversation.created', conversationTopic(made.id), { conversation: made, members }))
    if (!pair) await tell(call, ofInvitation(call, made, others))
  } else await tx.lock([conversation.id])
  const message = input.message ? await firstMessage(call, conversation, input.message) : null
  const after = message ? await tx.conversations.get(conversation.id) : conversation
  return { conversation: after ?? conversation, created: made !== null, message }
}

async function firstMessage(
  call: RunCall<'conversation.create'>,
  { id: conversationId }: Conversation,
  { type, content, clientId }: { type: Message['type']; content: string; clientId?: string | undefined },
): Promise<Message> {
  const { tx, actor } = call
  const { world } = call.node
  const known = clientId && (await tx.messages.byClientId(conversationId, actor.userId, clientId))
  if (known) return known
  const audience = await audienceOf(tx.members, conversationId)
  const sent = { conversationId, senderId: actor.userId, type, content }
  const mentions = await mentionedIn(tx.members, sent, audience)
  const message = await tx.createMessage({
    ...{ ...sent, ...mentions, id: world.newId() },
    ...{ clientId: clientId ?? world.newId(), metadata: null, replyTo: null, origin: actor.connectionId },
  })
  tx.append(draft(actor, 'message.created', conversationTopic(conversationId), { message }))
  await tell(call, ofMessage(call, message, mentions, audience, null), message)
  return message
}

async function mustExist(tx: Pick<Tx, 'users'>, ids: readonly string[]): Promise<User[]> {
  const users = await tx.users.existing(ids)
  const known = new Set(users.filter((user) => user.active).map((user) => user.id))
  const missing = ids.filter((id) => !known.has(id))
  if (missing.length > 0) throw new AppError('NOT_FOUND', `User not found: ${missing.slice(0, 5).join(', ')}`)
  return users
}

async function join({ tx, actor, input }: RunCall<'conversation.join'>) {
  const id = input.conversationId
  const known = await tx.conversations.get(id)
  const made = known ? null : await open(tx, actor, input)
  // Made by somebody else meanwhile: theirs, and locked only now.
  if (!known && !made) await tx.lock([id])
  const conversation = made ?? known ?? (await tx.conversations.get(id))
  if (!conversation) throw new AppError('CONFLICT', 'The room could not be created')
  if (await tx.members.standing(id, actor.userId)) return { conversation, joined: false }
  if (!made && conversation.joinPolicy !== 'open') throw new AppError('FORBIDDEN', 'Not a member of this conversation')
  const members = await tx.addMembers(id, [actor.userId], made ? 'owner' : 'member')
  const topic = conversationTopic(id)
  tx.append(
    made
      ? draft(actor, 'conversation.created', topic, { conversation, members })
      : draft(actor, 'member.added', topic, { conversationId: id, members }),
  )
  return { conversation, joined: true }
}

/**
 * A room made by joining it: open to all, except a user's own room, `<name>-<id>`, which is nobody else's to make. Null if
 * the id was taken meanwhile.
 */
async function open(
  tx: Tx,
  actor: RunCall<'conversation.join'>['actor'],
  { conversationId: id, kind }: RunCall<'conversation.join'>['input'],
) {
  const own = id === `${actor.name}-${actor.userId}`
  const others = own ? [] : await tx.users.existing(suffixes(id))
  if (others.some((user) => user.id !== actor.userId && id === `${user.name}-${user.id}`)) {
    throw new AppError('FORBIDDEN', 'This room belongs to another user')
  }
  return tx.createConversation({
    ...{ id, kind, title: null, context: null, historyVisible: true, createdBy: actor.userId, pair: null },
    joinPolicy: own ? 'invited' : 'open',
  })
}

/** The parts of `<name>-<id>` that may be the id, longest first. */
export function suffixes(room: string): string[] {
  return [...room.matchAll(/-/g)].map(({ index }) => room.slice(index + 1)).filter((id) => id !== '')
}

async function remove(call: RunCall<'conversation.removeMember' | 'conversation.leave'>, userId: string) {
  const { tx, actor, input } = call
  const { conversationId } = input
  const conversation = await tx.conversations.get(conversationId)
  if (!conversation) throw new AppError('NOT_FOUND', 'Conversation not found')
  if (conversation.kind === 'direct') throw new AppError('CONFLICT', 'Nobody leaves a direct conversation')
  const removed = await tx.removeMember(conversationId, userId)
  if (removed) {
    await endGone(tx, actor, { conversationId, holderIds: [userId] })
    const reason = userId === actor.userId ? 'left' : 'removed'
    const payload = { conversationId, userId, reason } as const
    tx.append(draft(actor, 'member.removed', conversationTopic(conversationId), payload))
    await tell(call, ofChange(call, conversation, [userId], { change: 'removed' }))
    await inherit(call, conversation, userId)
  }
  return { conversationId, removed }
}

export const conversation: HandlersOf<Noun> = {
  'conversation.create': { policy: anyone, run: create },
  'conversation.get': {
    policy: memberOrAdmin,
    run: async ({ tx, actor, input }) => {
      const detail = await tx.conversations.detail(input.conversationId, actor.userId)
      if (!detail) throw new AppError('NOT_FOUND', 'Conversation not found')
      return detail
    },
  },
  'conversation.list': {
    policy: anyone,
    run: ({ tx, actor, input }) => tx.conversations.list(actor.userId, input),
  },
  'conversation.count': {
    policy: anyone,
    run: async ({ tx, actor, input }) => ({ count: await tx.conversations.count(actor.userId, input) }),
  },
  'conversation.direct': {
    policy: anyone,
    run: async ({ tx, actor, input: { userId } }) => {
      const found = await tx.conversations.direct(actor.userId, userId)
      if (!found) await mustExist(tx, [userId])
      return { conversationId: found?.id ?? null }
    },
  },
  'conversation.update': {
    lock: theConversation,
    policy: manager,
    run: async (call) => {
      const { tx, actor } = call
      const { conversationId, ...change } = call.input
      const before = await tx.conversations.get(conversationId)
      const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined))
      const conversation = await tx.updateConversation(conversationId, given)
      tx.append(draft(actor, 'conversation.updated', conversationTopic(conversationId), { conversation }))
      const { title } = conversation
      const audience = title === before?.title ? 'many' : await audienceOf(tx.members, conversationId)
      const others = audience === 'many' ? [] : audience.map(({ userId }) => userId)
      await tell(call, ofChange(call, conversation, others, { change: 'title', title }))
      return conversation
    },
  },
  'conversation.addMembers': {
    lock: theConversation,
    policy: manager,
    run: async (call) => {
      const { tx, actor } = call
      const { conversationId, memberIds, role } = call.input
      const conversation = await tx.conversations.get(conversationId)
      if (!conversation) throw new AppError('NOT_FOUND', 'Conversation not found')
      if (conversation.kind === 'direct') throw new AppError('CONFLICT', 'A direct conversation has two members')
      const own = await standing(tx, actor, conversationId)
      if (role === 'owner' && own.role !== 'owner') throw new AppError('FORBIDDEN', 'Only an owner may add an owner')
      await mustExist(tx, memberIds)
      const members = await tx.addMembers(conversationId, memberIds, role)
      const topic = conversationTopic(conversationId)
      const added = members.map((member) => member.userId)
      if (members.length > 0) tx.append(draft(actor, 'member.added', topic, { conversationId, members }))
      await tell(call, ofInvitation(call, conversation, added))
      return { conversationId, added }
    },
  },
  'conversation.removeMember': {
    lock: theConversation,
    policy: manager,
    run: async (call) => {
      const { tx, actor, input } = call
      const [own, theirs] = [
        await standing(tx, actor, input.conversationId),
        await tx.members.standing(input.conversationId, input.userId),
      ]
      if (theirs?.role === 'owner' && own.role !== 'owner') {
        throw new AppError('FORBIDDEN', 'Only an owner may remove an owner')
      }
      return remove(call, input.userId)
    },
  },
  'conversation.join': { lock: theConversation, policy: anyone, run: join },
  'conversation.leave': { lock: theConversation, policy: anyone, run: (call) => remove(call, call.actor.userId) },
  'conversation.configure': {
    lock: theConversation,
    policy: member,
    run: async ({ tx, actor, input: { conversationId, ...change } }) => {
      const { wishes, changed } = await tx.configure(conversationId, actor.userId, change)
      const payload = { conversationId, userId: actor.userId, ...wishes }
      if (changed) tx.append(draft(actor, 'conversation.configured', userTopic(actor.userId), payload))
      return { conversationId, ...wishes }
    },
  },
  'conversation.view': {
    lock: theConversation,
    policy: member,
    run: async ({ tx, actor, input: { conversationId } }) => {
      const at = await tx.view(conversationId, actor.userId)
      const payload = { conversationId, userId: actor.userId, at }
      tx.append(draft(actor, 'conversation.viewed', userTopic(actor.userId), payload))
      return { conversationId, at }
    },
  },
}
