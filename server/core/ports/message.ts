import type { Durable } from '../../../shared/events.ts'
import type { Message, Version } from '../../../shared/model.ts'
import type { NotificationDraft } from './notification.ts'

export interface SendDraft {
  readonly id: string
  readonly conversationId: string
  readonly senderId: string
  readonly clientId: string
  readonly type: Message['type']
  readonly content: string
  readonly metadata: Message['metadata']
  readonly replyTo: string | null
  readonly mentions: readonly string[]
  readonly mentionsEveryone: boolean
  readonly origin: string | null
  /** Stored with it, in the same transaction. */
  readonly notifications: readonly NotificationDraft[]
}

/**
 * `position` is null when `clientId` was known: `message` is then the first one's present state. `notified`: the events of the
 * notifications that were made.
 */
export interface Sent {
  readonly message: Message
  readonly position: number | null
  readonly notified: readonly Durable[]
}

export interface MessageReads {
  get(id: string): Promise<Message | null>
  /** Null unless the user is a member who may see it. `hidden`: they have deleted it for themselves. */
  visible(id: string, userId: string): Promise<{ message: Message; hidden: boolean } | null>
  byClientId(conversationId: string, senderId: string, clientId: string): Promise<Message | null>
  /** In order of seq; at most `limit` with `fromSeq <= seq <= toSeq`, the last ones if `newest`; not what `reader` has hidden. */
  range(
    conversationId: string,
    range: { fromSeq: number; toSeq: number; limit: number; newest: boolean; reader?: string },
  ): Promise<Message[]>
  /** Seq of the first and of the last message from `fromSeq` on that the reader has not hidden; null if there is none. */
  ends(conversationId: string, fromSeq: number, reader: string): Promise<{ first: number; last: number } | null>
  /** Seq of the first message written later than `since`; one beyond the last if there is none. */
  firstAfter(conversationId: string, since: Date): Promise<number>
  /** Messages that reply to this one, in order of seq beyond `after`; not deleted ones, nor what the reader has hidden. */
  replies(id: string, page: { after: number; limit: number; reader: string }): Promise<Message[]>
  /** What a message said before its edits, by rising version, beyond `after`; nothing once it is deleted. */
  versions(id: string, after: number, limit: number): Promise<Version[]>
  /** From others, oldest first, in conversations of which the user is a member; not what they have hidden. */
  missed(userId: string, since: Date, limit: number): Promise<Message[]>
}

export interface MessageWrites {
  /** Stores a message in a locked conversation and gives it its seq; the caller checks membership and appends the events. */
  createMessage(draft: Omit<SendDraft, 'notifications'>): Promise<Message>
  /** Keeps what it said before as a version. Its conversation is locked. NOT_FOUND if it is deleted. */
  editMessage(id: string, text: Pick<Message, 'content' | 'mentions' | 'mentionsEveryone'>): Promise<Message>
  /** Soft: the row stays; its content and metadata, every version of it, its mentions and its reactions go. */
  deleteMessage(id: string, by: string): Promise<Message>
  /** Deletes it for this user alone; false if they have done so before. */
  hide(id: string, userId: string): Promise<boolean>
  /** Gives a reaction or takes it back, in a locked conversation. `count`: how many of this kind the message has then. */
  react(messageId: string, userId: string, reaction: string, on: boolean): Promise<{ changed: boolean; count: number }>
}
