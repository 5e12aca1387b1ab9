/** The audience kept in memory: asked for once, dropped by what changes it, in order. */
import { expect, test } from 'vitest'
import { Audiences, mentionedIn } from '../../server/core/audience.ts'
import type { MemberReads } from '../../server/core/ports.ts'
import type { Durable } from '../../shared/events.ts'

const common = { position: 1, at: new Date(0), actorId: null, origin: null } as const
const removed = (id: string): Durable => ({
  ...{ ...common, name: 'member.removed', topic: `conversation:${id}` },
  payload: { conversationId: id, userId: 'ann', reason: 'left' },
})
const renamed = (id: string): Durable => ({
  ...{ ...common, name: 'user.updated', topic: `user:${id}` },
  payload: { profile: { id, name: 'New', role: 'client', avatar: null }, active: true },
})

/** Answers in the test's hands: each look-up waits until it is given one. */
function members(sizes: Record<string, number> = {}) {
  const asked: string[] = []
  const waiting: (() => void)[] = []
  const people = (id: string) =>
    Array.from({ length: sizes[id] ?? 2 }, (_, n) => ({ userId: `${id}${n}`, name: `Name ${n}` }))
  const reads: Pick<MemberReads, 'names' | 'called'> = {
    names: (id, limit) => {
      asked.push(id)
      return new Promise((resolve) => waiting.push(() => resolve(people(id).slice(0, limit))))
    },
    called: async (id, names) => {
      asked.push(`${id}: ${names.join('|')}`)
      return people(id).filter(({ name }) => names.includes(name.toLowerCase()))
    },
  }
  const answer = () => {
    for (const give of waiting.splice(0)) give()
  }
  return { reads, asked, answer }
}

test('a conversation is asked for once, until membership or a name of it changes', async () => {
  const { reads, asked, answer } = members()
  const audiences = new Audiences(reads)
  const first = [audiences.of('a'), audiences.of('a'), audiences.of('b')]
  answer()
  expect(await Promise.all(first)).toHaveLength(3)
  await audiences.of('a')
  expect(asked).toEqual(['a', 'b'])
  audiences.passed(renamed('b1'))
  audiences.passed(renamed('stranger'))
  await audiences.of('a')
  const again = audiences.of('b')
  answer()
  await again
  expect(asked).toEqual(['a', 'b', 'b'])
  audiences.passed(removed('a'))
  void audiences.of('a')
  expect(asked).toEqual(['a', 'b', 'b', 'a'])
})

test('a load that began before a change is not kept, whatever changed', async () => {
  for (const change of [removed('a'), renamed('somebody')]) {
    const { reads, asked, answer } = members()
    const audiences = new Audiences(reads)
    const before = audiences.of('a')
    audiences.passed(change)
    answer()
    await before
    void audiences.of('a')
    expect(asked).toEqual(['a', 'a'])
  }
})

test('a load that failed is tried again', async () => {
  let calls = 0
  const reads = { names: async () => (calls++ === 0 ? Promise.reject(new Error('away')) : []) }
  const audiences = new Audiences(reads)
  await expect(audiences.of('a')).rejects.toThrow('away')
  expect(await audiences.of('a')).toEqual([])
})

test('2,000 conversations are kept, the latest asked for', async () => {
  const asked: string[] = []
  const names = async (id: string) => {
    asked.push(id)
    return []
  }
  const audiences = new Audiences({ names })
  for (let n = 0; n < 2_000; n++) await audiences.of(`c${n}`)
  await audiences.of('c0')
  await audiences.of('new')
  await audiences.of('c0')
  expect(asked).toHaveLength(2_001)
  await audiences.of('c1')
  expect(asked).toHaveLength(2_002)
})

test('above 100 members only those are asked for whom the text may name, and nobody without an @', async () => {
  const { reads, asked, answer } = members({ small: 100, large: 101 })
  const audiences = new Audiences(reads)
  const both = Promise.all([audiences.of('small'), audiences.of('large')])
  answer()
  const [small, large] = await both
  expect(small).toHaveLength(100)
  expect(large).toBe('many')
  const said = (content: string) => mentionedIn(reads, { conversationId: 'large', senderId: 'large1', content }, large)
  expect(await said('name 7')).toEqual({ mentions: [], mentionsEveryone: false })
  expect(asked).toEqual(['small', 'large'])
  expect(await said('@NAME 7, @Name 1')).toEqual({ mentions: ['large7'], mentionsEveryone: false })
  expect(asked).toHaveLength(3)
})

test('turns of one conversation come in order, whatever they wait for, and nobody waits for another conversation', async () => {
  const audiences = new Audiences(members().reads)
  const order: string[] = []
  let open = () => {}
  const gate = new Promise<void>((resolve) => {
    open = resolve
  })
  const turn = async (id: string, name: string, prepared: Promise<void>) => {
    await audiences.inTurn(id, prepared)
    order.push(name)
  }
  const all = [
    turn('a', 'slow', gate),
    turn('a', 'failing', Promise.reject(new Error('no'))).catch(() => order.push('failed')),
    turn('a', 'quick', Promise.resolve()),
    turn('b', 'elsewhere', Promise.resolve()),
  ]
  await all[3]
  expect(order).toEqual(['elsewhere'])
  open()
  await Promise.all(all)
  expect(order).toEqual(['elsewhere', 'slow', 'failed', 'quick'])
})
