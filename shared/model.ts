/**
 * The nouns of the contract, as zod schemas with their types inferred. Ids are opaque text. All text is refused at the edge
 * if it holds NUL or a lone surrogate (Postgres cannot store either), free JSON also if a key could reach a prototype.
 */
import { z } from 'zod'

const storable = (text: string) => !text.includes('\u0000') && text.isWellFormed()

/** Text of at most `max` UTF-16 units that Postgres can store. */
export const Text = (max: number) => z.string().max(max).refine(storable, 'text must be well-formed and without NUL')

/** Opaque identifier, 1 to 128 units, no control characters. New ones are 24 hex digits; foreign ones are kept as they are. */
export const Id = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[^\u0000-\u001f\u007f]+$/, 'an id has no control characters')
  .refine(storable, 'an id must be well-formed text')

/** A moment from 1970 to 9999: what Postgres reads back as it was written. */
export const Moment = z.date().min(new Date(0)).max(new Date('9999-12-31T23:59:59.999Z'))

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }
const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype'])
const JSON_DEPTH = 16

/** `budget` counts the values still allowed: a graph of shared references can be small in memory and endless as a tree. */
function safeJson(value: unknown, depth: number, budget: { left: number }): boolean {
  if (--budget.left < 0) return false
  if (value === null || typeof value === 'boolean') return true
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value === 'string') return storable(value)
  if (typeof value !== 'object' || depth === 0) return false
  if (Array.isArray(value)) return value.every((item) => safeJson(item, depth - 1, budget))
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return false
  return Object.entries(value).every(
    ([key, item]) => !FORBIDDEN_KEYS.has(key) && storable(key) && safeJson(item, depth - 1, budget),
  )
}

/** A free JSON object of at most `max` characters once stringified, 16 levels deep at most, without prototype keys. */
export const JsonObject = (max: number) =>
  z.custom<{ readonly [key: string]: Json }>(
    (value) =>
      typeof value === 'object' &&
      value !== null &&
      !Array.isArray(value) &&
      safeJson(value, JSON_DEPTH, { left: max }) &&
      JSON.stringify(value).length <= max,
    { error: `must be a plain JSON object of at most ${max} characters` },
  )

/** `epoch.position`: the place in the log up to which a reader has seen everything. */
export const Cursor = z.string().regex(/^[0-9a-z]{1,32}\.(0|[1-9]\d{0,15})$/, 'a cursor is epoch.position')

export const Seq = z.number().int().min(0)
export const Position = z.number().int().min(0)

export const Profile = z.object({ id: Id, name: z.string(), role: z.string(), avatar: z.string().nullable() })
export type Profile = z.output<typeof Profile>

export const User = Profile.extend({
  email: z.string().nullable(),
  schoolId: z.string().nullable(),
  classIds: z.array(z.string()),
  active: z.boolean(),
  createdAt: z.date(),
  updatedAt: z.date(),
})
export type User = z.output<typeof User>

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
  unread: z.number().int().min(0),
})
export type Member = z.output<typeof Member>

export const MessageType = z.enum(['text', 'image', 'notification', 'system'])
export const Metadata = JsonObject(16_000)
/** Short text, an emoji say. */
export const ReactionKind = Text(32).min(1)
/** All reactions of one kind to a message. `userIds`: the first ten to react so. */
export const Reaction = z.object({ reaction: ReactionKind, count: z.number().int().min(1), userIds: z.array(Id) })
export type Reaction = z.output<typeof Reaction>

export const Message = z.object({
  id: Id,
  conversationId: Id,
  /** Place in the conversation: 1, 2, 3, ... without a gap. */
  seq: Seq,
  senderId: Id,
  clientId: Id,
  type: MessageType,
  /** Empty once deleted. */
  content: z.string(),
  metadata: Metadata.nullable(),
  replyTo: Id.nullable(),
  createdAt: z.date(),
  /** 1 when sent, one more with each edit. */
  version: z.number().int().min(1),
  editedAt: z.date().nullable(),
  deletedAt: z.date().nullable(),
  deletedBy: Id.nullable(),
  /** By the first of each kind, at most 20 kinds. Empty once deleted. */
  reactions: z.array(Reaction),
})
export type Message = z.output<typeof Message>

/** What a message said before an edit. */
export const Version = z.object({ version: z.number().int().min(1), content: z.string(), writtenAt: z.date() })
export type Version = z.output<typeof Version>

/** What a member wants of a conversation, for their own devices. A `mutedUntil` that has passed mutes nothing. */
export const Wishes = z.object({ mutedUntil: z.date().nullable(), archived: z.boolean(), pinned: z.boolean() })
export type Wishes = z.output<typeof Wishes>

/** Somebody edits a message; `remainingMs` counts from when this was said. */
export const Lock = z.object({ messageId: Id, conversationId: Id, holderId: Id, remainingMs: z.number().int().min(0) })
export type Lock = z.output<typeof Lock>

/** A conversation as one member sees it in a list. `peer` is the other side of a direct conversation. */
export const ConversationSummary = Conversation.extend({
  unread: z.number().int().min(0),
  lastReadSeq: Seq,
  /** Null also if it was written before the member joined and history is hidden. */
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
  lastMessage: Message.nullable(),
  /** Log position that this picture is true of. */
  position: Position,
})
export type ConversationDetail = z.output<typeof ConversationDetail>
