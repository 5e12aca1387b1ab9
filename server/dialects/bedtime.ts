/**
 * `bedtime`: messages from user to user, to the support bot if nobody is named, and notifications at set times. It knows no
 * credentials: a socket says whose it is (`user:register`), where the operator trusts it, and until then only hears what is for
 * everybody. A message arrives under two names, since clients of both kinds exist. No callbacks; what fails is `message:error`.
 */
import type { AppError } from '../../shared/errors.ts'
import * as form from './bedtime.wire.ts'
import { dialect } from './dialect.ts'
import { dropped, toSenders } from './outbound.ts'

const { on, claim, define } = dialect({
  name: 'bedtime',
  emits: form.wire,
  ack: form.Failed,
  guests: 'User not registered. Please register first.',
})

/** Who answers those who name nobody, and is found in any case of its letters. */
const BOT = 'support-bot'
const isBot = (userId: string) => userId.toLowerCase() === BOT

const register = claim(form.Register, (given) => (typeof given === 'string' ? given : given.userId), {
  reply: ({ userId, socketId }) => [['user:registered', { userId, socketId, userObjectId: userId }]],
})

function failure({ code, message }: AppError) {
  const failed = { error: message, message, code }
  return { emit: [['message:error', failed]], ack: failed } as const
}

export const bedtime = define({
  connect: { follow: 'all', first: 'queue' },
  inbound: {
    'user:register': register,
    'user:identify': register,
    'message:send': on(form.Send, 'message.send', {
      // A bot that is switched off is not made a user by being written to.
      introduces: ({ recipientId }) => (recipientId && !isBot(recipientId) ? recipientId : undefined),
      input: ({ recipientId, messageType: type, content, metadata }) => ({
        ...{ type, content, metadata: metadata ?? null },
        to: !recipientId || isBot(recipientId) ? BOT : recipientId,
      }),
      reply: ({ id, createdAt }) => [['message:sent', { _id: id, status: 'sent', timestamp: createdAt.toISOString() }]],
    }),
    'message:read': on(form.Read, 'message.markRead', {
      input: (given) => ({ messageId: typeof given === 'string' ? given : given.messageId }),
    }),
  },
  outbound: {
    'message.created': ({ message }, { card }) => {
      const received = form.received(message, card)
      return {
        others: [
          ['message:received', received],
          ['message:receive', received],
        ],
      }
    },
    'receipt.read': ({ userId: readBy, messages, at }) =>
      toSenders(messages, (own) =>
        own.map(({ id: messageId }) => ['message:read', { messageId, readAt: at.toISOString(), readBy }]),
      ),
    // The others are told in words of their own, or are shown by the systems that made them.
    'notification.created': ({ notification }) =>
      notification.type === 'system' ? { all: [['schedule:notification', form.scheduled(notification)]] } : {},
    ...dropped({
      user: ['updated', 'blocked', 'revoked'],
      presence: ['changed'],
      connection: ['opened', 'kicked'],
      conversation: ['created', 'updated', 'viewed', 'configured'],
      member: ['added', 'removed', 'updated'],
      message: ['updated', 'deleted', 'hidden', 'reacted', 'accepted', 'failed'],
      receipt: ['delivered', 'unread', 'marked', 'counted'],
      lock: ['acquired', 'released'],
      notification: ['read', 'deleted'],
      typing: ['changed'],
      call: ['signaled'],
      admin: ['tested'],
    }),
  },
  error: failure,
})
