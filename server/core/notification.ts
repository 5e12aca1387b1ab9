/**
 * A user's own notifications: listed newest first, read, deleted, muted by type. Their other devices hear of what changed, with
 * how many are left unread; nothing changed is no event. Changes of one user's come one after the other, so the last count told
 * is true. What is made, and for whom, is in notice.ts.
 */
import { AppError } from '../../shared/errors.ts'
import type { NotificationType } from '../../shared/model.ts'
import { draft, type HandlersOf, type RunCall, userTopic } from './handler.ts'
import { notice } from './notice.ts'
import { admin, anyone } from './policy.ts'

type Noun =
  | 'notification.list'
  | 'notification.count'
  | 'notification.unreadCount'
  | 'notification.get'
  | 'notification.read'
  | 'notification.readAll'
  | 'notification.delete'
  | 'notification.deleteAll'
  | 'notification.mute'
  | 'notification.muted'
  | 'notification.send'

type Reading = RunCall<'notification.read' | 'notification.readAll'>
type Removal = RunCall<'notification.delete' | 'notification.deleteAll'>

async function markRead({ tx, actor }: Reading, ids?: readonly string[], types?: readonly NotificationType[]) {
  const { ids: named, changed, unread } = await tx.readNotifications(actor.userId, { ids, types })
  const payload = { notificationIds: ids ? [...named] : null, types: types ? [...types] : null, unread }
  if (changed > 0) tx.append(draft(actor, 'notification.read', userTopic(actor.userId), payload))
  return { changed, unread }
}

async function remove({ tx, actor }: Removal, ids?: readonly string[], readOnly = false) {
  const { ids: named, changed, unread } = await tx.deleteNotifications(actor.userId, { ids, read: readOnly })
  const payload = { notificationIds: ids ? [...named] : null, readOnly, unread }
  if (changed > 0) tx.append(draft(actor, 'notification.deleted', userTopic(actor.userId), payload))
  return { changed, unread }
}

export const notification: HandlersOf<Noun> = {
  'notification.list': { policy: anyone, run: ({ tx, actor, input }) => tx.notifications.list(actor.userId, input) },
  'notification.count': {
    policy: anyone,
    run: async ({ tx, actor, input }) => ({ count: await tx.notifications.count(actor.userId, input) }),
  },
  'notification.unreadCount': {
    policy: anyone,
    run: async ({ tx, actor, input }) => ({ unread: await tx.notifications.unread(actor.userId, input.types) }),
  },
  'notification.get': {
    policy: anyone,
    run: async ({ tx, actor, input }) => {
      const found = await tx.notifications.get(actor.userId, input.notificationId)
      if (!found) throw new AppError('NOT_FOUND', 'Notification not found')
      return found
    },
  },
  'notification.read': { policy: anyone, run: (call) => markRead(call, call.input.notificationIds) },
  'notification.readAll': { policy: anyone, run: (call) => markRead(call, undefined, call.input.types) },
  'notification.delete': { policy: anyone, run: (call) => remove(call, call.input.notificationIds) },
  'notification.deleteAll': { policy: anyone, run: (call) => remove(call, undefined, call.input.read) },
  'notification.mute': {
    policy: anyone,
    run: async ({ tx, actor, input }) => {
      const types = [...new Set(input.types)]
      await tx.muteTypes(actor.userId, types)
      return { types }
    },
  },
  'notification.muted': {
    policy: anyone,
    run: async ({ tx, actor }) => ({ types: await tx.notifications.muted(actor.userId) }),
  },
  'notification.send': {
    policy: admin,
    run: async (call) => {
      const { tx, actor, input } = call
      const { cause, ...said } = input
      if (!(await tx.users.get(input.userId))) throw new AppError('NOT_FOUND', 'User not found')
      // A cause of theirs is never one of the domain's.
      const given = { ...said, conversationId: null, ...(cause !== undefined && { cause: `sent:${cause}` }) }
      const made = await tx.notify([notice(call, given)], actor.connectionId)
      return { made: made.length > 0 }
    },
  },
}
