/**
 * `messenger` over HTTP: messages, conversations and notifications in the words of its sockets; the cookie `token` is a credential
 * too. Pages of messages are from the newest, the oldest first inside. Who writes to a user has a conversation with them from then
 * on; to look for one makes none. To edit and delete is the sender's, to mark as read the receiver's.
 */
import { z } from 'zod'
import { type ConversationDetail, Id, MessageType } from '../../shared/model.ts'
import type { Execute } from './inbound.ts'
import { notificationRoutes } from './messenger.rest.notifications.ts'
import * as form from './messenger.rest.wire.ts'
import { Content, ConversationForm, MessageForm } from './messenger.wire.ts'
import * as say from './messenger.words.ts'
import { messagesOf, pages } from './rest.page.ts'
import { answers, group, type Params } from './rest.ts'

const written = pages({ usual: 50, most: 200 })
const listed = pages({ usual: 20, most: 50 })
const Paged = z.object(written.shape)
const Sending = z
  .object({
    recipient_id: Id.optional(),
    conversation_id: Id.optional(),
    content: Content,
    type: MessageType.optional(),
    clientId: Id.nullish(),
    replyTo: Id.nullish(),
  })
  .refine((given) => given.recipient_id !== undefined || given.conversation_id !== undefined, 'recipient required')

const fail = form.worded()
const entering = form.worded({ FORBIDDEN: 'Access denied', NOT_FOUND: 'Conversation not found' })
const toUser = form.worded({ NOT_FOUND: 'recipient not found' })
const byMessage = ({ params }: { readonly params: Params<'/:id'> }) => ({ messageId: params.id })
const byConversation = ({ params }: { readonly params: Params<'/:id'> }) => ({ conversationId: params.id })

const whole = (execute: Execute, conversationId: string) => execute('conversation.get', { conversationId })
function conversation(detail: ConversationDetail, userId: string): z.input<typeof ConversationForm> {
  const unread = detail.members.find((member) => member.userId === userId)?.unread ?? 0
  return say.conversationOf(detail.conversation, { ...detail, unread })
}
async function page(execute: Execute, detail: ConversationDetail, query: z.output<typeof Paged>) {
  const { id: conversationId, lastSeq } = detail.conversation
  const asked = written.of(query)
  const messages = await messagesOf(lastSeq, asked, (place) => execute('message.history', { conversationId, ...place }))
  return {
    messages: messages.map((message) => say.messageOf(message, detail)),
    ...form.countedOf(lastSeq, asked),
  }
}

const ofMessage = answers(MessageForm)
const ofMessages = answers(form.Messages)

export const messengerRest = group({ name: 'messenger', failure: form.Failure }).define({
  base: '/api',
  cookie: true,
  error: form.failure,
  routes: [
    ...notificationRoutes,
    ofMessage.route('POST /messages', {
      command: 'message.send',
      summary: 'To a user, or in a conversation',
      body: Sending,
      input: ({ body: { recipient_id: to, conversation_id: conversationId, content, type, clientId, replyTo } }) => ({
        ...(conversationId === undefined ? { to } : { conversationId }),
        ...{ content, type, clientId: clientId ?? undefined, replyTo: replyTo ?? null },
      }),
      fail: (error, { body }) => (body.conversation_id === undefined ? toUser(error) : entering(error)),
      more: (execute, { conversationId }) => whole(execute, conversationId),
      status: 201,
      payload: (message, _, detail) => say.messageOf(message, detail),
    }),
    ofMessages.route('GET /messages/:id', {
      command: 'conversation.direct',
      summary: 'Messages with a user: pages from the newest, the oldest first inside',
      query: Paged,
      input: ({ params }) => ({ userId: params.id }),
      fail: toUser,
      more: async (execute, { conversationId }, { query }) =>
        conversationId === null ? null : page(execute, await whole(execute, conversationId), query),
      payload: (_, { query }, found) => found ?? { messages: [], ...form.countedOf(0, written.of(query)) },
    }),
    ofMessages.route('GET /messages/conversation/:id', {
      command: 'conversation.get',
      summary: 'Messages of a conversation: pages from the newest, the oldest first inside',
      query: Paged,
      input: byConversation,
      fail: entering,
      more: (execute, detail, { query }) => page(execute, detail, query),
      payload: (_, __, found) => found,
    }),
    ofMessage.route('PUT /messages/:id', {
      command: 'message.edit',
      body: z.object({ content: Content }),
      input: ({ params, body }) => ({ messageId: params.id, content: body.content }),
      fail,
      more: (execute, { conversationId }) => whole(execute, conversationId),
      payload: (message, _, detail) => say.messageOf(message, detail),
    }),
    answers(form.Deleted).route('DELETE /messages/:id', {
      command: 'message.delete',
      input: ({ params }) => ({ messageId: params.id, own: true }),
      fail,
      payload: (message) => ({ ok: true, ...say.deleted(message) }),
    }),
    answers(form.Ok).route('POST /messages/:id/read', {
      command: 'message.markRead',
      summary: 'It is read, and all before it',
      input: (asked) => ({ ...byMessage(asked), received: true }),
      fail,
      payload: () => ({ ok: true }),
    }),
    answers(form.Conversations).route('GET /conversations', {
      command: 'conversation.count',
      summary: 'Conversations, newest activity first',
      query: z.object(listed.shape),
      input: () => ({}),
      fail,
      more: async (execute, _, { query }) => {
        const { limit, skip } = listed.of(query)
        const { conversations } = await execute('conversation.list', { limit, skip })
        // Who is in each, and who looked at it when, is in the whole of it alone.
        return Promise.all(conversations.map(({ id }) => whole(execute, id)))
      },
      payload: ({ count }, { actor, query }, details) => ({
        conversations: details.map((detail) => conversation(detail, actor.userId)),
        ...form.countedOf(count, listed.of(query)),
      }),
    }),
    answers(ConversationForm).route('POST /conversations/direct', {
      command: 'conversation.create',
      summary: 'The conversation with a user: the one there is, or a new one',
      body: z.object({ participantId: Id }),
      input: ({ body }) => ({ kind: 'direct', memberIds: [body.participantId] }),
      fail: form.worded({ NOT_FOUND: 'User not found' }),
      more: (execute, made) => whole(execute, made.conversation.id),
      status: 201,
      payload: (_, { actor }, detail) => conversation(detail, actor.userId),
    }),
    answers(form.Counted).route('POST /conversations/:id/mark-read', {
      command: 'message.markRead',
      input: byConversation,
      fail: entering,
      payload: ({ changed }) => ({ ok: true, count: changed }),
    }),
  ],
})
