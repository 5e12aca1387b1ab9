/** When users are told what: at a time of day on some weekdays, or by a cron expression, on the clocks of a time zone. */
import { z } from 'zod'
import { Id, JsonObject, Text } from './base.ts'
import { Priority } from './notification.ts'

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) !== null
  } catch {
    return false
  }
}
/** By its IANA name, like `Europe/Berlin` or `UTC`; an offset like `+02:00` is none. */
export const TimeZone = z
  .string()
  .max(64)
  .refine((name) => /^[A-Za-z]/.test(name) && isTimeZone(name), 'must be an IANA time zone')

/** Weekdays count from Sunday, 0. A cron expression has 5 fields, or 6 with one second in front; no year, no `@daily`, no `?`. */
export const When = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('bedtime'),
    time: z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be HH:MM'),
    weekdays: z.array(z.number().int().min(0).max(6)).min(1).max(7),
  }),
  z.object({ kind: z.literal('cron'), cron: Text(100).min(1) }),
])
export type When = z.output<typeof When>

export const Schedule = z.object({
  id: Id,
  ownerId: Id,
  /** Whom it tells; null: everybody. */
  userId: Id.nullable(),
  name: z.string(),
  when: When,
  timeZone: z.string(),
  title: z.string(),
  body: z.string(),
  priority: Priority,
  /** The notification's has `scheduleId`, `scheduleName` and `kind` besides. */
  data: JsonObject(3_000).nullable(),
  actionUrl: z.string().nullable(),
  enabled: z.boolean(),
  /** Null while it is not enabled. */
  nextRunAt: z.date().nullable(),
  lastRunAt: z.date().nullable(),
  createdAt: z.date(),
  updatedAt: z.date(),
})
export type Schedule = z.output<typeof Schedule>
