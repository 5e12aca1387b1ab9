/** The iterator against a model of the log: however slow or fast it is read, every item once, in order, in bounded memory. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ParleyError } from '../../client/errors.ts'
import { Reader } from '../../client/reader.ts'
import type { Taker } from '../../client/stream.ts'
import type { Event } from '../../shared/events.ts'

const item = (position: number): Event => ({
  ...{ name: 'member.removed', topic: 'conversation:c', at: new Date(0), actorId: null, origin: null, position },
  payload: { conversationId: 'c', userId: 'u', reason: 'left' },
})
const positionOf = (cursor: string | undefined) => Number(cursor?.split('.')[1])

/** A log with streams on it; each delivers when it is told to. */
class Log {
  length = 0
  readonly streams = new Set<{ taker: Taker; at: number }>()
  opened = 0

  open = (taker: Taker, cursor: string | undefined) => {
    const stream = { taker, at: cursor === undefined ? this.length : positionOf(cursor) }
    this.streams.add(stream)
    this.opened++
    return () => void this.streams.delete(stream)
  }

  deliver(page: number): void {
    for (const stream of this.streams) {
      const end = Math.min(stream.at + page, this.length)
      while (stream.at < end) stream.taker.item(item(++stream.at), `a.${stream.at}`)
      stream.taker.reached(`a.${stream.at}`)
    }
  }
}

const read = (log: Log, limit: number) =>
  new Reader({ first: log.open, again: log.open, cursor: 'a.0', limit, onClose: () => {} })

test('every item once and in order at any pace', async () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('write' as const), count: fc.nat(20) }),
    fc.record({ do: fc.constant('deliver' as const), count: fc.nat(20) }),
    fc.record({ do: fc.constant('read' as const), count: fc.nat(5) }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 5 }), async (steps, limit) => {
      const log = new Log()
      const reader = read(log, limit)
      const got: Promise<number | undefined>[] = []
      const next = () => got.push(reader.next().then(({ value }) => (value as Event | undefined)?.position))
      for (const { do: what, count } of steps) {
        if (what === 'write') log.length += count
        else if (what === 'deliver') log.deliver(count)
        else for (let i = 0; i < count; i++) next()
      }
      while (got.length < log.length) {
        next()
        log.deliver(3)
      }
      log.deliver(1_000)
      log.deliver(1_000)
      const positions = (await Promise.all(got.slice(0, log.length))).filter((position) => position !== undefined)
      expect(positions).toEqual(Array.from({ length: log.length }, (_, index) => index + 1))
      expect(reader.cursor ?? 'a.0').toBe(`a.${log.length}`)
      reader.close()
      expect(log.streams.size).toBe(0)
      await Promise.all(got)
    }),
    { numRuns: 300 },
  )
})

test('beyond its limit it lets go of the stream, and comes back when it has been read empty', async () => {
  const log = new Log()
  const reader = read(log, 3)
  log.length = 10
  log.deliver(10)
  expect(log.streams.size).toBe(0)
  for (const position of [1, 2, 3]) expect((await reader.next()).value).toMatchObject({ position })
  expect(reader.cursor).toBe('a.3')
  expect(log.opened).toBe(1)
  const fourth = reader.next()
  log.deliver(2)
  expect((await fourth).value).toMatchObject({ position: 4 })
  expect(log.opened).toBe(2)
})

test('a tick moves the cursor, behind what still waits', async () => {
  const log = new Log()
  const reader = read(log, 3)
  const { taker } = [...log.streams][0] as { taker: Taker }
  taker.reached('a.4')
  expect(reader.cursor).toBe('a.4')
  taker.item(item(5), 'a.5')
  taker.reached('a.9')
  expect(reader.cursor).toBe('a.4')
  await reader.next()
  expect(reader.cursor).toBe('a.9')
})

test('a failed stream hands out what waits, then throws, then is over', async () => {
  const log = new Log()
  const reader = read(log, 3)
  log.length = 1
  log.deliver(1)
  for (const { taker } of log.streams) taker.failed(new ParleyError('FORBIDDEN', 'no'))
  expect((await reader.next()).value).toMatchObject({ position: 1 })
  await expect(reader.next()).rejects.toMatchObject({ code: 'FORBIDDEN' })
  expect(await reader.next()).toEqual({ done: true, value: undefined })
})

test('a failure reaches who is waiting', async () => {
  const log = new Log()
  const reader = read(log, 3)
  const waiting = reader.next()
  for (const { taker } of log.streams) taker.failed(new ParleyError('FORBIDDEN', 'no'))
  await expect(waiting).rejects.toMatchObject({ code: 'FORBIDDEN' })
  expect(await reader.next()).toEqual({ done: true, value: undefined })
})
