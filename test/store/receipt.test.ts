/** Counts of receipts, and whom they concern, against counting members one by one; on both databases. */
import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import type { Store } from '../../server/core/ports.ts'
import { onEachDatabase } from './databases.ts'
import { addMember, createConversation, draft, newId, removeMember } from './drafts.ts'

onEachDatabase('receipts', (opened) => {
  let store: Store
  beforeAll(() => {
    store = opened()
  })

  const USERS = ['ann', 'bob', 'cid', 'dan']
  const act = fc.record({
    act: fc.constantFrom('send', 'send', 'read', 'delivered', 'leave', 'join'),
    who: fc.constantFrom(...USERS),
    seq: fc.integer({ min: 1, max: 8 }),
  })

  test('counts are those of the members who were there', async () => {
    const runs = fc.asyncProperty(fc.array(act, { minLength: 5, maxLength: 25 }), async (acts) => {
      const id = newId()
      await createConversation(store, id, USERS)
      const joinedAt = new Map(USERS.map((user) => [user, 0]))
      const sent: { userId: string; seq: number }[] = []
      for (const { act, who, seq } of acts) {
        const isMember = joinedAt.has(who)
        if (act === 'send' && isMember) {
          const { message } = await store.send(draft(id, who, newId()))
          sent.push({ userId: who, seq: message.seq })
        } else if (act === 'leave' && isMember) {
          await removeMember(store, id, who)
          joinedAt.delete(who)
        } else if (act === 'join' && !isMember) {
          await addMember(store, id, who)
          joinedAt.set(who, sent.length)
        } else if (act === 'read' || act === 'delivered') {
          const { result } = await store.write((tx) => tx.advance(act, id, who, seq))
          if (result) expect(result.large).toBe(false)
        }
      }
      const members = await store.reads.members.list(id, USERS)
      const naive = sent.flatMap(({ userId, seq }) => {
        if (!joinedAt.has(userId)) return []
        const others = members.filter((m) => m.userId !== userId && (joinedAt.get(m.userId) ?? seq) < seq)
        const delivered = others.filter(({ lastDeliveredSeq }) => lastDeliveredSeq >= seq).length
        return [{ userId, seq, delivered, read: others.filter(({ lastReadSeq }) => lastReadSeq >= seq).length }]
      })
      const counted = await store.reads.receipts.counts(id, sent)
      expect(counted.map(({ messageId: _, ...rest }) => rest).sort((a, b) => a.seq - b.seq)).toEqual(naive)
    })
    await fc.assert(runs, { numRuns: 20 })
  })

  test('authors: of the last hundred messages that were covered, the newest of each but the reader', async () => {
    const id = newId()
    await createConversation(store, id, USERS)
    const senders = ['dan', 'ann', ...Array.from({ length: 98 }, () => 'bob'), 'cid', 'cid', 'dan']
    await Promise.all(senders.map((sender, index) => store.send(draft(id, sender, `${index}`))))
    const seqs = new Map<string, number>()
    for (const { senderId, seq } of await store.reads.messages.range(id, {
      fromSeq: 3,
      toSeq: 102,
      limit: 200,
      newest: false,
    }))
      if (senderId !== 'bob') seqs.set(senderId, seq)
    const authors = await store.reads.receipts.authors(id, { fromSeq: 0, seq: 102, readerId: 'bob' })
    expect(new Map(authors.map(({ userId, seq }) => [userId, seq]))).toEqual(seqs)
    const few = await store.reads.receipts.authors(id, { fromSeq: 101, seq: 102, readerId: 'nobody' })
    expect(few).toHaveLength(1)
    expect(await store.reads.receipts.authors(id, { fromSeq: 102, seq: 102, readerId: 'nobody' })).toEqual([])
  })
})
