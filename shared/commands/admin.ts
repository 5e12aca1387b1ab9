/** What an operator looks at and does. All of it is for administrators; what is of a node is of the one that answers. */
import { z } from 'zod'
import { Conversation, Id, Message, Seq, Text } from '../model.ts'
import { ByConversation, ByMessage, type Contract, Empty, limit, Skip } from './contract.ts'

const Count = z.number().int()

export const admin = {
  'admin.stats': {
    kind: 'read',
    input: Empty,
    output: z.object({
      users: z.number(),
      conversations: z.number(),
      messages: z.number(),
      position: z.number(),
      epoch: z.string(),
      /** Users, followed conversations and connections attached to this node now. */
      totalUsers: z.number(),
      totalRooms: z.number(),
      totalSockets: z.number(),
      /** Sends waiting for the journal. */
      queued: z.number(),
      /** Positions of the log that this node has yet to pass. */
      tailLag: z.number(),
      /** The last whole pass of the audit on this node: as of admin.audit. Null before the first, or if it is turned off. */
      audit: z.object({ checked: z.number().int(), drift: z.number().int(), finishedAt: z.date() }).nullable(),
    }),
    errors: ['FORBIDDEN'],
    cost: 5,
  },
  /**
   * Counts again, message by message, what is unread for every member of the next `limit` conversations in order of id.
   * `checked` members; `drift` of them have another unread than the subtraction gives, or marks out of order: it must be 0.
   */
  'admin.audit': {
    kind: 'read',
    input: z.object({ after: Id.optional(), limit: limit(100, 20) }),
    /** `next` is the `after` of the next page, null at the end. */
    output: z.object({ checked: z.number().int(), drift: z.number().int(), next: Id.nullable() }),
    errors: ['FORBIDDEN'],
    cost: 20,
  },
  'admin.test': {
    kind: 'write',
    input: z
      .object({ userId: Id.optional(), conversationId: Id.optional(), message: Text(1_000) })
      .refine((test) => (test.userId === undefined) !== (test.conversationId === undefined), {
        message: 'give either userId or conversationId',
      }),
    output: z.object({}),
    errors: ['FORBIDDEN'],
    cost: 1,
  },
  'admin.connections': {
    kind: 'read',
    /** Of one user, or of all. */
    input: z.object({ userId: Id.optional(), after: Id.optional(), limit: limit(500, 100) }),
    /**
     * Connections to this node that follow something, by connection id; `conversations`: how many they follow. `next` is the
     * `after` of the next page, null at the end.
     */
    output: z.object({
      connections: z.array(
        z.object({
          connectionId: Id,
          userId: Id,
          name: z.string(),
          /** Null: inside the server. */
          entrance: z.enum(['websocket', 'sse', 'socketio']).nullable(),
          since: z.date(),
          conversations: Count,
        }),
      ),
      next: Id.nullable(),
    }),
    errors: ['FORBIDDEN'],
    cost: 5,
  },
  'admin.rooms': {
    kind: 'read',
    input: z.object({ after: Id.optional(), limit: limit(200, 50) }),
    /**
     * Conversations that are followed on this node, by id: how many connections and users follow, and the first 100 of each.
     * Totals are of the node.
     */
    output: z.object({
      totalUsers: Count,
      totalRooms: Count,
      totalSockets: Count,
      rooms: z.array(
        z.object({
          conversationId: Id,
          connections: Count,
          users: Count,
          connectionIds: z.array(Id),
          userIds: z.array(Id),
        }),
      ),
      next: Id.nullable(),
    }),
    errors: ['FORBIDDEN'],
    cost: 10,
  },
  /** All conversations, by id, which for ids of this server's own is by when they were made: the newest first. */
  'admin.conversations': {
    kind: 'read',
    input: z.object({ skip: Skip, limit: limit(100, 50) }),
    output: z.object({ conversations: z.array(Conversation), total: Count }),
    errors: ['FORBIDDEN'],
    cost: 10,
  },
  /** What is written in any conversation, in order of seq: the last messages, or the last with a lower seq than `before`. */
  'admin.history': {
    kind: 'read',
    input: ByConversation.extend({ before: Seq.optional(), limit: limit(200, 50) }),
    output: z.object({ messages: z.array(Message) }),
    errors: ['FORBIDDEN'],
    cost: 5,
  },
  'admin.queues': {
    kind: 'read',
    input: z.object({ userId: Id.optional() }),
    /**
     * What waits on this node: sends for the journal, subscriptions that are open, authors to be told of receipts, positions of
     * the log to pass. `offline`: messages waiting for the user, as of queue.size; null without a user.
     */
    output: z.object({
      sends: Count,
      subscriptions: Count,
      receipts: Count,
      tailLag: Count,
      offline: Count.nullable(),
    }),
    errors: ['FORBIDDEN'],
    cost: 5,
  },
  /**
   * Closes one connection of a user, or all, on every node and at every entrance; their clients do not come back by themselves,
   * but are let in again. The user's devices hear `connection.kicked`. Without effect if there is no such connection.
   */
  'admin.kick': {
    kind: 'write',
    input: z.object({ userId: Id, connectionId: Id.optional(), reason: Text(500).default('') }),
    output: z.object({}),
    errors: ['FORBIDDEN'],
    cost: 1,
  },
  /**
   * Refuses all tokens of a user issued up to now, and closes their connections. `iat` counts seconds: a token issued in the
   * second of the revocation, but after it, is refused too unless its `iat` has a fraction that says so. A token without `iat`
   * is refused from now on.
   */
  'admin.revoke': {
    kind: 'write',
    input: z.object({ userId: Id }),
    output: z.object({ at: z.date() }),
    errors: ['FORBIDDEN', 'NOT_FOUND'],
    cost: 1,
  },
  'admin.explain': {
    kind: 'read',
    input: ByMessage.extend({ after: Id.optional(), limit: limit(200, 50) }),
    /**
     * What became of a message. What only the log knows is null (or left out of `changes`) once the log is pruned. `changes`: the
     * first 100 edits and deletions. `members`: who were there when it was sent and are still, by user id, without its sender:
     * whether they have received and read it now, and when each was first told. `notifications` made about it that are kept.
     */
    output: z.object({
      messageId: Id,
      conversationId: Id,
      seq: Seq,
      senderId: Id,
      clientId: Id,
      createdAt: z.date(),
      version: Count,
      editedAt: z.date().nullable(),
      deletedAt: z.date().nullable(),
      deletedBy: Id.nullable(),
      position: Count.nullable(),
      committedAt: z.date().nullable(),
      /** The connection that sent it. */
      origin: z.string().nullable(),
      changes: z.array(
        z.object({
          name: z.enum(['message.updated', 'message.deleted']),
          position: Count,
          at: z.date(),
          actorId: Id.nullable(),
          origin: z.string().nullable(),
        }),
      ),
      members: z.array(
        z.object({
          userId: Id,
          delivered: z.boolean(),
          read: z.boolean(),
          deliveredAt: z.date().nullable(),
          readAt: z.date().nullable(),
        }),
      ),
      next: Id.nullable(),
      notifications: z.array(z.object({ type: z.string(), count: Count })),
    }),
    errors: ['FORBIDDEN', 'NOT_FOUND'],
    cost: 20,
  },
} as const satisfies Record<string, Contract>
