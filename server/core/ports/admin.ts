import type { Conversation, Message } from '../../../shared/model.ts'

/** What the log says about a message. */
export interface Happened {
  readonly name: 'message.created' | 'message.updated' | 'message.deleted'
  readonly position: number
  readonly at: Date
  readonly actorId: string | null
  readonly origin: string | null
}

/** For operators: rare questions, so they may read all that a conversation has in the log. */
export interface AdminReads {
  /** The end of the log. */
  position(): Promise<number>
  /** All there are, the greatest ids first. */
  conversations(page: { skip: number; limit: number }): Promise<{ conversations: Conversation[]; total: number }>
  /** In order of position; the first `limit` that are kept. */
  happened(message: Pick<Message, 'id' | 'conversationId'>, limit: number): Promise<Happened[]>
  /**
   * Members who joined before the message, without its sender, by user id; what each has received and read now, and when the
   * log beyond `from` first says so.
   */
  told(
    message: Pick<Message, 'conversationId' | 'seq' | 'senderId'>,
    page: { from: number; after?: string | undefined; limit: number },
  ): Promise<{
    members: { userId: string; delivered: boolean; read: boolean; deliveredAt: Date | null; readAt: Date | null }[]
    next: string | null
  }>
  /** Notifications about the message, by type. */
  notified(message: Pick<Message, 'id' | 'conversationId'>): Promise<{ type: string; count: number }[]>
}
