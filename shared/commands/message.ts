/** Messages and how far they were received and read. */
import { z } from 'zod'
import { Id, Message, MessageType, Metadata, Moment, ReactionKind, Seq, Version } from '../model.ts'
import { ByMessage, Content, type Contract, limit } from './contract.ts'

/** Up to where to mark: a place in a conversation (its end, if `seq` is missing), or a message and all before it. */
const place = { conversationId: Id.optional(), seq: Seq.optional(), messageId: Id.optional() }
const isOne = (mark: { conversationId?: string | undefined; messageId?: string | undefined }) =>
  (mark.conversationId === undefined) !== (mark.messageId === undefined)
const Mark = z.object(place).refine(isOne, 'give either conversationId or messageId')
/** `received`: only a message that somebody else wrote to the actor; to mark any other that exists is FORBIDDEN. */
const ReadMark = z
  .object({ ...place, received: z.boolean().default(false) })
  .refine(isOne, 'give either conversationId or messageId')

/** `changed` counts the messages that were not marked before; `seq` is the mark now. `mentions`: how many unread ones name the actor. */
export const Marked = z.object({
  conversationId: Id,
  seq: Seq,
  changed: z.number().int(),
  unread: z.number().int(),
  mentions: z.number().int(),
})

const HistoryInput = z
  .object({
    conversationId: Id,
    /** Messages with a lower seq, the nearest ones. */
    before: Seq.optional(),
    /** Messages with a higher seq, the nearest ones. */
    after: Seq.optional(),
    /** Half of the page before, the rest from this seq on. */
    around: Seq.optional(),
    /** Messages written later than this, the oldest. */
    since: Moment.optional(),
    limit: limit(200, 50),
  })
  .refine((page) => [page.before, page.after, page.around, page.since].filter((at) => at !== undefined).length <= 1, {
    message: 'give at most one of before, after, around, since',
  })

const SendInput = z
  .object({
    conversationId: Id.optional(),
    /** Instead of a conversation: a user; their direct conversation is found or created. */
    to: Id.optional(),
    /** Makes the send safe to repeat, for ever: the same id gives the first message again. */
    clientId: Id.optional(),
    type: MessageType.default('text'),
    content: Content,
    metadata: Metadata.nullable().default(null),
    replyTo: Id.nullable().default(null),
    /** Show it to those who are attached before it is stored (`message.accepted`). */
    optimistic: z.boolean().default(false),
  })
  .refine((send) => (send.conversationId === undefined) !== (send.to === undefined), {
    message: 'give either conversationId or to',
  })

export const message = {
  'message.send': { kind: 'write', input: SendInput, output: Message, errors: ['FORBIDDEN', 'NOT_FOUND'], cost: 1 },
  'message.history': {
    kind: 'read',
    input: HistoryInput,
    /** In order of seq, full pages: what the actor has hidden leaves a gap in the seqs. */
    output: z.object({ messages: z.array(Message), hasBefore: z.boolean(), hasAfter: z.boolean() }),
    errors: ['FORBIDDEN', 'NOT_FOUND'],
    cost: 1,
  },
  'message.get': { kind: 'read', input: ByMessage, output: Message, errors: ['FORBIDDEN', 'NOT_FOUND'], cost: 1 },
  'message.edit': {
    kind: 'write',
    input: z.object({
      messageId: Id,
      content: Content,
      /** The version that is edited; if the message has another by now, CONFLICT with `data: { version }`. */
      expectedVersion: z.number().int().min(1).optional(),
    }),
    output: Message,
    errors: ['FORBIDDEN', 'NOT_FOUND', 'CONFLICT', 'LOCKED'],
    cost: 2,
  },
  'message.versions': {
    kind: 'read',
    /** Versions beyond `after`. */
    input: ByMessage.extend({ after: z.number().int().min(0).default(0), limit: limit(100, 50) }),
    /** What it said before each edit, oldest first; nothing once it is deleted. */
    output: z.object({ versions: z.array(Version), hasMore: z.boolean() }),
    errors: ['NOT_FOUND'],
    cost: 2,
  },
  'message.delete': {
    kind: 'write',
    /** `own`: only if the actor wrote it, whatever else they may delete. */
    input: ByMessage.extend({ own: z.boolean().default(false) }),
    output: Message,
    errors: ['FORBIDDEN', 'NOT_FOUND', 'CONFLICT'],
    cost: 2,
  },
  /**
   * Deletes it for the actor alone, on all their devices: no history, look-up, list or search gives it to them any more, and it
   * is NOT_FOUND to their commands, but to `message.delete` and `lock.release`. Others see it. What is unread stays unread; twice
   * changes nothing. Live events about it still come: a client passes over those of a message that it knows to be hidden.
   */
  'message.hide': {
    kind: 'write',
    input: ByMessage,
    output: z.object({ conversationId: Id, messageId: Id, changed: z.boolean() }),
    errors: ['NOT_FOUND'],
    cost: 1,
  },
  'message.replies': {
    kind: 'read',
    /** Replies with a seq beyond `after`. */
    input: ByMessage.extend({ after: Seq.default(0), limit: limit(200, 50) }),
    /** Messages that reply to it, in order of seq; neither deleted ones nor those that the actor has hidden. */
    output: z.object({ messages: z.array(Message), hasMore: z.boolean() }),
    errors: ['NOT_FOUND'],
    cost: 1,
  },
  'message.react': {
    kind: 'write',
    /** One of a kind per user and message: to give it twice, or take it back twice, changes nothing. */
    input: ByMessage.extend({ reaction: ReactionKind, on: z.boolean().default(true) }),
    /** `count`: how many of this kind the message has now. CONFLICT: it is deleted, or has too many kinds. */
    output: z.object({ changed: z.boolean(), count: z.number().int().min(0) }),
    errors: ['FORBIDDEN', 'NOT_FOUND', 'CONFLICT'],
    cost: 1,
  },
  'message.markDelivered': { kind: 'write', input: Mark, output: Marked, errors: ['FORBIDDEN', 'NOT_FOUND'], cost: 1 },
  'message.markRead': { kind: 'write', input: ReadMark, output: Marked, errors: ['FORBIDDEN', 'NOT_FOUND'], cost: 1 },
  'message.missed': {
    kind: 'read',
    input: z.object({ since: Moment, limit: limit(500, 500) }),
    /** From others, oldest first. */
    output: z.object({ messages: z.array(Message), hasMore: z.boolean() }),
    errors: [],
    cost: 5,
  },
} as const satisfies Record<string, Contract>
