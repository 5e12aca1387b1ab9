/** Conversations, their members, and how one member sees them. */
import { z } from 'zod'
import { Id, JsonObject, Position, Seq } from './base.ts'
import { Message } from './message.ts'
import { Profile } from './user.ts'

export const ConversationKind = z.enum(['direct', 'group', 'channel', 'room'])
export type ConversationKind = z.output<typeof ConversationKind>
export const MemberRole = z.enum(['owner', 'admin', 'member'])
export type MemberRole = z.output<typeof MemberRole>

export const Context = JsonObject(4_000)
export const Conversation = z.object({
  id: Id,
  kind: ConversationKind,
  title: z.string().nullable(),
  context: Context.nullable(),
  /** `open`: whoever knows the id may join; `invited`: members are added by an owner or admin. */
  joinPolicy: z.enum(['open', 'invited']),
  /** Whether members may read what was written before they joined. */
  historyVisible: z.boolean(),
  createdBy: Id,
  createdAt: z.date(),
  updatedAt: z.date(),
  lastSeq: Seq,
  lastMessageAt: z.date().nullable(),
})
export type Conversation = z.output<typeof Conversation>

export const Member = z.object({
  userId: Id,
  profile: Profile,
  role: MemberRole,
  joinedAt: z.date(),
  lastReadSeq: Seq,
  lastDeliveredSeq: Seq,
  lastViewedAt: z.date().nullable(),
  /** When the marks moved last; so a message before a mark was read at that time or earlier. */
  lastReadAt: z.date().nullable(),
  lastDeliveredAt: z.date().nullable(),
  unread: z.number().int().min(0),
  /** How many of these name the member, or everyone. */
  mentions: z.number().int().min(0),
})
export type Member = z.output<typeof Member>

/** What a member wants of a conversation, for their own devices. A `mutedUntil` that has passed mutes nothing. */
export const Wishes = z.object({ mutedUntil: z.date().nullable(), archived: z.boolean(), pinned: z.boolean() })
export type Wishes = z.output<typeof Wishes>

/** A conversation as one member sees it in a list. `peer` is the other side of a direct conversation. */
export const ConversationSummary = Conversation.extend({
  unread: z.number().int().min(0),
  /** How many of these name the member, or everyone. */
  mentions: z.number().int().min(0),
  lastReadSeq: Seq,
  /** Null also if the member has hidden it, or it was written before they joined and history is hidden. */
  lastMessage: Message.nullable(),
  peer: Profile.nullable(),
  ...Wishes.shape,
})
export type ConversationSummary = z.output<typeof ConversationSummary>

/** The whole of one conversation: what a client opens and what the legacy dialects translate with. */
export const ConversationDetail = z.object({
  conversation: Conversation,
  /** The first 100 by time of joining, and the actor in any case. */
  members: z.array(Member),
  memberCount: z.number().int(),
  /** As in a list. */
  lastMessage: Message.nullable(),
  /** Log position that this picture is true of. */
  position: Position,
})
export type ConversationDetail = z.output<typeof ConversationDetail>
