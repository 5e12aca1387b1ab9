/** Blocks in the database, embedded and native: what is kept of them, and the mark on the direct conversation of the two. */
import { beforeAll, expect, test } from 'vitest'
import type { Store } from '../../server/core/ports.ts'
import { onEachDatabase } from './databases.ts'
import { createConversation, draft, newId } from './drafts.ts'

onEachDatabase('blocks', (opened) => {
  let store: Store
  beforeAll(() => {
    store = opened()
  })
  const block = async (by: string, other: string, on: boolean) =>
    (await store.write((tx) => tx.block(by, other, on))).result

  test('the direct conversation is blocked as long as either has blocked the other, and only that one', async () => {
    const [id, other] = [newId(), newId()]
    await createConversation(store, id, ['bob', 'ann'], 'direct')
    await createConversation(store, other, ['ann', 'cid'], 'direct')
    const blocked = async (conversationId: string) =>
      (await store.reads.members.standing(conversationId, 'ann'))?.blocked
    const steps = [
      ['ann', 'bob', true, true],
      ['bob', 'ann', true, true],
      ['ann', 'bob', false, true],
      ['bob', 'ann', false, false],
    ] as const
    for (const [by, of, on, after] of steps) {
      expect([await block(by, of, on), await block(by, of, on), await blocked(id)]).toEqual([true, false, after])
      const sent = store.send(draft(id, 'ann', newId())).then(
        () => 'sent',
        ({ code }) => code,
      )
      expect(await sent).toBe(after ? 'FORBIDDEN' : 'sent')
      expect(await blocked(other)).toBe(false)
    }
  })

  test('is found from both sides, listed from one', async () => {
    await store.write((tx) => Promise.all(['dan', 'eve', 'fay'].map((id) => tx.upsertUser({ id }))))
    for (const [by, of] of [
      ['dan', 'fay'],
      ['dan', 'eve'],
      ['fay', 'dan'],
    ] as const)
      await block(by, of, true)
    const { blocks } = store.reads
    const { mine, theirs } = await blocks.around('dan')
    expect([mine.sort(), theirs]).toEqual([['eve', 'fay'], ['fay']])
    expect(await blocks.around('eve')).toEqual({ mine: [], theirs: ['dan'] })
    expect(await blocks.among('eve', ['dan', 'fay'])).toEqual(['dan'])
    expect(await blocks.among('dan', ['fay', 'nobody'])).toEqual(['fay'])
    expect(await blocks.among('dan', [])).toEqual([])
    const first = await blocks.list('dan', { limit: 1 })
    expect([first.blocks.map(({ userId }) => userId), first.next]).toEqual([['eve'], 'eve'])
    const rest = await blocks.list('dan', { after: 'eve', limit: 5 })
    expect([rest.blocks.map(({ userId }) => userId), rest.next]).toEqual([['fay'], null])
  })
})
