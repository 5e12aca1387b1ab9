import type { Message, Notification, NotificationType } from '../../../shared/model.ts'

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

type Types = readonly NotificationType[]

/** `unread`: only what is not read, or only what is. */
export interface NotificationFilter {
  readonly types?: Types | undefined
  readonly unread?: boolean | undefined
}

/** The body of what is about a message is how that begins now; empty if the user may not see it (any more). */
export interface NotificationReads {
  /** Newest first. `unread` counts all of these types. */
  list(
    userId: string,
    page: NotificationFilter & { before?: string | undefined; skip?: number | undefined; limit: number },
  ): Promise<{ notifications: Notification[]; next: string | null; unread: number }>
  unread(userId: string, types?: Types): Promise<number>
  count(userId: string, which: NotificationFilter): Promise<number>
  /** Null also if it is somebody else's. */
  get(userId: string, id: string): Promise<Notification | null>
  /** Types of which the user wants none. */
  muted(userId: string): Promise<NotificationType[]>
}

/** Those for which it was new (`ids` only if they were named), and what is unread then. */
export interface NotificationsChanged {
  readonly ids: readonly string[]
  readonly changed: number
  readonly unread: number
}

export interface NotificationWrites {
  /** Makes those that are wanted, appends the event of each, and gives their ids. `message`: the one that all are about, if any is. */
  notify(
    drafts: readonly NotificationDraft[],
    origin: string | null,
    message?: Pick<Message, 'type' | 'content' | 'deletedAt'> | null,
  ): Promise<readonly string[]>
  /**
   * Of the user's own, those that are named and of these types. Locks the user, and the log if something changed, so that the
   * count is true where the event of it will stand: call it first, and append that event at once.
   */
  readNotifications(
    userId: string,
    which: { ids?: readonly string[] | undefined; types?: Types | undefined },
  ): Promise<NotificationsChanged>
  /** The same; only read ones if `read`. */
  deleteNotifications(
    userId: string,
    which: { ids?: readonly string[] | undefined; read?: boolean | undefined },
  ): Promise<NotificationsChanged>
  muteTypes(userId: string, types: Types): Promise<void>
}
