/**
 * `lms` over HTTP, in the manner of Feathers: lists are `{total, limit, skip, data}`, pages by `$limit` and `$skip`, errors have a
 * name, a class and a code. Who deletes a conversation has archived it: it leaves their own list, until they ask for it anew by
 * its recipient; the other side and the messages stay. What is changed here reaches the sockets like any other change.
 */
import { z } from 'zod'
import { Content } from '../../shared/commands/contract.ts'
import { AppError, ERRORS, type ErrorCode } from '../../shared/errors.ts'
import { Id } from '../../shared/model.ts'
import type { Execute } from './inbound.ts'
import { Conversation, conversation, Sent, sent } from './lms.rest.wire.ts'
import { answers, fieldsOf, group } from './rest.ts'

const list = <T extends z.ZodType>(item: T) =>
  z.object({ total: z.number(), limit: z.number(), skip: z.number(), data: z.array(item) })

/** More than the most is the most; none at all asks for the total. */
const page = ({ usual, skipped }: { readonly usual: number; readonly skipped: number }) => ({
  $limit: z.coerce.number().int().min(0).default(usual),
  $skip: z.coerce.number().int().min(0).max(skipped).default(0),
})
const LISTED = { usual: 20, most: 50, skipped: 10_000 }
/** A page of messages is found by its place: however long the conversation is, its beginning can be read. */
const WRITTEN = { usual: 50, most: 200, skipped: Number.MAX_SAFE_INTEGER }

const whole = (execute: Execute, conversationId: string) => execute('conversation.get', { conversationId })
/** A message after it was marked. */
async function marked(execute: Execute, conversationId: string, messageId: string) {
  const [message, detail] = await Promise.all([execute('message.get', { messageId }), whole(execute, conversationId)])
  return { message, detail }
}
const notYours = (doing: string) => (error: AppError) =>
  error.code === 'FORBIDDEN' && error.data?.blocked !== true
    ? new AppError('FORBIDDEN', `Unauthorized: You can only ${doing} your own messages`, { cause: error })
    : error

const NAMES: Partial<Record<ErrorCode, string>> = {
  INVALID_INPUT: 'BadRequest',
  UNAUTHENTICATED: 'NotAuthenticated',
  FORBIDDEN: 'Forbidden',
  NOT_FOUND: 'NotFound',
  CONFLICT: 'Conflict',
  LOCKED: 'Conflict',
  RATE_LIMITED: 'TooManyRequests',
  OVERLOADED: 'Unavailable',
  UNAVAILABLE: 'Unavailable',
}
const dashed = (name: string) => name.replace(/(?<=.)[A-Z]/g, (letter) => `-${letter}`).toLowerCase()

const { define } = group({
  name: 'lms',
  failure: z.object({
    name: z.string(),
    message: z.string(),
    code: z.number(),
    className: z.string(),
    errors: z.record(z.string(), z.string()),
  }),
})
const ofConversation = answers(Conversation)
const ofMessage = answers(Sent)

export const lmsRest = define({
  error: (error) => {
    const name = NAMES[error.code] ?? 'GeneralError'
    const { http: code } = ERRORS[error.code]
    return { name, message: error.message, code, className: dashed(name), errors: fieldsOf(error) }
  },
  routes: [
    answers(list(Conversation)).route('GET /conversations', {
      command: 'conversation.count',
      summary: 'Conversations of the user, newest activity first',
      query: z.object(page(LISTED)),
      input: () => ({ kind: 'direct', archived: false }),
      more: async (execute, _, { query: { $limit, $skip: skip } }) => {
        const limit = Math.min($limit, LISTED.most)
        const which = { kind: 'direct', archived: false } as const
        const { conversations } =
          limit === 0 ? { conversations: [] } : await execute('conversation.list', { ...which, skip, limit })
        // Both sides' counts are in the whole of each alone.
        const details = await Promise.all(conversations.map(({ id }) => whole(execute, id)))
        return { limit, skip, details }
      },
      payload: ({ count }, _, { limit, skip, details }) => ({
        ...{ total: count, limit, skip },
        data: details.map((detail) => conversation(detail)),
      }),
    }),
    ofConversation.route('POST /conversations', {
      command: 'conversation.create',
      summary: 'The conversation with the recipient: the one there is, or a new one',
      body: z.object({ recipientId: Id }),
      introduces: ({ body }) => body.recipientId,
      input: ({ body }) => ({ kind: 'direct', memberIds: [body.recipientId] }),
      more: async (execute, { conversation: { id: conversationId }, created }) => {
        if (!created) await execute('conversation.configure', { conversationId, archived: false })
        return whole(execute, conversationId)
      },
      status: 201,
      payload: (_, __, detail) => conversation(detail),
    }),
    ofConversation.route('GET /conversations/:id', {
      command: 'conversation.get',
      input: ({ params }) => ({ conversationId: params.id }),
      payload: (detail) => conversation(detail),
    }),
    ofConversation.route('PATCH /conversations/:id', {
      command: 'message.markRead',
      summary: 'All of it is read',
      body: z.object({ markAsRead: z.literal(true) }),
      input: ({ params }) => ({ conversationId: params.id }),
      more: (execute, { conversationId }) => whole(execute, conversationId),
      payload: (_, __, detail) => conversation(detail),
    }),
    ofConversation.route('DELETE /conversations/:id', {
      command: 'conversation.configure',
      summary: "Takes it out of the user's own list",
      input: ({ params }) => ({ conversationId: params.id, archived: true }),
      more: (execute, { conversationId }) => whole(execute, conversationId),
      payload: (_, __, detail) => conversation(detail, false),
    }),
    answers(list(Sent)).route('GET /messages', {
      command: 'conversation.get',
      summary: 'Messages of a conversation, newest first. A page is shorter by those that the user has hidden',
      query: z.object({ conversationId: Id, ...page(WRITTEN) }),
      input: ({ query: { conversationId } }) => ({ conversationId }),
      more: async (execute, { conversation: { lastSeq } }, { query: { conversationId, $limit, $skip: skip } }) => {
        const limit = Math.min($limit, WRITTEN.most)
        const newest = lastSeq - skip
        if (limit === 0 || newest <= 0) return { limit, messages: [] }
        const found = await execute('message.history', { conversationId, before: newest + 1, limit })
        // What is hidden is made up for by older ones, which are on the next page.
        return { limit, messages: found.messages.filter(({ seq }) => seq > newest - limit).reverse() }
      },
      payload: (detail, { query: { $skip: skip } }, { limit, messages }) => ({
        ...{ total: detail.conversation.lastSeq, limit, skip },
        data: messages.map((message) => sent(message, detail)),
      }),
    }),
    ofMessage.route('POST /messages', {
      command: 'message.send',
      body: z.object({ conversationId: Id, content: Content, recipientId: Id.optional() }),
      input: ({ body: { conversationId, content } }) => ({ conversationId, content }),
      more: (execute, { conversationId }) => whole(execute, conversationId),
      status: 201,
      payload: (message, _, detail) => sent(message, detail),
    }),
    ofMessage.route('GET /messages/:id', {
      command: 'message.get',
      input: ({ params }) => ({ messageId: params.id }),
      more: (execute, { conversationId }) => whole(execute, conversationId),
      payload: (message, _, detail) => sent(message, detail),
    }),
    ofMessage.choice('PATCH /messages/:id', (when) => [
      when({
        command: 'message.edit',
        summary: 'Its sender changes what it says',
        body: z.object({ content: Content }),
        input: ({ params, body }) => ({ messageId: params.id, content: body.content }),
        fail: notYours('edit'),
        more: (execute, { conversationId }) => whole(execute, conversationId),
        payload: (message, _, detail) => sent(message, detail),
      }),
      when({
        command: 'message.markRead',
        summary: 'It is read, and all before it',
        body: z.object({ markAsRead: z.literal(true) }),
        input: ({ params }) => ({ messageId: params.id }),
        more: (execute, { conversationId }, { params }) => marked(execute, conversationId, params.id),
        payload: (_, __, { message, detail }) => sent(message, detail),
      }),
      when({
        command: 'message.markDelivered',
        summary: 'It is delivered, and all before it',
        body: z.object({ markAsDelivered: z.literal(true) }),
        input: ({ params }) => ({ messageId: params.id }),
        more: (execute, { conversationId }, { params }) => marked(execute, conversationId, params.id),
        payload: (_, __, { message, detail }) => sent(message, detail),
      }),
    ]),
    ofMessage.route('DELETE /messages/:id', {
      command: 'message.delete',
      summary: 'Its sender takes back what it said; its place stays',
      input: ({ params }) => ({ messageId: params.id, own: true }),
      fail: notYours('delete'),
      more: (execute, { conversationId }) => whole(execute, conversationId),
      payload: (message, _, detail) => sent(message, detail),
    }),
  ],
})
