/** Notifications, for the devices of their user. */
import { z } from 'zod'
import { Id } from '../model/base.ts'
import { Notification } from '../model/notification.ts'
import type { Row } from './row.ts'

export const notification = {
  'notification.created': { kind: 'durable', topic: 'user', payload: z.object({ notification: Notification }) },
  /** For the user's own devices: these are read (null: all there were), `unread` are left. */
  'notification.read': {
    kind: 'durable',
    topic: 'user',
    payload: z.object({ notificationIds: z.array(Id).nullable(), unread: z.number().int() }),
  },
  'notification.deleted': {
    kind: 'durable',
    topic: 'user',
    payload: z.object({ notificationIds: z.array(Id).nullable(), unread: z.number().int() }),
  },
} as const satisfies Record<string, Row>
