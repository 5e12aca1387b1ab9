/** The nouns of `messenger` in its words: the same for its sockets and its REST. */
import type { z } from 'zod'
import type { BeatMetrics } from '../../shared/commands/presence.ts'
import type { AppError } from '../../shared/errors.ts'
import type { Conversation, Member, Message, Notification, Presence, Profile } from '../../shared/model.ts'
import type * as form from './messenger.wire.ts'
import type { Card } from './outbound.ts'

/** What a message needs to know of its conversation. Only the members who are known here count. */
export interface Setting {
  readonly conversation: Pick<Conversation, 'kind'>
  readonly members: readonly Pick<Member, 'userId' | 'lastReadSeq' | 'lastDeliveredSeq'>[]
}
export const settingOf = (card: Pick<Card, 'conversation' | 'members'> | null): Setting | null =>
  card && { conversation: card.conversation, members: [...card.members.values()] }

/** Without a setting, neither recipient nor group is named. */
export function messageOf(message: Message, setting: Setting | null): z.input<typeof form.MessageForm> {
  const { id, conversationId, senderId, seq } = message
  const others = (setting?.members ?? []).filter(({ userId }) => userId !== senderId)
  const kind = setting?.conversation.kind
  const by = (mark: 'lastReadSeq' | 'lastDeliveredSeq') =>
    others.length > 0 && others.every((member) => member[mark] >= seq)
  return {
    _id: id,
    sender: senderId,
    conversation: conversationId,
    conversationId,
    recipient: kind === 'direct' ? (others[0]?.userId ?? null) : null,
    group: kind === undefined || kind === 'direct' ? null : conversationId,
    content: message.content,
    type: message.type,
    mediaUrl: media(message),
    replyTo: message.replyTo,
    mentions: message.mentions,
    reactions: message.reactions.map(({ reaction, count, userIds }) => ({ emoji: reaction, count, users: userIds })),
    createdAt: message.createdAt.toISOString(),
    status: by('lastReadSeq') ? 'read' : by('lastDeliveredSeq') ? 'delivered' : 'sent',
    edited: message.editedAt !== null,
    deleted: message.deletedAt !== null,
    clientId: message.clientId,
  }
}

export const updated = ({ id, conversationId, content, editedAt }: Message) => ({
  _id: id,
  messageId: id,
  conversationId,
  content,
  edited: editedAt !== null,
  editedAt: editedAt?.toISOString() ?? null,
})
export const deleted = ({ id, conversationId, deletedBy }: Message) => ({
  messageId: id,
  conversationId,
  deletedBy,
  _id: id,
  conversation: conversationId,
})

/** A picture is the message's whole content, or comes with a text. */
function media({ type, content, metadata }: Message): string | null {
  if (type === 'image') return content || null
  return typeof metadata?.image === 'string' ? metadata.image : null
}

export const person = ({ id, name, avatar, role }: Profile): z.input<typeof form.PersonForm> => ({
  _id: id,
  name,
  avatar,
  role,
})

/** `unread`: of who asks. */
export function conversationOf(
  conversation: Conversation,
  about: { readonly members: readonly Member[]; readonly lastMessage: Message | null; readonly unread: number },
): z.input<typeof form.ConversationForm> {
  const { members, lastMessage, unread } = about
  const viewed = members.flatMap(({ userId, lastViewedAt }) =>
    lastViewedAt ? [[userId, lastViewedAt.toISOString()] as const] : [],
  )
  return {
    _id: conversation.id,
    type: conversation.kind === 'direct' ? 'direct' : 'group',
    name: conversation.title,
    participants: members.map(({ profile }) => person(profile)),
    lastMessage: lastMessage && messageOf(lastMessage, { conversation, members }),
    lastMessageAt: conversation.lastMessageAt?.toISOString() ?? null,
    unreadCount: unread,
    lastSeen: Object.fromEntries(viewed),
    createdAt: conversation.createdAt.toISOString(),
    updatedAt: conversation.updatedAt.toISOString(),
  }
}

export const notificationOf = (notification: Notification): z.input<typeof form.NotificationForm> => ({
  _id: notification.id,
  type: notification.type,
  title: notification.title,
  message: notification.body,
  data: notification.data,
  actionUrl: notification.actionUrl,
  priority: notification.priority,
  createdAt: notification.createdAt.toISOString(),
})
export const listedNotification = (notification: Notification): z.input<typeof form.ListedNotification> => ({
  ...notificationOf(notification),
  read: notification.readAt !== null,
  readAt: notification.readAt?.toISOString() ?? null,
})

export const unreadOf = (list: { readonly notifications: readonly Notification[]; readonly unread: number }) => ({
  ok: true as const,
  count: list.unread,
  notifications: list.notifications.map(listedNotification),
})

export const statusOf = ({ userId, status, custom, lastSeenAt }: Presence) => ({
  userId,
  status,
  customStatus: custom && { ...custom, expiresAt: custom.expiresAt?.toISOString() ?? null },
  lastSeen: lastSeenAt?.toISOString() ?? null,
})

export const metricsOf = (metrics: BeatMetrics): z.input<typeof form.Metrics> => ({
  userId: metrics.userId,
  socketId: metrics.connectionId,
  avgLatency: Math.round(metrics.averageMs ?? 0),
  lastHeartbeat: metrics.lastBeatAt?.getTime() ?? null,
  missedHeartbeats: metrics.missed,
  consecutiveMissed: metrics.consecutiveMissed,
})

/** The last round trip by this server's clock; until there is one, how old the client's time is. */
export const latencyOf = ({ lastMs }: BeatMetrics, now: Date, timestamp: Date): number =>
  Math.max(0, Math.round(lastMs ?? now.getTime() - timestamp.getTime()))

/** Undefined leaves it as it is, null and empty texts end it. */
export function customOf(given: z.output<typeof form.Choosing>['customStatus']) {
  if (!given) return given
  const [message, emoji] = [given.message || null, given.emoji || null]
  if (message === null && emoji === null) return null
  return { message, emoji, expiresAt: given.expiresAt ? new Date(given.expiresAt) : null }
}

const TEXTS: Partial<Record<AppError['code'], string>> = {
  FORBIDDEN: 'forbidden',
  NOT_FOUND: 'not found',
  LOCKED: 'Message is locked by another user',
  RATE_LIMITED: 'Rate limit exceeded',
}
/** Sockets and REST say the same of a failure. `words` come first. */
export const textOf = ({ code, message }: AppError, words: typeof TEXTS = {}): string =>
  words[code] ?? TEXTS[code] ?? message
