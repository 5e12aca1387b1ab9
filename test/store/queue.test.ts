/** The offline queue page by page against what waited at the first page, whatever was written at the same moment or since. */
import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import type { Store } from '../../server/core/ports.ts'
import type { Message } from '../../shared/model.ts'
import { onEachDatabase } from './databases.ts'
import { createConversation, draft, newId } from './drafts.ts'

onEachDatabase('the queue', (opened, database) => {
  let store: Store
  beforeAll(() => {
    store = opened()
  })

  const WEEK = 604_800
  const sends = fc.array(fc.record({ at: fc.nat({ max: 2 }), from: fc.constantFrom('ann', 'ann', 'cid', 'bob') }), {
    minLength: 1,
    maxLength: 12,
  })
  const rounds = fc.array(sends, { minLength: 1, maxLength: 3 })

  test('pages of any size give everything once and in order, and nothing that came after the first', async () => {
    const runs = fc.asyncProperty(rounds, rounds, fc.integer({ min: 1, max: 5 }), async (before, since, limit) => {
      const user = `bob${newId()}`
      const ids = [newId(), newId(), newId()]
      for (const id of ids) await createConversation(store, id, [user, 'ann', 'cid'])
      // Those of a round are one batch: they have the same time.
      const send = (round: readonly { at: number; from: string }[]) =>
        Promise.all(
          round.map(async ({ at, from }) => {
            const sender = from === 'bob' ? user : from
            return (await store.send(draft(ids[at] ?? '', sender, newId()))).message
          }),
        )
      const sent: Message[] = []
      for (const round of before) sent.push(...(await send(round)))
      const [gone, hidden] = [sent[3], sent[5]]
      await store.write(async (tx) => {
        if (gone) await tx.deleteMessage(gone.id, 'ann')
        if (hidden) await tx.hide(hidden.id, user)
      })
      const order = (message: Message) => [message.createdAt.getTime(), message.conversationId, message.seq]
      const waiting = sent
        .filter((message) => message.senderId !== user && message !== gone && message !== hidden)
        .sort((a, b) => {
          const [x, y] = [order(a), order(b)]
          const at = x.findIndex((value, index) => value !== y[index])
          return (x[at] ?? 0) < (y[at] ?? 0) ? -1 : 1
        })
      const { position: end } = await store.log.tail()

      const given: string[] = []
      const later = [...since]
      for (let after: string | undefined; ; ) {
        const { messages, position, next } = await store.reads.queue.page(user, { seconds: WEEK, after, limit })
        given.push(...messages.map(({ id }) => id))
        expect(position).toBe(end)
        if (next === null) break
        expect(messages).toHaveLength(limit)
        after = next
        const [round] = later.splice(0, 1)
        if (round) await send(round)
      }
      expect(given).toEqual(waiting.map(({ id }) => id))
    })
    await fc.assert(runs, { numRuns: database === 'native' ? 25 : 6 })
  })
})
