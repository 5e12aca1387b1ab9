/** Notifications of `messenger` over HTTP, under the names of its document and under those that its clients also use. */
import { z } from 'zod'
import { AppError } from '../../shared/errors.ts'
import { Count, Counted, countedOf, Notifications, Ok, worded } from './messenger.rest.wire.ts'
import { ListedNotification } from './messenger.wire.ts'
import { listedNotification } from './messenger.words.ts'
import { pages } from './rest.page.ts'
import { answers, type Params } from './rest.ts'

const by = pages({ usual: 20, most: 100 })
const fail = worded()
const byId = ({ params }: { readonly params: Params<'/:id'> }) => ({ notificationIds: [params.id] })
const one = answers(ListedNotification)

export const notificationRoutes = [
  answers(Notifications).route('GET /notifications', {
    command: 'notification.count',
    summary: 'Notifications, newest first',
    query: z.object(by.shape),
    input: () => ({}),
    fail,
    more: async (execute, _, { query }) => {
      const { limit, skip } = by.of(query)
      return execute('notification.list', { limit, skip })
    },
    payload: ({ count }, { query }, { notifications, unread }) => ({
      ...{ notifications: notifications.map(listedNotification), unreadCount: unread },
      ...countedOf(count, by.of(query)),
    }),
  }),
  ...(['unread', 'unread-count'] as const).map((name) =>
    answers(Count).route(`GET /notifications/${name}`, {
      command: 'notification.unreadCount',
      input: () => ({}),
      fail,
      payload: ({ unread }) => ({ count: unread }),
    }),
  ),
  one.route('GET /notifications/:id', {
    command: 'notification.get',
    input: ({ params }) => ({ notificationId: params.id }),
    fail,
    payload: listedNotification,
  }),
  ...(['POST', 'PUT'] as const).flatMap((method) => [
    one.route(`${method} /notifications/:id/read`, {
      command: 'notification.read',
      input: byId,
      fail,
      more: (execute, _, { params }) => execute('notification.get', { notificationId: params.id }),
      payload: (_, __, notification) => listedNotification(notification),
    }),
    answers(Counted).route(`${method} /notifications/mark-all-read`, {
      command: 'notification.readAll',
      input: () => ({}),
      fail,
      payload: ({ changed }) => ({ ok: true, count: changed }),
    }),
  ]),
  answers(Ok).route('DELETE /notifications/:id', {
    command: 'notification.delete',
    input: byId,
    payload: ({ changed }) => {
      if (changed === 0) throw new AppError('NOT_FOUND')
      return { ok: true }
    },
    fail,
  }),
  answers(Counted).route('DELETE /notifications/clear-read', {
    command: 'notification.deleteAll',
    summary: 'Deletes those that are read',
    input: () => ({ read: true }),
    fail,
    payload: ({ changed }) => ({ ok: true, count: changed }),
  }),
  answers(Counted).route('DELETE /notifications', {
    command: 'notification.deleteAll',
    input: () => ({}),
    fail,
    payload: ({ changed }) => ({ ok: true, count: changed }),
  }),
]
