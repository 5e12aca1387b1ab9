/**
 * Everything a client may ask: the one inward vocabulary. Routers, REST and dialects only translate to it. A row gives the
 * kind, the input (defaults, but no transforms: it is parsed at the edge and again in `execute`), the output, the errors that
 * the command itself may raise (any call may also meet the COMMON ones) and its cost against the actor's rate limit.
 */
import { z } from 'zod'
import type { ErrorCode } from './errors.ts'
import {
  Context,
  Conversation,
  ConversationDetail,
  ConversationKind,
  ConversationSummary,
  Cursor,
  Id,
  JsonObject,
  MemberRole,
  Message,
  MessageType,
  Metadata,
  Profile,
  Seq,
  Text,
  User,
} from './model.ts'

type Contract = {
  kind: 'read' | 'write'
  input: z.ZodType
  output: z.ZodType
  errors: readonly ErrorCode[]
  cost: number
}

/** What every call may meet, whatever the command. */
export const COMMON_ERRORS = [
  'INVALID_INPUT',
  'UNAUTHENTICATED',
  'RATE_LIMITED',
  'OVERLOADED',
  'UNAVAILABLE',
  'TIMEOUT',
  'INTERNAL',
] as const satisfies readonly ErrorCode[]

const Empty = z.object({}).default({})
const ByConversation = z.object({ conversationId: Id })
const ByMessage = z.object({ messageId: Id })
const limit = (max: number, usual: number) => z.number().int().min(1).max(max).default(usual)
const Content = Text(10_000).min(1)
const Title = Text(200)
const MemberIds = z.array(Id).max(1_000)

/** The first message of a new conversation. */
const Draft = z.object({ type: MessageType.default('text'), content: Content, clientId: Id.optional() })

const UserInput = z.object({
  id: Id,
  name: Text(200).min(1).optional(),
  role: Text(32).min(1).optional(),
  email: Text(320).nullable().optional(),
  avatar: Text(2_000).nullable().optional(),
  schoolId: Id.nullable().optional(),
  classIds: z.array(Id).max(200).optional(),
  active: z.boolean().optional(),
})

/** Up to where to mark: a place in a conversation (its end, if `seq` is missing), or a message and all before it. */
const Mark = z
  .object({ conversationId: Id.optional(), seq: Seq.optional(), messageId: Id.optional() })
  .refine((mark) => (mark.conversationId === undefined) !== (mark.messageId === undefined), {
    message: 'give either conversationId or messageId',
  })
/** `changed` counts the messages that were not marked before; `seq` is the mark now. */
const Marked = z.object({ conversationId: Id, seq: Seq, changed: z.number().int(), unread: z.number().int() })

const HistoryInput = z
  .object({
    conversationId: Id,
    /** Messages with a lower seq, the nearest ones. */
    before: Seq.optional(),
    /** Messages with a higher seq, the nearest ones. */
    after: Seq.optional(),
    /** Half of the page before, the rest from this seq on. */
    around: Seq.optional(),
    limit: limit(200, 50),
  })
  .refine((page) => [page.before, page.after, page.around].filter((at) => at !== undefined).length <= 1, {
    message: 'give at most one of before, after, around',
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

export const commands = {
  'user.me': { kind: 'read', input: Empty, output: User, errors: ['NOT_FOUND'], cost: 1 },
  'user.get': { kind: 'read', input: z.object({ userId: Id }), output: Profile, errors: ['NOT_FOUND'], cost: 1 },
  'user.upsert': { kind: 'write', input: UserInput, output: User, errors: ['FORBIDDEN'], cost: 2 },

  'conversation.create': {
    kind: 'write',
    input: z.object({
      kind: ConversationKind.default('direct'),
      /** Besides the creator. A direct conversation has exactly one; it is found again if the two have one. */
      memberIds: MemberIds.default([]),
      title: Title.nullable().default(null),
      context: Context.nullable().default(null),
      historyVisible: z.boolean().default(true),
      joinPolicy: z.enum(['open', 'invited']).default('invited'),
      message: Draft.optional(),
    }),
    output: z.object({ conversation: Conversation, created: z.boolean(), message: Message.nullable() }),
    errors: ['NOT_FOUND'],
    cost: 5,
  },
  'conversation.get': {
    kind: 'read',
    input: ByConversation,
    output: ConversationDetail,
    errors: ['FORBIDDEN', 'NOT_FOUND'],
    cost: 1,
  },
  'conversation.list': {
    kind: 'read',
    input: z.object({ after: Text(200).optional(), limit: limit(500, 50), kind: ConversationKind.optional() }),
    /** Newest activity first. `next` is the `after` of the next page, null at the end. */
    output: z.object({ conversations: z.array(ConversationSummary), next: z.string().nullable() }),
    errors: [],
    cost: 2,
  },
  'conversation.update': {
    kind: 'write',
    input: z.object({
      conversationId: Id,
      title: Title.nullable().optional(),
      context: Context.nullable().optional(),
      historyVisible: z.boolean().optional(),
      joinPolicy: z.enum(['open', 'invited']).optional(),
    }),
    output: Conversation,
    errors: ['FORBIDDEN', 'NOT_FOUND'],
    cost: 2,
  },
  'conversation.addMembers': {
    kind: 'write',
    input: z.object({ conversationId: Id, memberIds: MemberIds.min(1), role: MemberRole.default('member') }),
    /** Those who were not members before. */
    output: z.object({ conversationId: Id, added: z.array(Id) }),
    errors: ['FORBIDDEN', 'NOT_FOUND', 'CONFLICT'],
    cost: 5,
  },
  'conversation.removeMember': {
    kind: 'write',
    input: z.object({ conversationId: Id, userId: Id }),
    output: z.object({ conversationId: Id, removed: z.boolean() }),
    errors: ['FORBIDDEN', 'NOT_FOUND', 'CONFLICT'],
    cost: 2,
  },
  /** Becomes a member of an open conversation. One that does not exist is created, open, with that id and kind. */
  'conversation.join': {
    kind: 'write',
    input: ByConversation.extend({ kind: z.enum(['room', 'channel']).default('room') }),
    output: z.object({ conversation: Conversation, joined: z.boolean() }),
    errors: ['FORBIDDEN'],
    cost: 2,
  },
  'conversation.leave': {
    kind: 'write',
    input: ByConversation,
    output: z.object({ conversationId: Id, removed: z.boolean() }),
    errors: ['NOT_FOUND', 'CONFLICT'],
    cost: 2,
  },
  'conversation.view': {
    kind: 'write',
    input: ByConversation,
    output: z.object({ conversationId: Id, at: z.date() }),
    errors: ['FORBIDDEN', 'NOT_FOUND'],
    cost: 1,
  },

  'message.send': { kind: 'write', input: SendInput, output: Message, errors: ['FORBIDDEN', 'NOT_FOUND'], cost: 1 },
  'message.history': {
    kind: 'read',
    input: HistoryInput,
    /** In order of seq. */
    output: z.object({ messages: z.array(Message), hasBefore: z.boolean(), hasAfter: z.boolean() }),
    errors: ['FORBIDDEN', 'NOT_FOUND'],
    cost: 1,
  },
  'message.get': { kind: 'read', input: ByMessage, output: Message, errors: ['FORBIDDEN', 'NOT_FOUND'], cost: 1 },
  'message.edit': {
    kind: 'write',
    input: z.object({ messageId: Id, content: Content }),
    output: Message,
    errors: ['FORBIDDEN', 'NOT_FOUND', 'CONFLICT'],
    cost: 2,
  },
  'message.delete': {
    kind: 'write',
    input: ByMessage,
    output: Message,
    errors: ['FORBIDDEN', 'NOT_FOUND', 'CONFLICT'],
    cost: 2,
  },
  'message.markDelivered': { kind: 'write', input: Mark, output: Marked, errors: ['FORBIDDEN', 'NOT_FOUND'], cost: 1 },
  'message.markRead': { kind: 'write', input: Mark, output: Marked, errors: ['FORBIDDEN', 'NOT_FOUND'], cost: 1 },
  'message.missed': {
    kind: 'read',
    input: z.object({ since: z.date(), limit: limit(500, 500) }),
    /** From others, oldest first. */
    output: z.object({ messages: z.array(Message), hasMore: z.boolean() }),
    errors: [],
    cost: 5,
  },

  'typing.set': {
    kind: 'write',
    input: z.object({ conversationId: Id, typing: z.boolean() }),
    output: z.object({}),
    errors: ['FORBIDDEN', 'NOT_FOUND'],
    cost: 1,
  },
  /** Passes a WebRTC signal on. `to` is a user id, or the user's own room `<name>-<id>`. */
  'call.signal': {
    kind: 'write',
    input: z.object({
      signal: z.enum(['offer', 'answer', 'ice-candidate', 'renegotiation-needed']),
      to: z.string().min(1).max(400),
      data: JsonObject(64_000),
    }),
    output: z.object({ to: Id }),
    errors: ['NOT_FOUND'],
    cost: 1,
  },

  'sync.snapshot': {
    kind: 'read',
    input: z.object({ limit: limit(500, 500) }),
    /** One statement: the cursor is exactly as old as the conversations. `next` as in conversation.list. */
    output: z.object({ cursor: Cursor, conversations: z.array(ConversationSummary), next: z.string().nullable() }),
    errors: [],
    cost: 5,
  },

  'admin.stats': {
    kind: 'read',
    input: Empty,
    output: z.object({
      users: z.number(),
      conversations: z.number(),
      messages: z.number(),
      position: z.number(),
      epoch: z.string(),
      /** Users, followed conversations and connections attached to this node now. */
      totalUsers: z.number(),
      totalRooms: z.number(),
      totalSockets: z.number(),
      /** Sends waiting for the journal. */
      queued: z.number(),
    }),
    errors: ['FORBIDDEN'],
    cost: 5,
  },
  'admin.test': {
    kind: 'write',
    input: z
      .object({ userId: Id.optional(), conversationId: Id.optional(), message: Text(1_000) })
      .refine((test) => (test.userId === undefined) !== (test.conversationId === undefined), {
        message: 'give either userId or conversationId',
      }),
    output: z.object({}),
    errors: ['FORBIDDEN'],
    cost: 1,
  },
} as const satisfies Record<string, Contract>

export type Commands = typeof commands
export type CommandName = keyof Commands
/** What a caller gives. */
export type Input<C extends CommandName> = z.input<Commands[C]['input']>
/** What a handler gets: parsed, defaults filled in. */
export type Parsed<C extends CommandName> = z.output<Commands[C]['input']>
export type Output<C extends CommandName> = z.output<Commands[C]['output']>
export type CommandsOf<K extends 'read' | 'write'> = {
  [C in CommandName]: Commands[C]['kind'] extends K ? C : never
}[CommandName]
