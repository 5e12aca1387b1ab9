/** Notifications, for the devices of their user. */
import { z } from 'zod'
import { Id } from '../model/base.ts'
import { Notification, NotificationType } from '../model/notification.ts'
import type { Row } from './row.ts'

export const notification = {
  'notification.created': { kind: 'durable', topic: 'user', payload: z.object({ notification: Notification }) },
  /** For the user's own devices: these are read (null: all there were, or all of `types`), `unread` are left. */
  'notification.read': {
    kind: 'durable',
    topic: 'user',
    payload: z.object({
      notificationIds: z.array(Id).nullable(),
      types: z.array(NotificationType).nullable(),
      unread: z.number().int(),
    }),
  },
  /** For the user's own devices: these are gone (null: all there were, or all that were read if `readOnly`), `unread` are left. */
  'notification.deleted': {
    kind: 'durable',
    topic: 'user',
    payload: z.object({ notificationIds: z.array(Id).nullable(), readOnly: z.boolean(), unread: z.number().int() }),
  },
} as const satisfies Record<string, Row>
