import type { Message, Notification } from '../../../shared/model.ts'

/**
 * A notification to be made. `conversationId`: only for who is a member of it then, and not of type `message` for who has it
 * muted. Not made for who has muted its type, nor twice for one `cause`. `by`: who caused it.
 */
export interface NotificationDraft
  extends Pick<
    Notification,
    'id' | 'userId' | 'type' | 'priority' | 'title' | 'body' | 'data' | 'actionUrl' | 'messageId'
  > {
  readonly cause: string
  readonly conversationId: string | null
  readonly by: string | null
  readonly createdAt: Date
}

export interface NotificationWrites {
  /** Makes those that are wanted, and appends the event of each. `message`: the one that all of them are about, if any is. */
  notify(
    drafts: readonly NotificationDraft[],
    origin: string | null,
    message?: Pick<Message, 'type' | 'content' | 'deletedAt'> | null,
  ): Promise<void>
}
