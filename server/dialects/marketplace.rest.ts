/**
 * `marketplace` over HTTP: only a client starts a chat, and only with a craftsman; it is one chat for the two, whatever jobs it is
 * about. Starting it again gives it as it is, and sends the message. Chats and messages have the form that sockets know; a message
 * counts against the same limit. Administrators read all chats, and who is connected to this node.
 */
import { z } from 'zod'
import type { Output } from '../../shared/commands.ts'
import { AppError } from '../../shared/errors.ts'
import { type ConversationDetail, Id, type Message, type Profile } from '../../shared/model.ts'
import type { Execute } from './inbound.ts'
import {
  ChatUpdate,
  CODES,
  Content,
  chatUpdate,
  MESSAGES,
  MessageType,
  NewMessage,
  newMessage,
} from './marketplace.wire.ts'
import { messagesOf, pages, pagesOf } from './rest.page.ts'
import { answers, group } from './rest.ts'

const by = pages({ usual: 20, most: 100 })
const Paged = z.object(by.shape)
const counted = { totalCount: z.number(), totalPages: z.number(), currentPage: z.number() }
const countedOf = (totalCount: number, { limit, page }: { readonly limit: number; readonly page: number }) => ({
  ...{ totalCount, totalPages: pagesOf(totalCount, limit), currentPage: page },
})

const whole = (execute: Execute, conversationId: string) => execute('conversation.get', { conversationId })
const wholes = (execute: Execute, conversations: readonly { readonly id: string }[]) =>
  Promise.all(conversations.map(({ id }) => whole(execute, id)))

/** The messages with their senders, of whom some may be members no more. */
async function signed(execute: Execute, { members }: ConversationDetail, messages: readonly Message[]) {
  const profiles = new Map(members.map(({ userId, profile }): [string, Profile] => [userId, profile]))
  const strangers = [...new Set(messages.map(({ senderId }) => senderId))].filter((id) => !profiles.has(id))
  const found = await Promise.all(strangers.map((userId) => execute('user.get', { userId })))
  for (const profile of found) profiles.set(profile.id, profile)
  return messages.flatMap((message) => {
    const sender = profiles.get(message.senderId)
    return sender ? [newMessage(message, sender, isRead(message, members))] : []
  })
}
/** By all others. */
function isRead({ senderId, seq }: Message, members: ConversationDetail['members']): boolean {
  const others = members.filter(({ userId }) => userId !== senderId)
  return others.length > 0 && others.every(({ lastReadSeq }) => lastReadSeq >= seq)
}
async function one(execute: Execute, message: Message): Promise<z.input<typeof NewMessage>> {
  const detail = await whole(execute, message.conversationId)
  const [found] = await signed(execute, detail, [message])
  if (!found) throw new AppError('NOT_FOUND', 'User not found')
  return found
}

const named = (what: string) => (error: AppError) =>
  error.code === 'NOT_FOUND' ? new AppError('NOT_FOUND', `${what} not found`, { cause: error }) : error
const fail = named('Chat')
const byId = ({ params: { id } }: { readonly params: { readonly id: string } }) => ({ conversationId: id })

const Room = z.object({
  roomName: z.string(),
  socketCount: z.number(),
  socketIds: z.array(z.string()),
  userIds: z.array(z.string()),
})
const Debug = z.object({ totalConnections: z.number(), totalRooms: z.number(), rooms: z.array(Room) })

/** The rooms by the names that they had: of each user, and of each chat that somebody hears. */
function debug(
  { rooms, totalRooms, totalSockets, totalUsers }: Output<'admin.rooms'>,
  { connections, next }: Output<'admin.connections'>,
): z.input<typeof Debug> {
  // Bots are not connected, they are here.
  const bots = connections.filter(({ entrance }) => entrance === null)
  const present = connections.filter(({ entrance }) => entrance !== null)
  const [inside, botIds] = [bots.map(({ connectionId }) => connectionId), bots.map(({ userId }) => userId)]
  const users = [...new Set(present.map(({ userId }) => userId))].sort()
  const ofUsers = users.map((id) => {
    const socketIds = present.filter(({ userId }) => userId === id).map(({ connectionId }) => connectionId)
    return { roomName: `user:${id}`, socketCount: socketIds.length, socketIds, userIds: [id] }
  })
  const ofChats = rooms.map(({ conversationId, connections: count, connectionIds, userIds }) => {
    const socketIds = connectionIds.filter((id) => !inside.includes(id))
    return {
      ...{ roomName: `chat:${conversationId}`, socketCount: count - (connectionIds.length - socketIds.length) },
      ...{ socketIds, userIds: userIds.filter((id) => !botIds.includes(id)) },
    }
  })
  return {
    totalConnections: next === null ? present.length : totalSockets,
    totalRooms: totalRooms + (next === null ? users.length : totalUsers),
    rooms: [...ofUsers, ...ofChats],
  }
}

const ofChat = answers(ChatUpdate)
const ofMessage = answers(NewMessage)
const ofChats = answers(z.object({ chats: z.array(ChatUpdate), ...counted }))
const ofMessages = answers(z.object({ messages: z.array(NewMessage), ...counted }))

const failure = z.object({ success: z.literal(false), message: z.string(), error: z.string() })

export const marketplaceRest = group({ name: 'marketplace', failure }).define({
  base: '/api',
  envelope: {
    schema: (answer) => z.object({ success: z.literal(true), data: answer, message: z.string() }),
    payload: (data, message) => ({ success: true, data, message }),
  },
  error: ({ code, message }) => ({ success: false, message, error: CODES[code]?.[0] ?? code }),
  routes: [
    ofChat.route('POST /messages/chats', {
      command: 'conversation.create',
      summary: 'A client starts a chat with a craftsman, or finds the one that the two have',
      body: z.object({ craftsmanId: Id, jobId: Id.nullish(), message: Content.or(z.literal('')).nullish() }),
      limit: ({ body }) => (body.message ? MESSAGES : undefined),
      before: async (execute, { actor, body }) => {
        if (actor.role.toLowerCase() !== 'client') throw new AppError('FORBIDDEN', 'Only clients may start a chat')
        const { role } = await execute('user.get', { userId: body.craftsmanId })
        if (role.toLowerCase() !== 'craftsman') throw new AppError('NOT_FOUND', 'Craftsman not found')
      },
      input: ({ body: { craftsmanId, jobId, message } }) => ({
        ...{ kind: 'direct', memberIds: [craftsmanId], context: jobId ? { jobId } : null },
        ...(message && { message: { content: message } }),
      }),
      fail: named('Craftsman'),
      more: (execute, { conversation }) => whole(execute, conversation.id),
      status: 201,
      message: 'Chat created successfully',
      payload: (_, __, detail) => chatUpdate(detail),
    }),
    ofChats.route('GET /messages/chats', {
      command: 'conversation.count',
      summary: 'Chats of the user, newest activity first',
      query: Paged,
      input: () => ({}),
      more: async (execute, _, { query }) => {
        const { limit, skip } = by.of(query)
        return wholes(execute, (await execute('conversation.list', { limit, skip })).conversations)
      },
      message: 'Chats retrieved successfully',
      payload: ({ count }, { query }, details) => ({
        ...{ chats: details.map((detail) => chatUpdate(detail)), ...countedOf(count, by.of(query)) },
      }),
    }),
    ofChat.route('GET /messages/chats/:id', {
      command: 'conversation.get',
      input: byId,
      fail,
      message: 'Chat retrieved successfully',
      payload: (detail) => chatUpdate(detail),
    }),
    ofMessages.route('GET /messages/chats/:id/messages', {
      command: 'conversation.get',
      summary: 'Messages of a chat: pages from the newest, the oldest first inside',
      query: Paged,
      input: byId,
      fail,
      more: async (execute, detail, { params, query }) => {
        const { lastSeq } = detail.conversation
        const page = await messagesOf(lastSeq, by.of(query), (place) =>
          execute('message.history', { conversationId: params.id, ...place }),
        )
        return signed(execute, detail, page)
      },
      message: 'Messages retrieved successfully',
      payload: ({ conversation }, { query }, messages) => ({
        ...{ messages: [...messages], ...countedOf(conversation.lastSeq, by.of(query)) },
      }),
    }),
    ofMessage.route('POST /messages/chats/:id/messages', {
      command: 'message.send',
      body: z.object({ content: Content, messageType: MessageType }),
      limit: () => MESSAGES,
      input: ({ params, body }) => ({ conversationId: params.id, type: body.messageType, content: body.content }),
      fail,
      more: one,
      status: 201,
      message: 'Message sent successfully',
      payload: (_, __, message) => message,
    }),
    answers(z.object({ updatedCount: z.number() })).route('PATCH /messages/chats/:id/read', {
      command: 'message.markRead',
      input: byId,
      fail,
      message: 'Messages marked as read',
      payload: ({ changed }) => ({ updatedCount: changed }),
    }),
    ofMessage.route('DELETE /messages/messages/:messageId', {
      command: 'message.delete',
      summary: 'Its sender, or a moderator, takes it back; its place stays',
      input: ({ params }) => ({ messageId: params.messageId }),
      // A moderator need not be a member.
      more: (execute, { senderId }) => execute('user.get', { userId: senderId }),
      message: 'Message deleted successfully',
      payload: (message, _, sender) => newMessage(message, sender),
    }),
    ofChats.route('GET /messages/admin/chats', {
      command: 'admin.conversations',
      summary: 'All chats, newest first, for administrators',
      query: Paged,
      input: ({ query }) => {
        const { limit, skip } = by.of(query)
        return { limit, skip }
      },
      more: (execute, { conversations }) => wholes(execute, conversations),
      message: 'Chats retrieved successfully',
      payload: ({ total }, { query }, details) => ({
        ...{ chats: details.map((detail) => chatUpdate(detail)), ...countedOf(total, by.of(query)) },
      }),
    }),
    ofMessages.route('GET /messages/admin/chats/:id/messages', {
      command: 'conversation.get',
      summary: 'Messages of any chat, for administrators',
      query: Paged,
      input: byId,
      fail,
      more: async (execute, detail, { params, query }) => {
        const page = await messagesOf(detail.conversation.lastSeq, by.of(query), (place) =>
          execute('admin.history', { conversationId: params.id, ...place }),
        )
        return signed(execute, detail, page)
      },
      message: 'Messages retrieved successfully',
      payload: ({ conversation }, { query }, messages) => ({
        ...{ messages: [...messages], ...countedOf(conversation.lastSeq, by.of(query)) },
      }),
    }),
    answers(Debug).route('GET /messages/admin/socket-debug', {
      command: 'admin.rooms',
      summary: 'The rooms of this node and who is in them: users of the first 500 connections, the first 200 chats',
      input: () => ({ limit: 200 }),
      more: (execute) => execute('admin.connections', { limit: 500 }),
      bare: true,
      payload: (rooms, _, connections) => debug(rooms, connections),
    }),
  ],
})
