/**
 * When a schedule runs, by croner. A time of day that is skipped when the clocks go forward runs at the first moment after the
 * gap; one that comes twice when they go back runs the first time only. A cron expression with `*` or a step in its minutes
 * or hours follows the real time instead: `0 * * * *` every hour, both of a repeated one, none that is skipped.
 * Refused with INVALID_INPUT: what croner cannot read, never runs, or would run twice within one minute.
 * Runs that nobody was up for: the first of the last hour is made up for, once; the others and older ones are passed over.
 */
import { Cron, CronPattern } from 'croner'
import { AppError } from '../../shared/errors.ts'
import type { When } from '../../shared/model.ts'

/** A list or range of times of day is as fixed as a single time. */
const FIXED = { mode: '5-or-6-parts', fixedTimeRule: 'no-wildcard' } as const
const LATE_MS = 3_600_000

function refused(reason: string, cause?: unknown): AppError {
  return new AppError('INVALID_INPUT', `This schedule cannot run: ${reason}`, { cause })
}

function expression(when: When): string {
  if (when.kind === 'cron') return when.cron
  const [hour = '', minute = ''] = when.time.split(':')
  return `${minute} ${hour} * * ${when.weekdays.join(',')}`
}

function parse(when: When, timeZone: string): Cron {
  const text = expression(when)
  // croner takes also dates, and `?` for the time at which it reads the expression: another one each time.
  if (text.includes('?') || ![5, 6].includes(text.trim().split(/\s+/).length)) throw refused('not a cron expression')
  try {
    const { second } = new CronPattern(text, timeZone, FIXED)
    if (second.filter(Boolean).length > 1) throw refused('more than once a minute')
    return new Cron(text, { ...FIXED, timezone: timeZone, paused: true })
  } catch (error) {
    throw error instanceof AppError ? error : refused(error instanceof Error ? error.message : 'not valid', error)
  }
}

/** The first run after that moment. */
export function nextRun({ when, timeZone }: { when: When; timeZone: string }, after: Date): Date {
  const next = parse(when, timeZone).nextRun(after)
  if (!next) throw refused('never')
  return next
}

/** For one that was due at `dueAt`: the run to make up for, if there is one, and the next to wait for. */
export function runsAt(
  schedule: { when: When; timeZone: string },
  dueAt: Date,
  now: Date,
): { due: Date | null; next: Date } {
  const since = new Date(now.getTime() - LATE_MS)
  const due = dueAt > since ? dueAt : nextRun(schedule, since)
  return { due: due <= now ? due : null, next: nextRun(schedule, now) }
}
