/** The forms of `bedtime`, and messages and notifications in its words. */
import { z } from 'zod'
import { Id, type Message, Metadata, type Notification } from '../../shared/model.ts'
import type { Card } from './outbound.ts'

const Time = z.iso.datetime()
const Received = z.object({
  _id: z.string(),
  senderId: z.string(),
  senderUsername: z.string(),
  /** Null for a message to many. */
  recipientId: z.string().nullable(),
  content: z.string(),
  messageType: z.enum(['text', 'notification', 'system']),
  isRead: z.boolean(),
  metadata: z.record(z.string(), z.unknown()),
  createdAt: Time,
  updatedAt: Time,
})
/** Clients act on it only if `type` is `bedtime`. */
const Scheduled = z.object({
  type: z.string(),
  title: z.string(),
  message: z.string(),
  scheduleName: z.string().nullable(),
  timestamp: Time,
})
export const Failed = z.object({ error: z.string(), message: z.string(), code: z.string() })

export const wire = {
  'user:registered': z.object({ userId: z.string(), socketId: z.string(), userObjectId: z.string() }),
  'message:received': Received,
  'message:receive': Received,
  'message:sent': z.object({ _id: z.string(), status: z.literal('sent'), timestamp: Time }),
  'message:read': z.object({ messageId: z.string(), readAt: Time, readBy: z.string() }),
  'message:error': Failed,
  'schedule:notification': Scheduled,
} as const

/** A bare id, or the same in an object. */
export const Register = z.union([Id, z.object({ userId: Id })])
export const Read = z.union([Id, z.object({ messageId: Id })])
export const Send = z.object({
  content: z.string({ error: 'content is required' }).min(1, 'content is required').max(10_000, 'content is too long'),
  recipientId: Id.nullish(),
  messageType: z.enum(['text', 'notification', 'system']).default('text'),
  metadata: Metadata.nullish(),
  // What another system addresses is not for the bot, even where that system refuses it.
  to: z.never().optional(),
  conversationId: z.never().optional(),
})

export function received(message: Message, card: Card): z.input<typeof Received> {
  const { id, senderId, content, type, metadata, createdAt, editedAt } = message
  const others = [...card.members.keys()].filter((userId) => userId !== senderId)
  return {
    _id: id,
    senderId,
    senderUsername: card.profile(senderId).name || senderId,
    recipientId: card.conversation.kind === 'direct' ? (others[0] ?? null) : null,
    content,
    messageType: type === 'image' ? 'text' : type,
    isRead: false,
    metadata: metadata ?? {},
    createdAt: createdAt.toISOString(),
    updatedAt: (editedAt ?? createdAt).toISOString(),
  }
}

const text = (value: unknown): string | null => (typeof value === 'string' ? value : null)

/** Every schedule is a reminder, whatever sets its time; else `kind` in the data says what it is, as an operator's code gave it. */
export const scheduled = ({ title, body, data, createdAt }: Notification): z.input<typeof Scheduled> => ({
  type: text(data?.scheduleId) === null ? (text(data?.kind) ?? 'notification') : 'bedtime',
  title,
  message: body,
  scheduleName: text(data?.scheduleName),
  timestamp: createdAt.toISOString(),
})
