import type { Message, Profile } from '../../../shared/model.ts'

export interface ReceiptReads {
  /** Members to whom the message is delivered, by user id; not its sender, nor who joined after it. Keyset pages. */
  readers(
    message: Pick<Message, 'conversationId' | 'seq' | 'senderId'>,
    page: { after?: string | undefined; limit: number },
  ): Promise<{ readers: { userId: string; profile: Profile; read: boolean }[]; next: string | null }>
  /** Who but the reader wrote the last 100 of the messages beyond `fromSeq` up to `seq`, and the newest of theirs. */
  authors(
    conversationId: string,
    covered: { fromSeq: number; seq: number; readerId: string },
  ): Promise<{ userId: string; seq: number }[]>
  /** Of each message how many members besides its author, there when it was sent, have received and read it. Authors who are members. */
  counts(
    conversationId: string,
    messages: readonly { userId: string; seq: number }[],
  ): Promise<{ userId: string; messageId: string; seq: number; delivered: number; read: number }[]>
  /**
   * Every member of the next `limit` conversations in order of id: how many, and for how many the unread of the subtraction
   * is not that of counting the messages, or not `0 <= read <= delivered <= last`.
   */
  audit(page: {
    after?: string | undefined
    limit: number
  }): Promise<{ checked: number; drift: number; next: string | null }>
}

export interface ReceiptWrites {
  /** Moves a receipt forward, never back nor beyond the end. Reading also delivers, and views. Null if nothing moved. */
  advance(
    receipt: 'delivered' | 'read',
    conversationId: string,
    userId: string,
    seq: number,
  ): Promise<{
    fromSeq: number
    seq: number
    changed: number
    unread: number
    /** How many of what is left name the member. */
    mentions: number
    messageId: string | null
    /** What was newly read from others, the newest 200, oldest first; none if `large`. */
    messages: { id: string; senderId: string }[]
    at: Date
    /** Both marks as they are now. */
    deliveredSeq: number
    readSeq: number
    /** The conversation has more than 100 members now. */
    large: boolean
  } | null>
  /**
   * Moves the read mark back to just before `seq`, never forward nor to before the member joined; the delivered mark stays.
   * Null if nothing moved.
   */
  retreat(
    conversationId: string,
    userId: string,
    seq: number,
  ): Promise<{ fromSeq: number; seq: number; changed: number; unread: number; mentions: number } | null>
}
