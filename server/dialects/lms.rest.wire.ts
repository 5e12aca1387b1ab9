/** The conversations and messages of `lms` over HTTP. Ids stand under both names that its clients know. */
import { z } from 'zod'
import type { ConversationDetail, Message } from '../../shared/model.ts'

const Time = z.iso.datetime()
const id = z.string()
export const Conversation = z.object({
  _id: id,
  id,
  participants: z.array(id),
  lastMessage: z.object({ content: z.string(), senderId: id, timestamp: Time }).nullable(),
  lastMessageAt: Time.nullable(),
  /** By user. */
  unreadCount: z.record(id, z.number()),
  isActive: z.boolean(),
  createdAt: Time,
  updatedAt: Time,
})
export const Sent = z.object({
  _id: id,
  id,
  conversationId: id,
  senderId: id,
  /** Null in a conversation of more than two. */
  recipientId: id.nullable(),
  content: z.string(),
  /** Of all but the sender; the times are those at which their marks moved last. */
  status: z.object({
    delivered: z.boolean(),
    deliveredAt: Time.nullable(),
    read: z.boolean(),
    readAt: Time.nullable(),
  }),
  isEdited: z.boolean(),
  editedAt: Time.nullable(),
  originalContent: z.string().nullable(),
  isDeleted: z.boolean(),
  deletedAt: Time.nullable(),
  deletedBy: id.nullable(),
  createdAt: Time,
  updatedAt: Time,
})
const iso = (time: Date | null) => time?.toISOString() ?? null

export function conversation(
  { conversation: { id, lastMessageAt, createdAt, updatedAt }, members, lastMessage }: ConversationDetail,
  isActive = true,
): z.input<typeof Conversation> {
  return {
    ...{ _id: id, id, isActive, participants: members.map(({ userId }) => userId) },
    lastMessage: lastMessage && {
      content: lastMessage.content,
      senderId: lastMessage.senderId,
      timestamp: lastMessage.createdAt.toISOString(),
    },
    lastMessageAt: iso(lastMessageAt),
    unreadCount: Object.fromEntries(members.map(({ userId, unread }) => [userId, unread])),
    ...{ createdAt: createdAt.toISOString(), updatedAt: (lastMessageAt ?? updatedAt).toISOString() },
  }
}

/** The latest of the times, if all are there. */
function last(times: readonly (Date | null)[]): string | null {
  const known = times.flatMap((time) => time ?? [])
  return known.length === 0 || known.length < times.length ? null : iso(new Date(Math.max(...known.map(Number))))
}

export function sent(message: Message, { conversation: { kind }, members }: ConversationDetail): z.input<typeof Sent> {
  const { id, seq, senderId, conversationId, content, createdAt, editedAt, deletedAt, deletedBy } = message
  const others = members.filter(({ userId }) => userId !== senderId)
  const reached = (marks: readonly number[]) => marks.length > 0 && marks.every((mark) => mark >= seq)
  const delivered = reached(others.map(({ lastDeliveredSeq }) => lastDeliveredSeq))
  const read = reached(others.map(({ lastReadSeq }) => lastReadSeq))
  return {
    ...{ _id: id, id, conversationId, senderId, content },
    recipientId: (kind === 'direct' && others[0]?.userId) || null,
    status: {
      ...{ delivered, deliveredAt: delivered ? last(others.map(({ lastDeliveredAt }) => lastDeliveredAt)) : null },
      ...{ read, readAt: read ? last(others.map(({ lastReadAt }) => lastReadAt)) : null },
    },
    ...{ isEdited: editedAt !== null, editedAt: iso(editedAt), originalContent: message.originalContent },
    ...{ isDeleted: deletedAt !== null, deletedAt: iso(deletedAt), deletedBy },
    ...{ createdAt: createdAt.toISOString(), updatedAt: (deletedAt ?? editedAt ?? createdAt).toISOString() },
  }
}
