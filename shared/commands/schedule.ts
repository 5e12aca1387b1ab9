/** Schedules: notifications at set times. A user's own, to themselves; an administrator's, to anybody or everybody. */
import { z } from 'zod'
import { Id, JsonObject, Schedule, Text, TimeZone, When } from '../model.ts'
import { type Contract, limit } from './contract.ts'
import { Notice } from './notification.ts'

const BySchedule = z.object({ scheduleId: Id })
const Name = Text(100).min(1)
const given = Notice.shape
/** Less than a notification may have: what it is told of the schedule comes on top. */
const Data = JsonObject(3_000).nullable()

export const schedule = {
  /**
   * `userId`: whom it tells; without it an administrator's tells everybody, another user's the user. CONFLICT if the user has
   * a hundred already; INVALID_INPUT for an expression that never runs, or would run twice within a minute.
   */
  'schedule.create': {
    kind: 'write',
    input: Notice.extend({
      data: Data.default(null),
      name: Name,
      userId: Id.nullable().optional(),
      when: When,
      timeZone: TimeZone,
      enabled: z.boolean().default(true),
    }),
    output: Schedule,
    errors: ['FORBIDDEN', 'NOT_FOUND', 'CONFLICT'],
    cost: 5,
  },
  'schedule.get': { kind: 'read', input: BySchedule, output: Schedule, errors: ['NOT_FOUND'], cost: 1 },
  /** The actor's own, an administrator's all there are, oldest first. `next` is the `after` of the next page. */
  'schedule.list': {
    kind: 'read',
    input: z.object({ after: Id.optional(), limit: limit(100, 50) }).default({ limit: 50 }),
    output: z.object({ schedules: z.array(Schedule), next: Id.nullable() }),
    errors: [],
    cost: 2,
  },
  /**
   * Changes what is given. Another time is counted from now on: what was due and not done yet is passed over. FORBIDDEN to who made
   * it for others and is an administrator no more.
   */
  'schedule.update': {
    kind: 'write',
    input: BySchedule.extend({
      name: Name.optional(),
      when: When.optional(),
      timeZone: TimeZone.optional(),
      priority: given.priority.removeDefault().optional(),
      title: given.title.optional(),
      body: given.body.removeDefault().optional(),
      data: Data.optional(),
      actionUrl: given.actionUrl.removeDefault().optional(),
      enabled: z.boolean().optional(),
    }),
    output: Schedule,
    errors: ['FORBIDDEN', 'NOT_FOUND'],
    cost: 2,
  },
  /** Without `enabled` it is turned over. */
  'schedule.toggle': {
    kind: 'write',
    input: BySchedule.extend({ enabled: z.boolean().optional() }),
    output: Schedule,
    errors: ['FORBIDDEN', 'NOT_FOUND'],
    cost: 2,
  },
  'schedule.delete': { kind: 'write', input: BySchedule, output: BySchedule, errors: ['NOT_FOUND'], cost: 2 },
} as const satisfies Record<string, Contract>
