/**
 * `lms`: school chat between two. A message is `message:receive` to the recipient, who is created if nobody has seen them
 * before, then always `message:delivered` to the sending socket. Readings are told to those whose messages were read; edits and
 * deletions, the sender's own alone, to both. Who comes and goes is told within the school, by role and class. No callbacks.
 */
import { z } from 'zod'
import { dialect } from './dialect.ts'
import * as form from './lms.wire.ts'
import { dropped, type Emit, type Outbound, toSenders } from './outbound.ts'
import { clientIdWith } from './temp.ts'

const { on, define } = dialect({
  name: 'lms',
  emits: form.wire,
  /** For events that fail: nothing is answered otherwise. */
  ack: z.object({ error: z.string() }),
  paths: ['/chat-socket'],
  token: 'query',
  /** Those of Feathers. */
  claims: ({ sub, iss, aud, userId }) =>
    sub !== undefined && userId === undefined && (iss === 'feathers' || aud !== undefined),
})

type Words = Emit<typeof form.wire>

const notYours = (doing: string) => `Unauthorized: You can only ${doing} your own messages`

const typing = (starts: boolean) =>
  on(form.Typed, 'typing.set', {
    input: ({ recipientId }) => ({ to: recipientId, typing: starts }),
    fail: ({ message }) => ({ ack: { error: message } }),
  })

const outbound: Outbound<Words> = {
  'message.created': ({ message }, { card }) => ({ others: [['message:receive', form.received(message, card)]] }),
  'message.updated': ({ message: { id: messageId, content, editedAt, senderId } }, { at }) => ({
    all: [
      [
        'message:update',
        { messageId, content, updatedAt: (editedAt ?? at).toISOString(), updatedBy: senderId, isEdited: true },
      ],
    ],
  }),
  'message.deleted': ({ message: { id: messageId, deletedAt, deletedBy, senderId } }, { at }) => ({
    all: [
      ['message:delete', { messageId, deletedAt: (deletedAt ?? at).toISOString(), deletedBy: deletedBy ?? senderId }],
    ],
  }),
  'receipt.read': ({ conversationId, userId: readBy, messages, whole, at }) => {
    const read = { readBy, readAt: at.toISOString() }
    return toSenders(messages, (own): readonly Words[] =>
      whole
        ? [['message:read', { conversationId, messageIds: own.map(({ id }) => id), ...read }]]
        : own.map(({ id: messageId }) => ['message:read', { messageId, ...read }]),
    )
  },
  'typing.changed': ({ conversationId, userId, typing }, { at }) => ({
    others: [[typing ? 'typing:start' : 'typing:stop', { userId, conversationId, timestamp: at.toISOString() }]],
  }),
  // Presence is watched: those who share a conversation are no audience here. It knows nothing of the rest.
  ...dropped({
    user: ['updated', 'blocked', 'revoked'],
    presence: ['changed'],
    connection: ['opened', 'kicked'],
    conversation: ['created', 'updated', 'viewed', 'configured'],
    member: ['added', 'removed', 'updated'],
    message: ['hidden', 'reacted', 'accepted', 'failed'],
    receipt: ['delivered', 'unread', 'marked', 'counted'],
    lock: ['acquired', 'released'],
    notification: ['created', 'read', 'deleted'],
    call: ['signaled'],
    admin: ['tested'],
  }),
}

export const lms = define({
  connect: { follow: 'all', watch: () => ({ wording: 'presence', scope: { kind: 'presence', by: 'rights' } }) },
  inbound: {
    'message:send': on(form.Send, 'message.send', {
      about: (_, { recipientId }) => `user:${recipientId}`,
      introduces: ({ recipientId }) => recipientId,
      input: ({ recipientId, content, tempId }, { id }) => ({
        to: recipientId,
        content,
        ...(tempId !== undefined && { clientId: clientIdWith(id, tempId) }),
      }),
      reply: ({ id: messageId, conversationId, createdAt }, { tempId }, { delivery }) => [
        [
          'message:delivered',
          {
            messageId,
            ...(tempId !== undefined && { tempId }),
            timestamp: createdAt.toISOString(),
            recipientOnline: delivery.onlineUsers > 0,
            conversationId,
          },
        ],
      ],
      fail: form.refused('Missing required fields: recipientId and content', {}, 'Failed to send message'),
    }),
    'message:read': on(form.Mark, 'message.markRead', {
      input: (mark) => mark,
      fail: form.refused(
        'Missing required field: messageId or conversationId',
        { NOT_FOUND: null, FORBIDDEN: 'Unauthorized: You are not in this conversation' },
        'Failed to mark as read',
      ),
    }),
    'message:update': on(form.Update, 'message.edit', {
      input: (update) => update,
      fail: form.refused(
        'Missing required fields: messageId and content',
        { NOT_FOUND: null, FORBIDDEN: notYours('edit'), CONFLICT: null },
        'Failed to update message',
      ),
    }),
    'message:delete': on(form.Named, 'message.delete', {
      input: ({ messageId }) => ({ messageId, own: true }),
      fail: form.refused(
        'Missing required field: messageId',
        { NOT_FOUND: null, FORBIDDEN: notYours('delete'), CONFLICT: null },
        'Failed to delete message',
      ),
    }),
    'typing:start': typing(true),
    'typing:stop': typing(false),
  },
  outbound,
  wordings: {
    presence: {
      ...outbound,
      'presence.changed': ({ changes }, { at }) => ({
        // What a user chooses to appear as is no coming or going, but to hide is.
        all: changes
          .filter(({ status, was }) => (status === 'offline') !== (was === 'offline'))
          .map(({ userId, status, role: userRole }) => {
            const timestamp = at.toISOString()
            return status === 'offline'
              ? ['user:offline', { userId, timestamp }]
              : ['user:online', { userId, userRole, timestamp }]
          }),
      }),
    },
  },
  error: ({ message: error }) => ({ emit: [['message:error', { error }]], ack: { error } }),
  refuse: (refusal) => REFUSALS[refusal],
})

const REFUSALS = {
  missing: 'Authentication token required',
  invalid: 'Invalid authentication token',
  inactive: 'User not found',
  failed: 'Authentication failed',
} as const
