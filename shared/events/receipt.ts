/** How far members have received and read. Above 100 members they are told to the reader and, counted, to the author alone. */
import { z } from 'zod'
import { Id, Seq } from '../model/base.ts'
import type { Row } from './row.ts'

const conversationId = Id

export const receipt = {
  /** `userId` has received everything up to `seq`; before it was `fromSeq`. */
  'receipt.delivered': {
    kind: 'durable',
    topic: 'conversation',
    payload: z.object({ conversationId, userId: Id, fromSeq: Seq, seq: Seq, at: z.date() }),
  },
  /**
   * `userId` has read everything up to `seq`; `messageId` is the newest of it, `changed` how many from others were unread
   * before, `unread` what is left. `messages`: the newest 200 of those from others, oldest first. `whole`: not one message was
   * named, but the conversation.
   */
  'receipt.read': {
    kind: 'durable',
    topic: 'conversation',
    payload: z.object({
      conversationId,
      userId: Id,
      fromSeq: Seq,
      seq: Seq,
      messageId: Id.nullable(),
      changed: z.number().int(),
      unread: z.number().int(),
      messages: z.array(z.object({ id: Id, senderId: Id })),
      whole: z.boolean(),
      at: z.date(),
    }),
  },
  /**
   * For the actor's own devices: their read mark went back from `fromSeq` to `seq`; `changed` are unread again, `unread` in all,
   * `mentions` of these name them.
   */
  'receipt.unread': {
    kind: 'durable',
    topic: 'user',
    payload: z.object({
      conversationId,
      userId: Id,
      fromSeq: Seq,
      seq: Seq,
      changed: z.number().int(),
      unread: z.number().int(),
      mentions: z.number().int(),
    }),
  },
  /** For the actor's own devices, in conversations of more than 100 members, in place of a receipt for all: their marks now. */
  'receipt.marked': {
    kind: 'durable',
    topic: 'user',
    payload: z.object({
      conversationId,
      userId: Id,
      deliveredSeq: Seq,
      readSeq: Seq,
      unread: z.number().int(),
      mentions: z.number().int(),
      at: z.date(),
    }),
  },
  /**
   * For the author, in conversations of more than 100 members, in place of a receipt of each: of their message at `seq`, how many
   * others have received and read it by now.
   */
  'receipt.counted': {
    kind: 'durable',
    topic: 'user',
    payload: z.object({ conversationId, messageId: Id, seq: Seq, delivered: z.number().int(), read: z.number().int() }),
  },
} as const satisfies Record<string, Row>
