/** Messages, and what belongs to one: reactions, versions, locks. */
import { z } from 'zod'
import { Id, JsonObject, Seq, Text } from './base.ts'

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
  /** Place in the conversation: 1, 2, 3, ... without a gap, but for what its reader has hidden. */
  seq: Seq,
  senderId: Id,
  clientId: Id,
  type: MessageType,
  /** Empty once deleted. */
  content: z.string(),
  metadata: Metadata.nullable(),
  replyTo: Id.nullable(),
  /** Replies to it that are not deleted. */
  replyCount: z.number().int().min(0),
  /** Members whom it names (`@name`), in the order of the text. Empty once deleted. */
  mentions: z.array(Id),
  /** It names all members (`@everyone`). */
  mentionsEveryone: z.boolean(),
  createdAt: z.date(),
  /** 1 when sent, one more with each edit. */
  version: z.number().int().min(1),
  editedAt: z.date().nullable(),
  /** What it said first, if it has been edited; null once deleted. */
  originalContent: z.string().nullable(),
  deletedAt: z.date().nullable(),
  deletedBy: Id.nullable(),
  /** By the first of each kind, at most 20 kinds. Empty once deleted. */
  reactions: z.array(Reaction),
})
export type Message = z.output<typeof Message>

/** What a message said before an edit. */
export const Version = z.object({ version: z.number().int().min(1), content: z.string(), writtenAt: z.date() })
export type Version = z.output<typeof Version>

/** Somebody edits a message; `remainingMs` counts from when this was said. */
export const Lock = z.object({ messageId: Id, conversationId: Id, holderId: Id, remainingMs: z.number().int().min(0) })
export type Lock = z.output<typeof Lock>
