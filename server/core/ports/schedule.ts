import type { Notification, Schedule } from '../../../shared/model.ts'

export interface ScheduleReads {
  get(id: string): Promise<Schedule | null>
  /** By id, which is the order of making; one owner's, or all of them. */
  list(page: {
    ownerId?: string | undefined
    after?: string | undefined
    limit: number
  }): Promise<{ schedules: Schedule[]; next: string | null }>
  /** Milliseconds until the next one is due, 0 if one is, at most a day; null if none will be. */
  nextDue(): Promise<number | null>
  /** What the database's clock shows: runs are compared with that one. */
  now(): Promise<Date>
}

export type ScheduleDraft = Omit<Schedule, 'lastRunAt' | 'createdAt' | 'updatedAt'>

/** `data` as the notification will have it; `by`: who sent it. */
export interface BroadcastDraft
  extends Pick<Notification, 'id' | 'type' | 'priority' | 'title' | 'body' | 'data' | 'actionUrl'> {
  readonly by: string | null
}
export interface Broadcast extends BroadcastDraft {
  readonly createdAt: Date
}

export interface ScheduleWrites {
  /** Null if the owner has `most` of them already. Locks the owner's row. */
  createSchedule(schedule: ScheduleDraft, most: number): Promise<Schedule | null>
  /** Reads it and locks it until the commit. */
  lockSchedule(id: string): Promise<Schedule | null>
  /** All but `id`, `ownerId`, `userId` and the dates that the store keeps. NOT_FOUND if it is not there. */
  updateSchedule(schedule: ScheduleDraft): Promise<Schedule>
  /** False if there was none. */
  deleteSchedule(id: string): Promise<boolean>
  /** Those that are due, the longest waiting first, locked; not those that another write has locked. */
  dueSchedules(limit: number): Promise<Schedule[]>
  /** Moves locked ones on. `lastRunAt` null: it did not run, the last time stays. */
  moveSchedules(runs: readonly { id: string; lastRunAt: Date | null; nextRunAt: Date | null }[]): Promise<void>
  createBroadcast(broadcast: BroadcastDraft): Promise<void>
  /**
   * The oldest broadcast that is not done and that no other write is sending, and the next `limit` active users to get it, of
   * those who were there when it was made. Takes them as served, and it as done where there are no more. Null if there is none.
   */
  takeBroadcast(limit: number): Promise<{ broadcast: Broadcast; userIds: string[] } | null>
}
