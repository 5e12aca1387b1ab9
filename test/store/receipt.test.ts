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

  test('what was newly read: the newest 200 from others, oldest first; of a large conversation nothing', async () => {
    const id = newId()
    await createConversation(store, id, ['ann', 'bob'])
    const ids: string[] = []
    for (const part of [0, 1, 2])
      for (const { message } of await Promise.all(
        Array.from({ length: 90 }, (_, n) => store.send(draft(id, n % 9 === 0 ? 'bob' : 'ann', `${part} ${n}`))),
      ))
        if (message.senderId === 'ann') ids.push(message.id)
    const read = async (userId: string, seq: number) =>
      (await store.write((tx) => tx.advance('read', id, userId, seq))).result
    const few = await read('bob', 3)
    expect(few?.messages.map((of) => of.id)).toEqual(ids.slice(0, 2))
    const many = await read('bob', 270)
    expect(many?.changed).toBe(ids.length - 2)
    expect(many?.messages).toEqual(ids.slice(-200).map((messageId) => ({ id: messageId, senderId: 'ann' })))
    expect(await store.write((tx) => tx.advance('delivered', id, 'ann', 270))).toMatchObject({
      result: { messages: [] },
    })
    expect((await read('ann', 270))?.messages).toHaveLength(30)

    const crowd = Array.from({ length: 99 }, (_, n) => `crowd ${n}`)
    await store.write(async (tx) => {
      for (const userId of crowd) await tx.upsertUser({ id: userId })
      await tx.lock([id])
      await tx.addMembers(id, crowd, 'member')
    })
    await store.send(draft(id, 'ann', newId()))
    expect(await read('bob', 271)).toMatchObject({ changed: 1, large: true, messages: [] })
  })

  test('times of the marks: each moves with its mark, reading also views, going back leaves them, coming back begins anew', async () => {
    const id = newId()
    await createConversation(store, id, ['ann', 'bob'])
    for (const text of ['1', '2', '3']) await store.send(draft(id, 'ann', text))
    const times = async () => {
      const [member] = await store.reads.members.list(id, ['bob'])
      return [member?.lastDeliveredAt, member?.lastReadAt, member?.lastViewedAt]
    }
    const advance = async (receipt: 'read' | 'delivered', seq: number) =>
      (await store.write((tx) => tx.advance(receipt, id, 'bob', seq))).result?.at
    // The clock of the database has to go on, to tell one time from the next.
    const later = async (moment: Date | undefined) => {
      while ((await store.reads.schedules.now()).getTime() <= (moment?.getTime() ?? 0));
    }
    expect(await times()).toEqual([null, null, null])
    const delivered = await advance('delivered', 2)
    expect(delivered).toBeInstanceOf(Date)
    expect(await times()).toEqual([delivered, null, null])
    await later(delivered)
    const read = await advance('read', 1)
    expect(await times()).toEqual([delivered, read, read])
    expect(read?.getTime()).toBeGreaterThan(delivered?.getTime() ?? Number.NaN)
    await later(read)
    const both = await advance('read', 3)
    expect(await times()).toEqual([both, both, both])
    await store.write((tx) => tx.retreat(id, 'bob', 1))
    expect(await times()).toEqual([both, both, both])
    await removeMember(store, id, 'bob')
    await addMember(store, id, 'bob')
    expect(await times()).toEqual([null, null, both])
  })
})
