/** The one timer behind what falls due: one look at a time, none forgotten, none after the end. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Sweep } from '../../server/core/sweep.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
afterEach(() => void vi.useRealTimers())

/** A sweep whose looks end when the test says so. */
function open(everyMs = 1_000) {
  const looks: { end: (nextMs: number | null) => void; fail: (error: unknown) => void }[] = []
  const failures: unknown[] = []
  const sweep = new Sweep({
    look: () => new Promise((end, fail) => looks.push({ end, fail })),
    everyMs,
    onError: (error) => failures.push(error),
  })
  return { sweep, looks, failures, last: () => looks.at(-1) ?? expect.fail('no look') }
}

test('looks at the start, when it was told, and at least every so often', async () => {
  const { sweep, looks, last } = open()
  sweep.start()
  await vi.advanceTimersByTimeAsync(0)
  expect(looks).toHaveLength(1)
  last().end(300)
  await vi.advanceTimersByTimeAsync(299)
  expect(looks).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(1)
  expect(looks).toHaveLength(2)
  for (const next of [null, 86_400_000]) {
    const before = looks.length
    last().end(next)
    await vi.advanceTimersByTimeAsync(999)
    expect(looks).toHaveLength(before)
    await vi.advanceTimersByTimeAsync(1)
    expect(looks).toHaveLength(before + 1)
  }
})

test('woken during a look it looks once more, never twice at a time', async () => {
  const { sweep, looks, last } = open()
  sweep.start()
  await vi.advanceTimersByTimeAsync(0)
  for (let n = 0; n < 3; n++) sweep.wake()
  await vi.advanceTimersByTimeAsync(500)
  expect(looks).toHaveLength(1)
  last().end(null)
  await vi.advanceTimersByTimeAsync(20)
  expect(looks).toHaveLength(2)
  last().end(null)
  await vi.advanceTimersByTimeAsync(500)
  expect(looks).toHaveLength(2)
})

test('a look that fails is told, and there is another', async () => {
  const { sweep, looks, failures, last } = open(60_000)
  sweep.start()
  await vi.advanceTimersByTimeAsync(0)
  last().fail('broken')
  await vi.advanceTimersByTimeAsync(5_000)
  expect(failures).toEqual(['broken'])
  expect(looks).toHaveLength(2)
})

test('stopped, it has waited for the look in hand, and nothing wakes it', async () => {
  const { sweep, looks, last } = open()
  sweep.start()
  await vi.advanceTimersByTimeAsync(0)
  let stopped = false
  const stop = sweep.stop().then(() => {
    stopped = true
  })
  sweep.wake()
  await vi.advanceTimersByTimeAsync(5_000)
  expect(stopped).toBe(false)
  last().end(10)
  await stop
  sweep.wake()
  expect(vi.getTimerCount()).toBe(0)
  expect(looks).toHaveLength(1)
})
