/** Who is here, and in what mood. */
import { z } from 'zod'
import { Id, Moment, Text } from './base.ts'

/** `dnd`: do not disturb. Chosen `offline`: connected, and not seen to be. */
export const Status = z.enum(['online', 'offline', 'away', 'busy', 'dnd'])
export type Status = z.output<typeof Status>

/** Ends by itself at `expiresAt`. */
export const CustomStatus = z.object({
  message: Text(100).nullable(),
  emoji: Text(32).nullable(),
  expiresAt: Moment.nullable(),
})
export type CustomStatus = z.output<typeof CustomStatus>

/** A user as others see them, over all devices and nodes: `offline` when none is connected. `lastSeenAt`: when the last one went. */
export const Presence = z.object({
  userId: Id,
  status: Status,
  custom: CustomStatus.nullable(),
  lastSeenAt: z.date().nullable(),
})
export type Presence = z.output<typeof Presence>
