/** The forms of `messenger`: what it says, what it is told, and what its callbacks are called with. REST shares the nouns. */
import { z } from 'zod'
import { Id, MessageType, NotificationType, Priority, Status, Text } from '../../shared/model.ts'

const conversationId = z.string()
const messageId = z.string()
const Time = z.iso.datetime()
/** Milliseconds since 1970, as the documents show it. */
const Millis = z.number()

export const MessageForm = z.object({
  _id: messageId,
  sender: z.string(),
  conversation: conversationId,
  conversationId,
  /** The other side of a direct conversation. */
  recipient: z.string().nullable(),
  /** Any other conversation. */
  group: z.string().nullable(),
  content: z.string(),
  type: MessageType,
  mediaUrl: z.string().nullable(),
  replyTo: z.string().nullable(),
  mentions: z.array(z.string()),
  /** `users`: the first ten. */
  reactions: z.array(z.object({ emoji: z.string(), count: z.number(), users: z.array(z.string()) })),
  createdAt: Time,
  status: z.enum(['sent', 'delivered', 'read']),
  edited: z.boolean(),
  deleted: z.boolean(),
  clientId: z.string(),
})
export const PersonForm = z.object({
  _id: z.string(),
  name: z.string(),
  avatar: z.string().nullable(),
  role: z.string(),
})
export const ConversationForm = z.object({
  _id: conversationId,
  type: z.enum(['direct', 'group']),
  name: z.string().nullable(),
  /** The first hundred. */
  participants: z.array(PersonForm),
  lastMessage: MessageForm.nullable(),
  lastMessageAt: Time.nullable(),
  unreadCount: z.number(),
  /** User to time: when they last looked at the conversation. */
  lastSeen: z.record(z.string(), Time),
  createdAt: Time,
  updatedAt: Time,
})
export const NotificationForm = z.object({
  _id: z.string(),
  type: NotificationType,
  title: z.string(),
  message: z.string(),
  data: z.record(z.string(), z.unknown()).nullable(),
  actionUrl: z.string().nullable(),
  priority: Priority,
  createdAt: Time,
})
/** In lists, and in answers about one. */
export const ListedNotification = NotificationForm.extend({ read: z.boolean(), readAt: Time.nullable() })
export const Metrics = z.object({
  userId: z.string(),
  socketId: z.string(),
  avgLatency: z.number(),
  lastHeartbeat: Millis.nullable(),
  missedHeartbeats: z.number(),
  consecutiveMissed: z.number(),
})
const CustomStatus = z.object({
  message: z.string().nullable(),
  emoji: z.string().nullable(),
  expiresAt: Time.nullable(),
})
const ok = z.literal(true)
const Unread = z.object({ ok, count: z.number(), notifications: z.array(ListedNotification) })

const spoken = {
  'message:new': MessageForm,
  'message:updated': z.object({
    _id: messageId,
    messageId,
    conversationId,
    content: z.string(),
    edited: z.boolean(),
    editedAt: Time.nullable(),
  }),
  'message:deleted': z.object({
    messageId,
    conversationId,
    deletedBy: z.string().nullable(),
    _id: messageId,
    conversation: conversationId,
  }),
  'message:read': z.object({ messageId, readBy: z.string(), conversationId }),
  'user:typing': z.object({ conversationId, userId: z.string(), isTyping: z.boolean() }),
  typing: z.object({ from: z.string(), conversationId }),
  'typing-stopped': z.object({ from: z.string(), conversationId }),
  'user-status': z.object({
    userId: z.string(),
    status: Status,
    customStatus: CustomStatus.nullable(),
    lastSeen: Time.nullable(),
  }),
  'missed-messages': z.array(MessageForm),
  'message:locked': z.object({ messageId, lockedBy: z.string() }),
  'message:unlocked': z.object({ messageId }),
  'lock-failed': z.object({ messageId, lockedBy: z.string().nullable(), reason: z.string() }),
  'message:lock-changed': z.object({ messageId, lockedBy: z.string().nullable() }),
  'metrics:get': Metrics,
} as const
const notified = {
  'notification:new': NotificationForm,
  'notifications:unread': Unread,
  'notification:read-confirmed': z.object({ notificationId: z.string() }),
  'notifications:all-read-confirmed': z.object({ count: z.number() }),
  'notification:deleted-confirmed': z.object({ notificationId: z.string() }),
} as const
const common = {
  'rate-limit-exceeded': z.object({
    event: z.string(),
    limit: z.number(),
    windowMs: z.number(),
    retryAfterMs: z.number(),
    message: z.string(),
  }),
} as const
export const wire = { ...spoken, ...common, ...notified, heartbeat: z.object({ timestamp: Millis }) } as const

// Object.keys forgets which names it was given.
const names = <W extends object>(words: W) => Object.keys(words) as (keyof W & string)[]
/** What is said on `/` and `/messages`, and on `/notifications`. */
export const SPOKEN = names({ ...spoken, ...common })
export const NOTIFIED = names({ ...notified, ...common })

/** The most particular first: the reference shows them in this order. */
export const Ack = z.union([
  z.object({ ok: z.literal(false), error: z.string() }),
  z.object({ ok, id: z.string(), message: MessageForm }),
  z.object({ ok, messages: z.array(MessageForm), count: z.number(), hasMore: z.boolean() }),
  z.object({ ok, messages: z.array(MessageForm), count: z.number(), conversationId }),
  z.object({ ok, serverTimestamp: Millis, latency: z.number(), metrics: Metrics }),
  Unread,
  z.object({ ok, subscribedTo: z.array(z.string()) }),
  z.object({ ok, unsubscribedFrom: z.array(z.string()) }),
  z.object({ ok, count: z.number() }),
  z.object({ ok, id: z.string() }),
  z.object({ ok }),
  Metrics,
  z.array(MessageForm),
])

/** Characters of a message. */
export const LONGEST = 5_000
export const Content = z.string({ error: 'content required' }).min(1, 'content required').max(LONGEST, 'too long')
const named = (what: string) =>
  z
    .string({ error: `${what} required` })
    .min(1, `${what} required`)
    .max(128)
const message = { messageId: named('messageId') }
const conversation = { conversationId: named('conversationId') }
const OBJECT = 'an object is required'
const error = 'not a date'
/** As JSON has a date, or milliseconds. */
const Moment = z.union([z.iso.datetime({ offset: true }), z.iso.date(), z.number().int().min(0).max(8.64e15)], {
  error,
})
const Limit = z.number().int().min(1)
const place = { conversationId: Id.optional(), to: Id.optional() }
const isPlaced = (given: { [K in keyof typeof place]?: string | undefined }) =>
  given.conversationId !== undefined || given.to !== undefined

export const Sending = z
  .object(
    {
      ...place,
      content: Content,
      type: MessageType.optional(),
      clientId: Id.nullish(),
      replyTo: Id.nullish(),
    },
    OBJECT,
  )
  .refine(isPlaced, 'recipient required')
export const SendingTo = z.object({ to: named('recipient'), content: Content }, OBJECT)
export const ByMessage = z.object(message, OBJECT)
export const ByConversation = z.object(conversation, OBJECT)
export const Reading = z.object({ ...message, conversationId: Id.nullish() }, OBJECT)
export const Editing = z.object({ ...message, content: Content }, OBJECT)
/** Where, or to whom. */
export const Typing = z
  .object({ ...place, groupId: Id.optional(), isTyping: z.boolean().default(true) }, OBJECT)
  .refine((given) => isPlaced(given) || given.groupId !== undefined, 'conversationId required')
/** The form that the date has says which answer is expected. */
export const Missed = z.union([z.object({ lastSyncDate: Moment }), z.object({ lastSync: Moment }), Moment], { error })
export const Syncing = z.object({ ...conversation, since: Moment.nullish(), limit: Limit.nullish() }, OBJECT)
export const Choosing = z.object(
  {
    status: Status.optional(),
    customStatus: z
      .object({
        message: Text(100).nullish(),
        emoji: Text(32).nullish(),
        expiresAt: Moment.nullish(),
      })
      .nullish(),
  },
  OBJECT,
)
export const Beat = z.object({ timestamp: Moment.optional() }, OBJECT).default({})
export const Nothing = z.unknown()
export const ByNotification = z.object({ notificationId: named('notificationId') }, OBJECT)
export const Types = z.object(
  { types: z.array(z.string().max(64), { error: 'types must be an array' }).max(100, 'too many types') },
  'types must be an array',
)
