/**
 * Of what users are notified: drafts, for the transaction of what they are about. Never to whoever caused it, once for a cause; a
 * mention takes the place of the message it is in. Who is no member of the conversation, has muted the type or (for plain
 * messages) the conversation gets none: that is decided where they are stored. In conversations of more than 100 members a
 * message is told only to whom it names one by one, and to the one it answers.
 */
import type { Conversation, Message } from '../../shared/model.ts'
import type { Actor } from '../../shared/ports.ts'
import type { Audience } from './audience.ts'
import { withoutBlocked } from './block.ts'
import type { Node } from './handler.ts'
import type { Mentions } from './mention.ts'
import type { NotificationDraft, Tx } from './ports.ts'

/** Who acts, and with what: every call has it. */
export interface Doing {
  readonly actor: Actor
  readonly node: Pick<Node, 'world' | 'presence'>
}

/** In a write. `message`: the one that all of them are about. */
export async function tell(
  { tx, actor }: { readonly tx: Tx; readonly actor: Actor },
  drafts: readonly NotificationDraft[],
  message?: Message,
): Promise<void> {
  await tx.notify(await withoutBlocked(tx, actor.userId, drafts), actor.connectionId, message)
}

type Given = Pick<NotificationDraft, 'userId' | 'type' | 'conversationId'> &
  Partial<Pick<NotificationDraft, 'priority' | 'title' | 'body' | 'data' | 'messageId' | 'cause' | 'actionUrl'>>

/** Without a cause of its own it is told each time. */
export function notice({ actor, node: { world } }: Doing, given: Given): NotificationDraft {
  const id = world.newId()
  const usual = {
    priority: 'normal',
    title: actor.name,
    body: '',
    data: null,
    messageId: null,
    actionUrl: null,
  } as const
  return { id, cause: id, ...usual, ...given, by: actor.userId, createdAt: new Date(world.now()) }
}

type Sent = Pick<Message, 'id' | 'conversationId'>

function aboutMessage(doing: Doing, { id, conversationId }: Sent, userId: string, type: 'message' | 'mention') {
  const data = { conversationId, userId: doing.actor.userId }
  const priority = type === 'mention' ? 'high' : 'normal'
  return notice(doing, { userId, type, priority, cause: `${type}:${id}`, conversationId, messageId: id, data })
}

/** Whom a message names, but for those whom it named `before`. */
function mentioned({ actor }: Doing, { mentions, mentionsEveryone }: Mentions, audience: Audience, before?: Mentions) {
  const everyone = mentionsEveryone && !before?.mentionsEveryone && audience !== 'many'
  const named = new Set(everyone ? [...mentions, ...audience.map(({ userId }) => userId)] : mentions)
  for (const userId of before?.mentions ?? []) named.delete(userId)
  named.delete(actor.userId)
  return named
}

/** Of a new message: to whom it names, and to members who are away now. `answered`: who wrote what it replies to. */
export function ofMessage(
  doing: Doing,
  message: Sent,
  mentions: Mentions,
  audience: Audience,
  answered: string | null,
): NotificationDraft[] {
  const named = mentioned(doing, mentions, audience)
  const others = audience === 'many' ? (answered === null ? [] : [answered]) : audience.map(({ userId }) => userId)
  const away = others.filter(
    (userId) => userId !== doing.actor.userId && !named.has(userId) && !doing.node.presence.online(userId),
  )
  return [
    ...[...named].map((userId) => aboutMessage(doing, message, userId, 'mention')),
    ...away.map((userId) => aboutMessage(doing, message, userId, 'message')),
  ]
}

/** Of an edited message: to those alone whom it did not name before. */
export const ofEdit = (doing: Doing, message: Message, before: Mentions, audience: Audience): NotificationDraft[] =>
  [...mentioned(doing, message, audience, before)].map((userId) => aboutMessage(doing, message, userId, 'mention'))

/** Of a reaction, to who wrote the message. Given, taken back and given again it is told once. */
export function ofReaction(doing: Doing, { id, conversationId, senderId }: Message, reaction: string) {
  const { userId } = doing.actor
  if (senderId === userId) return []
  const data = { conversationId, userId, reaction }
  const cause = `reaction:${id}:${userId}:${reaction}`
  return [notice(doing, { userId: senderId, type: 'reaction', cause, conversationId, messageId: id, data })]
}

export type Place = Pick<Conversation, 'id' | 'title'>

/** Of an invitation, to those who were added by somebody else. */
export const ofInvitation = (doing: Doing, { id, title }: Place, added: readonly string[]): NotificationDraft[] =>
  added.flatMap((userId) => {
    if (userId === doing.actor.userId) return []
    const text = { title: title ?? doing.actor.name, body: `${doing.actor.name} added you` }
    return [notice(doing, { userId, type: 'group_invite', conversationId: id, ...text, data: dataOf(doing, id) })]
  })

type Change = { change: 'role'; role: string } | { change: 'removed' } | { change: 'title'; title: string | null }

function said(change: Change): string {
  if (change.change === 'role') return `Your role is now ${change.role}`
  if (change.change === 'removed') return 'You were removed'
  return change.title === null ? 'The title was removed' : `The title is now ${change.title}`
}

/** Of a change of a group, to those whom it concerns. */
export const ofChange = (doing: Doing, { id, title }: Place, userIds: readonly string[], change: Change) =>
  userIds.flatMap((userId): NotificationDraft[] => {
    if (userId === doing.actor.userId) return []
    const text = { title: title ?? doing.actor.name, body: said(change) }
    // Who was removed is no member any more, and is told all the same.
    const conversationId = change.change === 'removed' ? null : id
    const data = { ...dataOf(doing, id), ...change }
    return [notice(doing, { userId, type: 'group_update', conversationId, ...text, data })]
  })

const dataOf = ({ actor }: Doing, conversationId: string) => ({ conversationId, userId: actor.userId })
