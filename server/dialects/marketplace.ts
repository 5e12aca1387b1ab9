/**
 * `marketplace`: client and craftsman. Chats arrive by themselves (the live client never asks for one), events carry bare
 * strings, answers are events, errors are the event `error` with a code. A message is `new-message` in the chat, then
 * `chat-updated` to each participant, then `message-sent` to the sending socket.
 */
import { z } from 'zod'
import type { AppError } from '../../shared/errors.ts'
import { Id } from '../../shared/model.ts'
import { dialect } from './dialect.ts'
import { CODES, Content, chatUpdate, MESSAGES, MessageType, newMessage, wire } from './marketplace.wire.ts'
import { type Card, dropped } from './outbound.ts'

const { on, local, define } = dialect({
  name: 'marketplace',
  emits: wire,
  ack: z.object({ success: z.literal(false), message: z.string(), code: z.string() }),
})

const chatId = Id
const conversation = (id: string) => `conversation:${id}` as const
const LOST = 'SEND_MESSAGE_ERROR'

function failure([code, message]: readonly [string, string]) {
  return { emit: [['error', { message, code }]], ack: { success: false, message, code } } as const
}
const sending = (error: AppError) => failure(CODES[error.code] ?? [LOST, 'Failed to send message'])
/** A chat that is not there is none of the user's. */
const entering = (error: AppError) =>
  failure(CODES[error.code === 'NOT_FOUND' ? 'FORBIDDEN' : error.code] ?? [LOST, 'Something went wrong'])

const chat = (card: Card) => chatUpdate({ ...card, members: [...card.members.values()] })
const chatUpdated = (card: Card) => ({ members: [['chat-updated', chat(card)]] }) as const

export const marketplace = define({
  connect: {
    follow: 'all',
    connections: 5,
    log: ({ userId }, chatCount) => ['Auto-joined user to all active chats', { userId, chatCount }],
  },
  inbound: {
    'join-chat': on(chatId, 'conversation.get', {
      input: (id) => ({ conversationId: id }),
      follow: (_, id) => conversation(id),
      reply: (_, id, { room }) => [['chat-joined', { chatId: id, success: true, roomMembersCount: room.connections }]],
      fail: (error, id) => {
        const { emit, ack } = entering(error)
        return id === undefined
          ? { emit, ack }
          : { emit: [...emit, ['chat-joined', { chatId: id, success: false, roomMembersCount: 0 }]], ack }
      },
    }),
    'leave-chat': local(chatId, { unfollow: (id) => conversation(id) }),
    'send-message': on(
      z.object({
        chatId,
        messageType: MessageType,
        content: Content,
      }),
      'message.send',
      {
        limit: MESSAGES,
        about: (_, { chatId }) => conversation(chatId),
        input: (send) => ({ conversationId: send.chatId, type: send.messageType, content: send.content }),
        reply: (message) => [
          [
            'message-sent',
            {
              success: true,
              messageId: message.id,
              timestamp: message.createdAt.toISOString(),
              chatId: message.conversationId,
            },
          ],
        ],
        fail: sending,
        log: {
          before: ({ chatId, messageType }, { userId: senderId }) => [
            'Processing message send',
            { chatId, senderId, messageType },
          ],
          failed: ({ message: error }, payload, { userId }) => [
            'Error sending message via socket',
            // What was to be said is in no log.
            { error, userId, data: payload && { chatId: payload.chatId, messageType: payload.messageType } },
          ],
          after: (message, { chatId }, { room }) => [
            ['Room stats', { chatId, connectedMembers: room.connections }],
            ['Message saved to database', { messageId: message.id, chatId }],
            [
              'Emitting new-message to chat room',
              { room: `chat:${chatId}`, messageId: message.id, roomMembersCount: room.connections },
            ],
            [
              'Message sent successfully',
              { messageId: message.id, eventsEmitted: ['new-message', 'chat-updated', 'message-sent'] },
            ],
          ],
        },
      },
    ),
    'mark-messages-read': on(chatId, 'message.markRead', {
      input: (id) => ({ conversationId: id }),
    }),
    'typing-start': on(chatId, 'typing.set', { input: (id) => ({ conversationId: id, typing: true }) }),
    'typing-stop': on(chatId, 'typing.set', { input: (id) => ({ conversationId: id, typing: false }) }),
    // For administrators who try the wires.
    'test-event': on(z.object({ userId: Id.optional(), message: z.string().max(1_000) }), 'admin.test', {
      input: ({ userId, message }, { actor }) => ({ userId: userId ?? actor.userId, message }),
    }),
    'test-message': on(z.object({ chatId, content: z.string().max(1_000) }), 'admin.test', {
      input: (test) => ({ conversationId: test.chatId, message: test.content }),
    }),
  },
  outbound: {
    'conversation.created': ({ conversation }, { card }) => ({
      members: [
        ['new-chat-notification', { chatId: conversation.id, message: 'New chat conversation started' }],
        ['chat-updated', chat(card)],
      ],
    }),
    'conversation.updated': (_, { card }) => chatUpdated(card),
    'member.added': (_, { card }) => chatUpdated(card),
    'member.removed': (_, { card }) => chatUpdated(card),
    'message.created': ({ message }, { card }) => ({
      all: [['new-message', newMessage(message, card.profile(message.senderId))]],
      members: [['chat-updated', chat(card)]],
    }),
    // No word for a changed message: only the line in the list of chats can follow it.
    'message.updated': ({ message }, { card }) => (card.lastMessage?.id === message.id ? chatUpdated(card) : {}),
    'message.deleted': ({ message }, { card }) => (card.lastMessage?.id === message.id ? chatUpdated(card) : {}),
    'receipt.read': ({ conversationId, userId, messageId, changed, at }, { card }) =>
      changed === 0 || messageId === null
        ? {}
        : {
            others: [['message-read', { chatId: conversationId, readBy: userId, readAt: at.toISOString(), messageId }]],
            members: [['chat-updated', chat(card)]],
          },
    'typing.changed': ({ conversationId, userId, name, typing }) => ({
      others: [['user-typing', { chatId: conversationId, userId, isTyping: typing, userName: name }]],
    }),
    'admin.tested': ({ conversationId, message, at }) => ({
      all:
        conversationId === null
          ? [['test-event', { message, timestamp: at.toISOString() }]]
          : [['test-message', { content: message, chatId: conversationId }]],
    }),
    // It knows no reactions, no receipts of delivery and no optimistic sends; profiles are read from the card.
    ...dropped({
      user: ['updated', 'blocked', 'revoked'],
      presence: ['changed'],
      connection: ['kicked', 'opened'],
      conversation: ['viewed', 'configured'],
      member: ['updated'],
      message: ['reacted', 'accepted', 'failed', 'hidden'],
      receipt: ['delivered', 'unread', 'marked', 'counted'],
      lock: ['acquired', 'released'],
      notification: ['created', 'read', 'deleted'],
      call: ['signaled'],
    }),
  },
  error: entering,
})
