/**
 * `/notifications` of `messenger`: the user's notifications. What a socket does on them is confirmed to it alone. A socket hears
 * all types until it subscribes to some; then these, and more by subscribing again; what it unsubscribes from it hears no more.
 * One that was made while its user was not to be disturbed is in the lists and is not told.
 */
import { NotificationType } from '../../shared/model.ts'
import { local, on } from './messenger.head.ts'
import { ByNotification, Nothing, Types, type wire } from './messenger.wire.ts'
import * as say from './messenger.words.ts'
import { dropped, type Emit, type Outbound } from './outbound.ts'

const LISTED = 100
const unread = on(Nothing, 'notification.list', {
  input: () => ({ unread: true, limit: LISTED }),
  ack: (list) => say.unreadOf(list),
  event: (list) => [['notifications:unread', say.unreadOf(list)]],
})

const all: readonly string[] = NotificationType.options

const outbound: Outbound<Emit<typeof wire>> = {
  'notification.created': ({ notification }) =>
    notification.silent
      ? {}
      : { kind: notification.type, all: [['notification:new', say.notificationOf(notification)]] },
  ...dropped({
    user: ['updated', 'blocked', 'revoked'],
    presence: ['changed'],
    connection: ['opened', 'kicked'],
    conversation: ['created', 'updated', 'viewed', 'configured'],
    member: ['added', 'removed', 'updated'],
    message: ['created', 'updated', 'deleted', 'accepted', 'failed', 'hidden', 'reacted'],
    receipt: ['unread', 'marked', 'counted', 'delivered', 'read'],
    typing: ['changed'],
    lock: ['acquired', 'released'],
    notification: ['read', 'deleted'],
    call: ['signaled'],
    admin: ['tested'],
  }),
}

export const notifications = {
  inbound: {
    'notifications:unread': unread,
    'notification:read': on(ByNotification, 'notification.read', {
      input: ({ notificationId }) => ({ notificationIds: [notificationId] }),
      reply: (_, { notificationId }) => [['notification:read-confirmed', { notificationId }]],
      ack: () => ({ ok: true }),
    }),
    'notifications:mark-all-read': on(Nothing, 'notification.readAll', {
      input: () => ({}),
      reply: ({ changed }) => [['notifications:all-read-confirmed', { count: changed }]],
      ack: ({ changed }) => ({ ok: true, count: changed }),
    }),
    'notification:delete': on(ByNotification, 'notification.delete', {
      input: ({ notificationId }) => ({ notificationIds: [notificationId] }),
      reply: (_, { notificationId }) => [['notification:deleted-confirmed', { notificationId }]],
      ack: () => ({ ok: true }),
    }),
    'notifications:subscribe': local(Types, {
      // Nothing is no subscription: who has none hears all types.
      refuses: ({ types }, before) =>
        types.length === 0 ? before : (before ?? all).filter((type) => !types.includes(type)),
      ack: ({ types }) => ({ ok: true, subscribedTo: types }),
    }),
    'notifications:unsubscribe': local(Types, {
      refuses: ({ types }, before) =>
        types.length === 0 ? before : all.filter((type) => before?.includes(type) || types.includes(type)),
      ack: ({ types }) => ({ ok: true, unsubscribedFrom: types }),
    }),
  },
  outbound,
} as const
