/** Conversations and who is in them. */
import { z } from 'zod'
import {
  Context,
  Conversation,
  ConversationDetail,
  ConversationKind,
  ConversationSummary,
  Id,
  MemberRole,
  Message,
  MessageType,
  Moment,
  Text,
  Wishes,
} from '../model.ts'
import { ByConversation, Content, type Contract, limit, Skip } from './contract.ts'

const Title = Text(200)

const MemberIds = z.array(Id).max(1_000)

const Listed = {
  kind: ConversationKind.optional(),
  /** Only what the actor has archived, or only the rest. */
  archived: z.boolean().optional(),
}
const ListInput = z
  .object({ after: Text(200).optional(), skip: Skip, limit: limit(500, 50), ...Listed })
  .refine(({ after, skip }) => after === undefined || skip === 0, { message: 'give either after or skip' })

const WishesInput = z
  .object({
    conversationId: Id,
    /** Null: not muted. */
    mutedUntil: Moment.nullable().optional(),
    archived: z.boolean().optional(),
    pinned: z.boolean().optional(),
  })
  .refine((given) => [given.mutedUntil, given.archived, given.pinned].some((wish) => wish !== undefined), {
    message: 'give at least one of mutedUntil, archived, pinned',
  })

/** The first message of a new conversation. */
const Draft = z.object({ type: MessageType.default('text'), content: Content, clientId: Id.optional() })

export const conversation = {
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
    errors: ['FORBIDDEN', 'NOT_FOUND', 'CONFLICT'],
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
    input: ListInput,
    /** Pinned ones first, newest activity first. `next` is the `after` of the next page, null at the end. */
    output: z.object({ conversations: z.array(ConversationSummary), next: z.string().nullable() }),
    errors: [],
    cost: 2,
  },
  /** How many there are in all pages of such a list. */
  'conversation.count': {
    kind: 'read',
    input: z.object(Listed).default({}),
    output: z.object({ count: z.number().int().min(0) }),
    errors: [],
    cost: 1,
  },
  /** The actor's direct conversation with a user; null if the two have none yet. */
  'conversation.direct': {
    kind: 'read',
    input: z.object({ userId: Id }),
    output: z.object({ conversationId: Id.nullable() }),
    errors: ['NOT_FOUND'],
    cost: 1,
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
  /** Makes a member owner, admin or plain member. The last owner stays one. */
  'conversation.setRole': {
    kind: 'write',
    input: z.object({ conversationId: Id, userId: Id, role: MemberRole }),
    output: z.object({ conversationId: Id, userId: Id, role: MemberRole }),
    errors: ['FORBIDDEN', 'NOT_FOUND', 'CONFLICT'],
    cost: 2,
  },
  'conversation.removeMember': {
    kind: 'write',
    input: z.object({ conversationId: Id, userId: Id }),
    output: z.object({ conversationId: Id, removed: z.boolean() }),
    errors: ['FORBIDDEN', 'NOT_FOUND', 'CONFLICT'],
    cost: 2,
  },
  'conversation.join': {
    kind: 'write',
    input: ByConversation.extend({ kind: z.enum(['room', 'channel']).default('room') }),
    output: z.object({ conversation: Conversation, joined: z.boolean() }),
    errors: ['FORBIDDEN', 'CONFLICT'],
    cost: 2,
  },
  'conversation.leave': {
    kind: 'write',
    input: ByConversation,
    output: z.object({ conversationId: Id, removed: z.boolean() }),
    errors: ['NOT_FOUND', 'CONFLICT'],
    cost: 2,
  },
  /** The actor's own wishes; what is missing stays as it is. The answer is all of them. */
  'conversation.configure': {
    kind: 'write',
    input: WishesInput,
    output: z.object({ conversationId: Id, ...Wishes.shape }),
    errors: ['FORBIDDEN', 'NOT_FOUND'],
    cost: 1,
  },
  'conversation.view': {
    kind: 'write',
    input: ByConversation,
    output: z.object({ conversationId: Id, at: z.date() }),
    errors: ['FORBIDDEN', 'NOT_FOUND'],
    cost: 1,
  },
} as const satisfies Record<string, Contract>
