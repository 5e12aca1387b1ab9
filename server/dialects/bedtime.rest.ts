/**
 * `bedtime` over HTTP: diagnostics for operators, and schedules. A schedule is a `bedtime` (a time of day on weekdays, counted
 * from Sunday, 0; every day if none is named) or a `cron` expression, on the clocks of its time zone; its `payload` is what the
 * notification says. A change of the time or of the payload gives the whole of it.
 */
import { z } from 'zod'
import { AppError } from '../../shared/errors.ts'
import { Id, JsonObject, type Schedule, Text, TimeZone, When } from '../../shared/model.ts'
import { answers, group, type Params } from './rest.ts'

const Payload = z.object({
  /** The schedule's name if missing. */
  title: Text(200).min(1).optional(),
  message: Text(2_000).default(''),
  data: JsonObject(2_000).nullable().default(null),
})
const EVERY_DAY = [0, 1, 2, 3, 4, 5, 6]
const [{ shape: bedtime }, { shape: cron }] = When.options
const Changed = z
  .object({
    name: Text(100).min(1),
    time: bedtime.time,
    weekdays: bedtime.weekdays,
    cron: cron.cron,
    timeZone: TimeZone,
    enabled: z.boolean(),
    payload: Payload,
  })
  .partial()
type Changed = z.output<typeof Changed>
const New = Changed.required({ name: true })
  /** Whom it tells; null: everybody. If missing, the user; everybody if an administrator makes it. */
  .extend({ userId: Id.nullable().optional() })

const Moment = z.iso.datetime()
const Shown = z.object({
  _id: z.string(),
  ownerId: z.string(),
  userId: z.string().nullable(),
  name: z.string(),
  type: z.enum(['bedtime', 'cron']),
  time: z.string().nullable(),
  weekdays: z.array(z.number()).nullable(),
  cron: z.string().nullable(),
  timeZone: z.string(),
  enabled: z.boolean(),
  payload: z.object({ title: z.string(), message: z.string(), data: JsonObject(3_000).nullable() }),
  nextRunAt: Moment.nullable(),
  lastRunAt: Moment.nullable(),
  createdAt: Moment,
  updatedAt: Moment,
})

function whenOf({ time, weekdays, cron }: Changed): When {
  if (cron !== undefined && time === undefined && weekdays === undefined) return { kind: 'cron', cron }
  if (cron === undefined && time !== undefined) return { kind: 'bedtime', time, weekdays: weekdays ?? EVERY_DAY }
  throw new AppError('INVALID_INPUT', 'Give either time (HH:MM), with or without weekdays, or cron')
}
const timed = ({ time, weekdays, cron }: Changed) => (time ?? weekdays ?? cron) !== undefined
/** What is given, as a command has it. */
const given = ({ name, timeZone, enabled, payload }: Changed) => ({
  ...{ name, timeZone, enabled },
  ...(payload && { title: payload.title ?? name, body: payload.message, data: payload.data }),
})

function shown({ id, when, title, body, data, ...schedule }: Schedule): z.input<typeof Shown> {
  const { ownerId, userId, name, timeZone, enabled, nextRunAt, lastRunAt, createdAt, updatedAt } = schedule
  const times =
    when.kind === 'cron'
      ? { time: null, weekdays: null, cron: when.cron }
      : { time: when.time, weekdays: when.weekdays, cron: null }
  return {
    ...{ _id: id, ownerId, userId, name, type: when.kind, ...times, timeZone, enabled },
    payload: { title, message: body, data },
    nextRunAt: nextRunAt?.toISOString() ?? null,
    lastRunAt: lastRunAt?.toISOString() ?? null,
    ...{ createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() },
  }
}

const Failure = z.object({ error: z.string(), message: z.string(), code: z.string() })
const Told = z.object({ status: z.literal('success'), message: z.string() })
const Connected = z.object({
  status: z.literal('success'),
  connectedUsers: z.array(
    z.object({ userId: z.string(), username: z.string(), socketId: z.string(), connectedAt: Moment }),
  ),
  count: z.number(),
})
const Listed = z.object({ schedules: z.array(Shown), next: z.string().nullable() })

const byId = ({ params }: { readonly params: Params<'/:id'> }) => ({ scheduleId: params.id })
const schedule = answers(Shown)

export const bedtimeRest = group({ name: 'bedtime', failure: Failure }).define({
  error: ({ code, message }) => ({ error: message, message, code }),
  routes: [
    ...(['GET', 'POST'] as const).map((method) =>
      answers(Told).route(`${method} /diagnostics/test-notification`, {
        command: 'notification.broadcast',
        summary: 'Sends a bedtime notification to everybody',
        access: 'operator',
        input: () => ({
          title: 'Test notification',
          body: "It's time for bed!",
          data: { kind: 'bedtime', scheduleName: 'Test' },
        }),
        payload: () => ({ status: 'success', message: 'Test notification sent' }),
      }),
    ),
    answers(Connected).route('GET /diagnostics/sockets', {
      command: 'admin.connections',
      summary: 'Who is connected: the first 500 connections, and the number of users',
      access: 'operator',
      input: () => ({ limit: 500 }),
      more: (execute) => execute('admin.rooms', { limit: 1 }),
      payload: ({ connections, next }, _, { totalUsers }) => {
        // Bots are not connected, they are here.
        const users = connections.filter(({ entrance }) => entrance !== null)
        return {
          status: 'success',
          connectedUsers: users.map(({ userId, name, connectionId, since }) => ({
            ...{ userId, username: name, socketId: connectionId, connectedAt: since.toISOString() },
          })),
          count: next === null ? new Set(users.map(({ userId }) => userId)).size : totalUsers,
        }
      },
    }),
    answers(Listed).route('GET /api/schedules', {
      command: 'schedule.list',
      summary: "The user's own schedules; an administrator's are all there are",
      query: z.object({ after: Id.optional(), limit: z.coerce.number().int().min(1).max(100).default(50) }),
      input: ({ query }) => query,
      payload: ({ schedules, next }) => ({ schedules: schedules.map(shown), next }),
    }),
    schedule.route('POST /api/schedules', {
      command: 'schedule.create',
      summary: 'Makes a schedule: to the user, or by an administrator to anybody or everybody',
      body: New,
      input: ({ body: { userId, timeZone = 'UTC', ...body } }) => ({
        ...given(body),
        ...{ name: body.name, title: body.payload?.title ?? body.name, timeZone, userId, when: whenOf(body) },
      }),
      status: 201,
      payload: shown,
    }),
    schedule.route('GET /api/schedules/:id', { command: 'schedule.get', input: byId, payload: shown }),
    ...(['PUT', 'PATCH'] as const).map((method) =>
      schedule.route(`${method} /api/schedules/:id`, {
        command: 'schedule.update',
        summary: 'Changes what is given',
        body: Changed,
        input: ({ params, body }) => ({
          ...{ scheduleId: params.id, ...given(body), when: timed(body) ? whenOf(body) : undefined },
        }),
        payload: shown,
      }),
    ),
    answers(z.object({ _id: z.string() })).route('DELETE /api/schedules/:id', {
      command: 'schedule.delete',
      input: byId,
      payload: ({ scheduleId }) => ({ _id: scheduleId }),
    }),
    schedule.route('POST /api/schedules/:id/toggle', {
      command: 'schedule.toggle',
      summary: 'Turns it on or off; over, if it is not said which',
      body: z.object({ enabled: z.boolean().optional() }),
      input: ({ params, body }) => ({ scheduleId: params.id, enabled: body.enabled }),
      payload: shown,
    }),
  ],
})
