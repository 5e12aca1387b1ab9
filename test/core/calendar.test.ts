/** When a schedule runs: on the clocks of its time zone, through both changes of them, and after a time when nobody was up. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nextRun, runsAt } from '../../server/core/calendar.ts'
import type { When } from '../../shared/model.ts'

const bedtime = (time: string, weekdays = [0, 1, 2, 3, 4, 5, 6]): When => ({ kind: 'bedtime', time, weekdays })
const cron = (expression: string): When => ({ kind: 'cron', cron: expression })

/** The runs after one moment, up to another. */
function runs(when: When, timeZone: string, from: string, to: string): string[] {
  const found: string[] = []
  let at = new Date(from)
  for (;;) {
    at = nextRun({ when, timeZone }, at)
    if (at > new Date(to)) return found
    found.push(at.toISOString().slice(0, 16))
  }
}

describe('the clocks change', () => {
  const SPRING = ['2026-03-27T12:00Z', '2026-03-30T12:00Z'] as const
  const AUTUMN = ['2026-10-23T12:00Z', '2026-10-26T12:00Z'] as const
  test.each([
    // 02:30 does not exist on the 29th of March: the first moment after the gap.
    ['bedtime', bedtime('02:30'), 'Europe/Berlin', SPRING, ['28T01:30', '29T01:00', '30T00:30']],
    ['cron', cron('30 2 * * *'), 'Europe/Berlin', SPRING, ['28T01:30', '29T01:00', '30T00:30']],
    ['cron with seconds', cron('15 30 2 * * *'), 'Europe/Berlin', SPRING, ['28T01:30', '29T01:00', '30T00:30']],
    ['a list of times', cron('30 2,14 29 3 *'), 'Europe/Berlin', SPRING, ['29T01:00', '29T12:30']],
    // 02:30 comes twice on the 25th of October: the first of them.
    ['bedtime', bedtime('02:30'), 'Europe/Berlin', AUTUMN, ['24T00:30', '25T00:30', '26T01:30']],
    ['cron', cron('30 2 * * *'), 'Europe/Berlin', AUTUMN, ['24T00:30', '25T00:30', '26T01:30']],
    ['a list of times', cron('30 2,14 25 10 *'), 'Europe/Berlin', AUTUMN, ['25T00:30', '25T13:30']],
    // Evenings keep their hour on the wall.
    ['an evening', bedtime('20:15'), 'Europe/Berlin', SPRING, ['27T19:15', '28T19:15', '29T18:15']],
    ['an evening', bedtime('20:15'), 'Europe/Berlin', AUTUMN, ['23T18:15', '24T18:15', '25T19:15']],
    [
      ...(['in New York', bedtime('02:30'), 'America/New_York'] as const),
      ...([
        ['2026-03-07T00:00Z', '2026-03-09T12:00Z'],
        ['07T07:30', '08T07:00', '09T06:30'],
      ] as const),
    ],
    [
      ...(['in New York', cron('30 1 * * *'), 'America/New_York'] as const),
      ...([
        ['2026-10-31T00:00Z', '2026-11-02T12:00Z'],
        ['31T05:30', '01T05:30', '02T06:30'],
      ] as const),
    ],
    // Midnight does not exist on that Sunday, which stays a Sunday.
    [
      ...(['at midnight in Santiago', bedtime('00:00', [0]), 'America/Santiago'] as const),
      ...([
        ['2026-09-01T00:00Z', '2026-09-14T00:00Z'],
        ['06T04:00', '13T03:00'],
      ] as const),
    ],
    // Half an hour forward.
    [
      ...(['on Lord Howe', bedtime('02:15'), 'Australia/Lord_Howe'] as const),
      ...([
        ['2026-10-02T20:00Z', '2026-10-05T00:00Z'],
        ['03T15:30', '04T15:15'],
      ] as const),
    ],
    ['nowhere, in Tokyo', bedtime('02:30'), 'Asia/Tokyo', SPRING, ['27T17:30', '28T17:30', '29T17:30']],
    ['nowhere, in UTC', cron('30 2 * * *'), 'UTC', AUTUMN, ['24T02:30', '25T02:30', '26T02:30']],
  ] as const)('%s: %o in %s', (_name, when, timeZone, [from, to], expected) => {
    expect(runs(when as When, timeZone, from, to).map((at) => at.slice(8))).toEqual(expected)
  })

  test('an expression with a wildcard follows the real time', () => {
    const hourly = (from: string) => runs(cron('30 * * * *'), 'Europe/Berlin', from, `${from.slice(0, 11)}03:00Z`)
    expect(hourly('2026-03-29T00:00Z').map((at) => at.slice(11))).toEqual(['00:30', '01:30', '02:30'])
    expect(hourly('2026-10-25T00:00Z').map((at) => at.slice(11))).toEqual(['00:30', '01:30', '02:30'])
  })

  test('from wherever one looks, a time of day runs once on each of its days, and no run is passed over', () => {
    const zones = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'America/Santiago', 'Asia/Kathmandu']
    const pad = (value: number) => String(value).padStart(2, '0')
    fc.assert(
      fc.property(
        ...[fc.constantFrom(...zones), fc.nat(23), fc.nat(59)],
        fc.date({ min: new Date('2026-01-01'), max: new Date('2026-12-20'), noInvalidDate: true }),
        (timeZone, hour, minute, from) => {
          const schedule = { when: bedtime(`${pad(hour)}:${pad(minute)}`), timeZone }
          const day = (at: Date) => at.toLocaleDateString('en-CA', { timeZone })
          const first = nextRun(schedule, from)
          const second = nextRun(schedule, first)
          expect(first > from).toBe(true)
          // The next day on the wall.
          expect(day(second)).toBe(new Date(Date.parse(`${day(first)}T00:00Z`) + 86_400_000).toISOString().slice(0, 10))
          expect(nextRun(schedule, new Date(first.getTime() - 1))).toEqual(first)
          expect(nextRun(schedule, new Date(first.getTime() + 1))).toEqual(second)
        },
      ),
      { numRuns: 300 },
    )
  })
})

test('weekdays are those of the time zone, from Sunday, 0', () => {
  const week = ['2026-11-15T12:00Z', '2026-11-22T12:00Z'] as const
  expect(runs(bedtime('21:00', [1, 3]), 'America/New_York', ...week)).toEqual(['2026-11-17T02:00', '2026-11-19T02:00'])
  expect(runs(bedtime('21:00', [0]), 'UTC', ...week)).toEqual(['2026-11-15T21:00'])
})

test.each([
  ['never', '0 0 30 2 *'],
  ['never', '0 0 0 31 4,6,9,11 *'],
  ['more than once a minute', '* * * * * *'],
  ['more than once a minute', '0,30 * * * * *'],
  ['more than once a minute', '*/20 0 0 * * *'],
  ['not a cron expression', '* * * *'],
  ['not a cron expression', '0 0 0 1 1 * 2030'],
  ['not a cron expression', '@daily'],
  ['not a cron expression', '2030-01-01T00:00:00'],
  // The time at which it is read.
  ['not a cron expression', '? 3 * * *'],
  ['CronPattern', '61 * * * *'],
  ['CronPattern', 'a b c d e'],
])('refuses what runs %s: %s', (reason, expression) => {
  const refuse = () => nextRun({ when: cron(expression), timeZone: 'UTC' }, new Date())
  expect(refuse).toThrow(expect.objectContaining({ code: 'INVALID_INPUT', message: expect.stringContaining(reason) }))
})

describe('nobody was up', () => {
  const at = (time: string) => new Date(`2026-11-20T${time}Z`)
  test.each([
    ['on time', '*/10 * * * *', '10:00:00', '10:00:00.020', '10:00', '10:10'],
    ['a little late', '0 10 * * *', '10:00:00', '10:59:59.999', '10:00', null],
    ['an hour late', '0 10 * * *', '10:00:00', '11:00:00', null, null],
    ['late for several: the first, once', '*/10 * * * *', '10:00:00', '10:35:00', '10:00', '10:40'],
    ['late for many: the first of the last hour, once', '*/10 * * * *', '06:00:00', '10:35:00', '09:40', '10:40'],
    ['long ago, nothing since', '0 6 * * *', '06:00:00', '10:35:00', null, null],
  ])('%s', (_name, expression, dueAt, now, due, next) => {
    const found = runsAt({ when: cron(expression), timeZone: 'UTC' }, at(dueAt), at(now))
    expect(found.due).toEqual(due === null ? null : at(due))
    if (next !== null) expect(found.next).toEqual(at(next))
    expect(found.next > at(now)).toBe(true)
  })
})
