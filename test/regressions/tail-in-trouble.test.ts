/** A tail that cannot go on says so, once, until it can: it never looks healthy while events pass it by. */
import { expect, test } from 'vitest'
import { Tail } from '../../server/core/tail.ts'
import { handBroker, LogModel } from '../core/log-model.ts'
import { Inbox } from '../inbox.ts'

function start(log: LogModel) {
  const errors: unknown[] = []
  /** Each comparison with the end of the log. */
  const ticks = new Inbox<boolean>()
  const tail = new Tail({
    log,
    broker: handBroker(),
    tickMs: 2,
    pass() {},
    onError: (error) => errors.push(error),
  })
  log.delay = async () => ticks.push(tail.healthy)
  return { tail, errors, ticks }
}

test('a log that is shorter than it was (a stand-by that lacks the last commits)', async () => {
  const log = new LogModel()
  for (const text of ['a', 'b', 'c']) log.append('x', { text })
  const { tail, errors, ticks } = start(log)
  await tail.start()
  expect(tail.position).toBe(3)
  log.events.pop()
  await ticks.until((seen) => (seen.at(-1) === false ? true : undefined), 'the tail to be unhealthy')
  // New events take positions that were passed already.
  log.append('x', { text: 'd' })
  await ticks.count(ticks.items.length + 5, 'more comparisons')
  expect(tail.healthy).toBe(false)
  await tail.stop()
  expect(errors).toHaveLength(1)
})

test('a log whose end is seen but whose events cannot be read', async () => {
  const log = new LogModel()
  const { tail, errors, ticks } = start(log)
  await tail.start()
  const read = log.page.bind(log)
  log.page = () => Promise.reject(new Error('cannot be read'))
  log.append('x', { text: 'a' })
  await ticks.count(ticks.items.length + 10, 'more comparisons')
  expect(tail.healthy).toBe(false)
  expect(errors).toHaveLength(1)
  log.page = read
  await tail.passed(1)
  expect([tail.position, tail.healthy]).toEqual([1, true])
  await tail.stop()
})
