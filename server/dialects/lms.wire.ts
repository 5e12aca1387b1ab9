/** What `lms` says and is told, and how messages become what it says. */
import { z } from 'zod'
import type { AppError } from '../../shared/errors.ts'
import { Id, type Message } from '../../shared/model.ts'
import type { Card } from './outbound.ts'
import { tempIdIn } from './temp.ts'

const Time = z.iso.datetime()
const id = z.string()
/** Text or number: whatever the client gave comes back as it was. */
const TempId = z.union([z.string(), z.number()])

const Received = z.object({
  id,
  tempId: TempId.optional(),
  from: id,
  to: id,
  content: z.string(),
  timestamp: Time,
  status: z.literal('sent'),
  conversationId: id,
  senderName: z.string(),
  senderAvatar: z.string().nullable(),
})
const Read = { readBy: id, readAt: Time }
const Typing = z.object({ userId: id, conversationId: id, timestamp: Time })

export const wire = {
  'message:receive': Received,
  'message:delivered': z.object({
    messageId: id,
    tempId: TempId.optional(),
    timestamp: Time,
    recipientOnline: z.boolean(),
    conversationId: id,
  }),
  'message:read': z.union([
    z.object({ messageId: id, ...Read }),
    z.object({ conversationId: id, messageIds: z.array(id), ...Read }),
  ]),
  'message:update': z.object({
    messageId: id,
    content: z.string(),
    updatedAt: Time,
    updatedBy: id,
    isEdited: z.literal(true),
  }),
  'message:delete': z.object({ messageId: id, deletedAt: Time, deletedBy: id }),
  'message:error': z.object({
    error: z.string(),
    tempId: TempId.optional(),
    messageId: z.string().optional(),
    details: z.string().optional(),
  }),
  'typing:start': Typing,
  'typing:stop': Typing,
  'user:online': z.object({ userId: id, userRole: z.string(), timestamp: Time }),
  'user:offline': z.object({ userId: id, timestamp: Time }),
} as const

/** How long it may be, the command says: what is too long is not missing. */
const content = z.string().min(1)
export const Send = z.object({
  recipientId: Id,
  content,
  tempId: z
    .union([z.string().min(1).max(100), z.number()])
    .optional()
    .catch(undefined),
})
export const Mark = z.union([z.object({ messageId: Id }), z.object({ conversationId: Id })])
export const Update = z.object({ messageId: Id, content })
export const Named = z.object({ messageId: Id })
export const Typed = z.object({ recipientId: Id })

/** What a refusal repeats of the payload, whatever else is wrong with it. */
const Echo = z
  .object({ tempId: TempId.optional().catch(undefined), messageId: z.string().optional().catch(undefined) })
  .catch({})

/** `missing`: what a payload without its fields is told; `texts`: of refusals that have words, null for their own; `lost`: of others. */
export const refused =
  (missing: string, texts: Partial<Record<AppError['code'], string | null>>, lost: string) =>
  ({ code, message, data }: AppError, payload: unknown, raw: unknown) => {
    // The old system knew no blocks, so no text of its own is true of one.
    const own = data?.blocked === true ? null : texts[code]
    const words = payload === undefined ? missing : own
    const known = words === null ? message : words
    const error = known ?? lost
    const { tempId, messageId } = Echo.parse(raw)
    return {
      emit: [
        [
          'message:error',
          {
            error,
            ...(tempId !== undefined && { tempId }),
            ...(messageId !== undefined && { messageId }),
            ...(known === undefined && { details: message }),
          },
        ],
      ],
      ack: { error },
    } as const
  }

/** To the other of the two; in a conversation of many, which this wire does not know, to the conversation. */
function addressee({ senderId, conversationId }: Message, { conversation, members }: Card): string {
  if (conversation.kind !== 'direct') return conversationId
  return [...members.keys()].find((userId) => userId !== senderId) ?? conversationId
}

export function received(message: Message, card: Card): z.input<typeof Received> {
  const { name, avatar } = card.profile(message.senderId)
  const tempId = tempIdIn(message.clientId)
  return {
    id: message.id,
    ...(tempId !== undefined && { tempId }),
    from: message.senderId,
    to: addressee(message, card),
    content: message.content,
    timestamp: message.createdAt.toISOString(),
    status: 'sent',
    conversationId: message.conversationId,
    senderName: name,
    senderAvatar: avatar,
  }
}
