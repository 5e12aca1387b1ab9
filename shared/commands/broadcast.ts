/** A notification to everybody. */
import { z } from 'zod'
import { Id, NotificationType } from '../model.ts'
import type { Contract } from './contract.ts'
import { Notice } from './notification.ts'

export const broadcast = {
  /** For administrators: to every active user there is now. It is on its way when this answers, and arrives once. */
  'notification.broadcast': {
    kind: 'write',
    input: Notice.extend({ type: NotificationType.default('system') }),
    output: z.object({ broadcastId: Id }),
    errors: ['FORBIDDEN'],
    cost: 10,
  },
} as const satisfies Record<string, Contract>
