/** What memory knows of blocks, against the table that it is read from: changes while it is read, and who has gone. */
import { expect, test } from 'vitest'
import { Blocklist } from '../../server/core/blocklist.ts'
import type { Event } from '../../shared/events.ts'

const change = (userId: string, blockedId: string, on: boolean): Event<'user.blocked'> => ({
  ...{ name: 'user.blocked', topic: `user:${userId}`, at: new Date(), actorId: userId, origin: null },
  payload: { userId, blockedId, on },
})

/** A list whose reads wait until they are answered with blocks as pairs of blocker and blocked. */
function listed() {
  const waiting: ((pairs: [string, string][]) => void)[] = []
  const list = new Blocklist({
    around: (userId) =>
      new Promise((resolve) => {
        waiting.push((pairs) =>
          resolve({
            mine: pairs.flatMap(([by, other]) => (by === userId ? [other] : [])),
            theirs: pairs.flatMap(([by, other]) => (other === userId ? [by] : [])),
          }),
        )
      }),
  })
  const known = (userId: string) => [...list.with(userId)].sort()
  const come = async (userId: string, pairs: [string, string][] = []) => {
    const loaded = list.load(userId)
    waiting.pop()?.(pairs)
    await loaded
    list.came(userId)
  }
  return { list, waiting, known, come }
}

test('both directions count, and each is taken back on its own', async () => {
  const { list, known, come } = listed()
  await come('ann', [
    ['ann', 'bob'],
    ['cid', 'ann'],
  ])
  expect(known('ann')).toEqual(['bob', 'cid'])
  list.passed(change('bob', 'ann', true))
  list.passed(change('ann', 'bob', false))
  list.passed(change('cid', 'ann', false))
  expect(known('ann')).toEqual(['bob'])
  list.passed(change('bob', 'ann', false))
  expect(known('ann')).toEqual([])
})

test('what happens while it is read counts, whether the read has seen it or not', async () => {
  for (const pairs of [[], [['ann', 'bob']]] as [string, string][][]) {
    const { list, waiting, known } = listed()
    const loaded = list.load('ann')
    expect(list.load('ann')).toBe(loaded)
    list.passed(change('ann', 'bob', true))
    list.passed(change('cid', 'ann', true))
    list.passed(change('cid', 'ann', false))
    expect([known('ann'), list.knows('ann')]).toEqual([[], false])
    waiting[0]?.(pairs)
    await loaded
    expect([known('ann'), list.knows('ann'), waiting.length]).toEqual([['bob'], true, 1])
  }
})

test('who has gone is forgotten, and those who never came make room for others', async () => {
  const { list, waiting, known, come } = listed()
  await come('ann', [['ann', 'bob']])
  await come('bob', [['ann', 'bob']])
  list.gone('ann')
  expect([list.knows('ann'), known('ann'), known('bob')]).toEqual([false, [], ['ann']])
  for (let n = 0; n <= 1_000; n++) {
    const loaded = list.load(`user ${n}`)
    waiting.pop()?.([])
    await loaded
  }
  expect([list.knows('user 0'), list.knows('user 1000'), list.knows('bob')]).toEqual([false, true, true])
})

test('a read that fails is made again by the next who asks', async () => {
  let fails = true
  const list = new Blocklist({
    around: async () => {
      if (fails) throw new Error('away')
      return { mine: ['bob'], theirs: [] }
    },
  })
  await expect(list.load('ann')).rejects.toThrow('away')
  fails = false
  await list.load('ann')
  expect([...list.with('ann'), ...(await list.of('cid'))]).toEqual(['bob', 'bob'])
})
