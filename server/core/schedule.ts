/**
 * Schedules: who may tell whom, and when the next run is. The next run is set with every change of the time, by the database's
 * clock; firing.ts does what is due. A user has at most a hundred, administrators as many as they need.
 */
import { AppError } from '../../shared/errors.ts'
import type { Schedule } from '../../shared/model.ts'
import { nextRun } from './calendar.ts'
import type { HandlersOf, Node } from './handler.ts'
import { anyone, scheduleFor, scheduleOwner, scheduleTeller } from './policy.ts'
import type { ScheduleDraft, Tx } from './ports.ts'

const MOST = 100
const gone = () => new AppError('NOT_FOUND', 'Schedule not found')
const committed = ({ node }: { readonly node: Node }) => node.firing.schedules.wake()

/** Changes what is given of a schedule that the actor may change. */
async function change(
  tx: Tx,
  { scheduleId, ...given }: { scheduleId: string } & { [K in keyof Schedule]?: Schedule[K] | undefined },
): Promise<Schedule> {
  const was = await tx.lockSchedule(scheduleId)
  if (!was) throw gone()
  const changes = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
  const now: ScheduleDraft = { ...was, ...changes }
  const timed = given.when !== undefined || given.timeZone !== undefined
  const starts = now.enabled && was.nextRunAt === null
  // Also of one that is not enabled: its time must be one that can come.
  const nextRunAt = timed || starts ? nextRun(now, await tx.schedules.now()) : was.nextRunAt
  return tx.updateSchedule({ ...now, nextRunAt: now.enabled ? nextRunAt : null })
}

export const schedule: HandlersOf<
  'schedule.create' | 'schedule.get' | 'schedule.list' | 'schedule.update' | 'schedule.toggle' | 'schedule.delete'
> = {
  'schedule.create': {
    policy: scheduleFor,
    run: async ({ tx, actor, input, node }) => {
      const { userId = node.rights.administers(actor) ? null : actor.userId, ...given } = input
      if (userId !== null && !(await tx.users.get(userId))) throw new AppError('NOT_FOUND', 'User not found')
      const nextRunAt = nextRun(given, await tx.schedules.now())
      const created = await tx.createSchedule(
        {
          ...{ ...given, id: node.world.newId(), ownerId: actor.userId, userId },
          nextRunAt: given.enabled ? nextRunAt : null,
        },
        node.rights.administers(actor) ? Number.MAX_SAFE_INTEGER : MOST,
      )
      if (!created) throw new AppError('CONFLICT', `A user has at most ${MOST} schedules`)
      return created
    },
    committed,
  },
  'schedule.get': {
    policy: scheduleOwner,
    run: async ({ tx, input }) => {
      const found = await tx.schedules.get(input.scheduleId)
      if (!found) throw gone()
      return found
    },
  },
  'schedule.list': {
    policy: anyone,
    run: ({ tx, actor, input, node }) =>
      tx.schedules.list({ ...input, ownerId: node.rights.administers(actor) ? undefined : actor.userId }),
  },
  'schedule.update': { policy: scheduleTeller, run: ({ tx, input }) => change(tx, input), committed },
  'schedule.toggle': {
    policy: scheduleTeller,
    run: async ({ tx, input }) => {
      const was = await tx.lockSchedule(input.scheduleId)
      return change(tx, { ...input, enabled: input.enabled ?? !was?.enabled })
    },
    committed,
  },
  'schedule.delete': {
    policy: scheduleOwner,
    run: async ({ tx, input: { scheduleId } }) => {
      if (!(await tx.deleteSchedule(scheduleId))) throw gone()
      return { scheduleId }
    },
  },
}
