/** What `marketplace` says: the payload of each event, and how conversations and messages become payloads. */
import { z } from 'zod'
import type { AppError } from '../../shared/errors.ts'
import type { ConversationDetail, Message, Profile } from '../../shared/model.ts'
import type { Limit } from './inbound.ts'

const chatId = z.string()
const Time = z.iso.datetime()
const Person = z.object({
  _id: z.string(),
  fullName: z.string(),
  role: z.string(),
  profilePicture: z.string().optional(),
})
export const NewMessage = z.object({
  _id: z.string(),
  chatId,
  senderId: Person,
  messageType: z.enum(['text', 'image']),
  content: z.string(),
  timestamp: Time,
  isRead: z.boolean(),
  isEdited: z.boolean(),
  isDeleted: z.boolean(),
})
export const ChatUpdate = z.object({
  _id: chatId,
  participants: z.array(Person),
  jobId: z.object({ _id: z.string(), title: z.string() }).optional(),
  lastMessage: z.string().optional(),
  lastMessageAt: Time.optional(),
  lastMessageSenderId: z.string().optional(),
  unreadCount: z.record(z.string(), z.number()),
  isActive: z.boolean(),
})

export const wire = {
  'chat-joined': z.object({ chatId, success: z.boolean(), roomMembersCount: z.number() }),
  'new-message': NewMessage,
  'chat-updated': ChatUpdate,
  'message-sent': z.object({ success: z.literal(true), messageId: z.string(), timestamp: Time, chatId }),
  'message-read': z.object({ chatId, readBy: z.string(), readAt: Time, messageId: z.string() }),
  'new-chat-notification': z.object({ chatId, message: z.string() }),
  'user-typing': z.object({ chatId, userId: z.string(), isTyping: z.boolean(), userName: z.string() }),
  error: z.object({ message: z.string(), code: z.string() }),
  'test-event': z.object({ message: z.string(), timestamp: Time }),
  'test-message': z.object({ content: z.string(), chatId }),
} as const

/** What a socket or a request may send. */
export const MessageType = z.enum(['text', 'image']).default('text')
export const Content = z.string().min(1).max(2_000)
/** Of a user, whichever way they are sent. */
export const MESSAGES: Limit = { points: 30, seconds: 60 }

/** How an error is called, and what is said of it where its own text says nothing. */
export const CODES: Partial<Record<AppError['code'], readonly [code: string, message: string]>> = {
  INVALID_INPUT: ['INVALID_INPUT', 'Missing or invalid data'],
  FORBIDDEN: ['UNAUTHORIZED', 'Not authorized'],
  RATE_LIMITED: ['RATE_LIMIT', 'Rate limit exceeded'],
}

const person = ({ id, name, role, avatar }: Profile): z.input<typeof Person> => ({
  _id: id,
  fullName: name,
  role,
  ...(avatar === null ? {} : { profilePicture: avatar }),
})

export const newMessage = (message: Message, sender: Profile, isRead = false): z.input<typeof NewMessage> => ({
  _id: message.id,
  chatId: message.conversationId,
  senderId: person(sender),
  messageType: message.type === 'image' ? 'image' : 'text',
  content: message.content,
  timestamp: message.createdAt.toISOString(),
  isRead,
  isEdited: message.editedAt !== null,
  isDeleted: message.deletedAt !== null,
})

type Chat = Pick<ConversationDetail, 'conversation' | 'members' | 'memberCount' | 'lastMessage'>

export const chatUpdate = (chat: Chat): z.input<typeof ChatUpdate> => ({
  _id: chat.conversation.id,
  participants: chat.members.map((member) => person(member.profile)),
  ...job(chat),
  ...(chat.lastMessage !== null && isForAll(chat.lastMessage, chat) ? last(chat.lastMessage) : {}),
  unreadCount: Object.fromEntries(chat.members.map((member) => [member.userId, member.unread])),
  isActive: chat.memberCount > 1,
})

/** One payload goes to everybody: where history is hidden, it must not show newcomers what was written before them. */
const isForAll = ({ createdAt }: Message, { conversation, members }: Chat) =>
  conversation.historyVisible || members.every(({ joinedAt }) => joinedAt < createdAt)

/** The job that a chat is about stands in the conversation's context as `jobId` and `jobTitle`. */
function job({ conversation: { context, title } }: Chat): Pick<z.input<typeof ChatUpdate>, 'jobId'> {
  const { jobId, jobTitle } = context ?? {}
  if (typeof jobId !== 'string') return {}
  return { jobId: { _id: jobId, title: typeof jobTitle === 'string' ? jobTitle : (title ?? '') } }
}

const last = (message: Message) => ({
  lastMessage: message.type === 'image' && message.deletedAt === null ? '[IMAGE]' : message.content.slice(0, 100),
  lastMessageAt: message.createdAt.toISOString(),
  lastMessageSenderId: message.senderId,
})
