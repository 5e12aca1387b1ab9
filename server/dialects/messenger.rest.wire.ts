/** What `messenger` answers over HTTP besides the nouns that its sockets have, and in which words it refuses. */
import { z } from 'zod'
import { AppError, type ErrorCode } from '../../shared/errors.ts'
import { ConversationForm, ListedNotification, MessageForm } from './messenger.wire.ts'
import { textOf } from './messenger.words.ts'
import { pagesOf } from './rest.page.ts'
import { fieldsOf } from './rest.ts'

const counted = { total: z.number(), page: z.number(), limit: z.number(), totalPages: z.number() }
export const countedOf = (total: number, { page, limit }: { readonly page: number; readonly limit: number }) => ({
  ...{ total, page, limit, totalPages: pagesOf(total, limit) },
})

export const Messages = z.object({ messages: z.array(MessageForm), ...counted })
export const Conversations = z.object({ conversations: z.array(ConversationForm), ...counted })
export const Notifications = z.object({
  notifications: z.array(ListedNotification),
  unreadCount: z.number(),
  ...counted,
})
export const Ok = z.object({ ok: z.literal(true) })
export const Counted = Ok.extend({ count: z.number() })
export const Count = z.object({ count: z.number() })
export const Deleted = Ok.extend({
  ...{ messageId: z.string(), conversationId: z.string(), deletedBy: z.string().nullable() },
  ...{ _id: z.string(), conversation: z.string() },
})
export const Failure = z.object({ error: z.string() })

/** A failure of a command, as sockets are told of it. */
export const worded =
  (words: Partial<Record<ErrorCode, string>> = {}) =>
  (error: AppError): AppError =>
    new AppError(error.code, textOf(error, words), { cause: error, ...(error.data && { data: { ...error.data } }) })

/** Of what was wrong with a request the first thing, as sockets are told. */
export function failure(error: AppError): z.input<typeof Failure> {
  const [wrong] = Object.values(fieldsOf(error))
  return { error: error.code === 'UNAUTHENTICATED' ? `Unauthorized - ${error.message}` : (wrong ?? error.message) }
}
