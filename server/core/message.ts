/**
 * Messages. A send is checked, shown optimistically if asked, stored by the journal together with others, and answered with
 * the stored message; the same `clientId` gives the first message again. Deleting leaves the place, not the content
 * nor what it said before an edit.
 */
import type { Parsed } from '../../shared/commands.ts'
import { AppError, toAppError } from '../../shared/errors.ts'
import type { Durable, Event } from '../../shared/events.ts'
import type { Message } from '../../shared/model.ts'
import { audienceOf, mentionedIn } from './audience.ts'
import { unheard } from './block.ts'
import { type BatchCall, conversationTopic, draft, ephemeral, type HandlersOf, itsConversation } from './handler.ts'
import { endGone, mayEdit } from './lock.ts'
import { ofEdit, ofMessage, tell } from './notice.ts'
import { anyone, eraser, firstVisible, member, messageMember, sender, standing, visibleMessage } from './policy.ts'
import type { Reads, SendDraft } from './ports.ts'

type Noun =
  | 'message.send'
  | 'message.history'
  | 'message.get'
  | 'message.edit'
  | 'message.versions'
  | 'message.delete'
  | 'message.missed'

async function send(call: BatchCall<'message.send'>): Promise<{ result: Message; events: readonly Durable[] }> {
  const { actor, input, store } = call
  const { world } = call.node
  const conversationId = input.conversationId ?? (await directWith(call, input.to ?? ''))
  const clientId = input.clientId ?? world.newId()
  const shown = input.optimistic && show(call, conversationId, clientId)
  const withdraw = (error: string) => {
    const payload = { conversationId, clientId, senderId: actor.userId, error }
    if (shown) call.node.hub.cast(ephemeral(call, 'message.failed', conversationTopic(conversationId), payload))
  }
  try {
    const { type, content, metadata, replyTo } = input
    const sent = { conversationId, senderId: actor.userId, clientId, type, content, metadata, replyTo }
    const told = await call.node.audiences.inTurn(conversationId, telling(call, sent))
    // Nothing may be awaited in between: messages are stored in the order of their turns.
    const { message, position, notified } = await store.send({ ...sent, ...told, origin: actor.connectionId })
    if (position !== null) return { result: message, events: [created(call, message, position), ...notified] }
    // It was stored before, so no event follows what was shown now.
    withdraw('The message was sent before')
    return { result: message, events: [] }
  } catch (error) {
    withdraw(toAppError(error).message)
    throw error
  }
}

/** Whom a message names and who is notified. Asks the database only where memory does not do. */
async function telling(
  call: BatchCall<'message.send'>,
  { replyTo, ...sent }: Pick<SendDraft, 'conversationId' | 'senderId' | 'content' | 'replyTo'>,
): Promise<Pick<SendDraft, 'id' | 'mentions' | 'mentionsEveryone' | 'notifications'>> {
  const { node, store } = call
  const { members, messages } = store.reads
  const audience = await node.audiences.of(sent.conversationId)
  const mentions = await mentionedIn(members, sent, audience)
  const answers = audience === 'many' && replyTo !== null ? await messages.get(replyTo) : null
  const answered = answers && answers.conversationId === sent.conversationId ? answers.senderId : null
  const id = node.world.newId()
  const message = { id, conversationId: sent.conversationId }
  const drafts = ofMessage(call, message, mentions, audience, answered)
  if (drafts.length === 0) return { id, ...mentions, notifications: [] }
  const blocked = await node.blocklist.of(sent.senderId)
  return { id, ...mentions, notifications: drafts.filter(({ userId }) => !blocked.has(userId)) }
}

/** Without a look at the database: only if memory knows the actor as a member, and once per message. */
function show(call: BatchCall<'message.send'>, conversationId: string, clientId: string): boolean {
  const { actor, input } = call
  const { hub, world } = call.node
  const topic = conversationTopic(conversationId)
  if (!hub.follows(actor.userId, topic) || unheard(call.node, actor, topic)) return false
  if (!call.node.firstShown(`${conversationId} ${actor.userId} ${clientId}`)) return false
  const { userId, name, role, avatar, email } = actor
  const payload: Event<'message.accepted'>['payload'] = {
    ...{ conversationId, clientId, type: input.type, content: input.content, metadata: input.metadata },
    sender: { id: userId, name, role, avatar, email },
    at: new Date(world.now()),
  }
  hub.cast(ephemeral(call, 'message.accepted', topic, payload))
  return true
}

async function directWith({ store, actor, execute }: BatchCall<'message.send'>, to: string): Promise<string> {
  const found = await store.reads.conversations.direct(actor.userId, to)
  return found?.id ?? (await execute('conversation.create', { kind: 'direct', memberIds: [to] })).conversation.id
}

function created({ actor }: BatchCall<'message.send'>, message: Message, position: number): Durable {
  const topic = conversationTopic(message.conversationId)
  const cause = { actorId: actor.userId, origin: actor.connectionId }
  return { name: 'message.created', topic, position, at: message.createdAt, ...cause, payload: { message } }
}

/** The same page, its time as a place. */
async function placed(reads: Reads, { since, ...page }: Parsed<'message.history'>) {
  return since === undefined
    ? page
    : { ...page, after: (await reads.messages.firstAfter(page.conversationId, since)) - 1 }
}

/** Which seqs a page asks for, and whether the newest or the oldest of them count. */
function ranges({ before, after, around, limit }: Parsed<'message.history'>, first: number) {
  const all = { fromSeq: first, toSeq: Number.MAX_SAFE_INTEGER }
  if (around !== undefined) {
    const half = Math.floor(limit / 2)
    return [
      { ...all, toSeq: around - 1, limit: half, newest: true },
      { ...all, fromSeq: Math.max(first, around), limit: limit - half, newest: false },
    ]
  }
  if (after !== undefined) return [{ ...all, fromSeq: Math.max(first, after + 1), limit, newest: false }]
  return [{ ...all, toSeq: before === undefined ? all.toSeq : before - 1, limit, newest: true }]
}

export const message: HandlersOf<Noun> = {
  'message.send': { policy: member, batch: send },
  'message.history': {
    policy: member,
    run: async ({ tx, actor, input }) => {
      const first = firstVisible(await standing(tx, actor, input.conversationId))
      const reader = actor.userId
      const ends = await tx.messages.ends(input.conversationId, first, reader)
      const pages = await Promise.all(
        ranges(await placed(tx, input), first).map((range) =>
          tx.messages.range(input.conversationId, { ...range, reader }),
        ),
      )
      const messages = pages.flat()
      const [from, to] = [messages[0]?.seq, messages.at(-1)?.seq]
      // An empty page lies before the first visible message or behind the last one.
      const [some, ahead] = [ends !== null, input.before !== undefined]
      return {
        messages,
        hasBefore: from === undefined ? some && !ahead : from > (ends?.first ?? from),
        hasAfter: to === undefined ? some && ahead : to < (ends?.last ?? to),
      }
    },
  },
  'message.get': { policy: messageMember, run: ({ tx, actor, input }) => visibleMessage(tx, actor, input.messageId) },
  'message.edit': {
    lock: itsConversation,
    policy: sender,
    run: async ({ tx, actor, input, node }) => {
      const before = await visibleMessage(tx, actor, input.messageId)
      if (before.deletedAt) throw new AppError('CONFLICT', 'Message already deleted')
      const { version } = before
      if (version !== (input.expectedVersion ?? version))
        throw new AppError('CONFLICT', 'The message has been edited meanwhile', { data: { version } })
      await mayEdit(tx, actor, input.messageId)
      // The event goes to the whole conversation, and would show them the text.
      if (await tx.members.latecomers(before.conversationId, before.seq))
        throw new AppError(
          'CONFLICT',
          'Members who joined later may not see this message: it cannot be changed any more',
        )
      const { content } = input
      const audience = await audienceOf(tx.members, before.conversationId)
      const mentions = await mentionedIn(tx.members, { ...before, content }, audience)
      const message = await tx.editMessage(input.messageId, { content, ...mentions })
      tx.append(draft(actor, 'message.updated', conversationTopic(message.conversationId), { message }))
      await tell({ tx, actor }, ofEdit({ actor, node }, message, before, audience), message)
      return message
    },
  },
  'message.versions': {
    policy: messageMember,
    run: async ({ tx, input: { messageId, after, limit } }) => {
      const versions = await tx.messages.versions(messageId, after, limit + 1)
      return { versions: versions.slice(0, limit), hasMore: versions.length > limit }
    },
  },
  'message.delete': {
    lock: itsConversation,
    policy: eraser,
    run: async ({ tx, actor, input }) => {
      const before = await tx.messages.get(input.messageId)
      if (!before) throw new AppError('NOT_FOUND', 'Message not found')
      if (before.deletedAt) throw new AppError('CONFLICT', 'Message already deleted')
      const message = await tx.deleteMessage(input.messageId, actor.userId)
      await endGone(tx, actor, { messageId: message.id })
      tx.append(draft(actor, 'message.deleted', conversationTopic(message.conversationId), { message }))
      return message
    },
  },
  'message.missed': {
    policy: anyone,
    run: async ({ tx, actor, input }) => {
      const messages = await tx.messages.missed(actor.userId, input.since, input.limit + 1)
      return { messages: messages.slice(0, input.limit), hasMore: messages.length > input.limit }
    },
  },
}
