/** What a user is told of besides the messages themselves. */
import { z } from 'zod'
import { Id, JsonObject } from './base.ts'
import type { Message } from './message.ts'

export const NotificationType = z.enum([
  'message',
  'mention',
  'reaction',
  'group_invite',
  'group_update',
  'contact_request',
  'contact_accept',
  'call',
  'forward',
  'system',
])
export type NotificationType = z.output<typeof NotificationType>
export const Priority = z.enum(['low', 'normal', 'high', 'urgent'])
export type Priority = z.output<typeof Priority>

export const Notification = z.object({
  id: Id,
  userId: Id,
  type: NotificationType,
  priority: Priority,
  title: z.string(),
  /** If it is about a message: how that begins now, empty once it is deleted. */
  body: z.string(),
  /** Of the domain's own: `conversationId` and `userId`, whoever caused it. */
  data: JsonObject(4_000).nullable(),
  actionUrl: z.string().nullable(),
  messageId: Id.nullable(),
  /** Made while the user was not to be disturbed: listed, and not to be shown by itself. */
  silent: z.boolean(),
  createdAt: z.date(),
  readAt: z.date().nullable(),
})
export type Notification = z.output<typeof Notification>

const PREVIEW = 200

/** How a message begins, at most 200 characters. */
export function previewOf({ type, content, deletedAt }: Pick<Message, 'type' | 'content' | 'deletedAt'>): string {
  if (deletedAt) return ''
  return type === 'image' ? '[IMAGE]' : content.slice(0, PREVIEW).toWellFormed()
}
