/** Notifications as both databases keep them: counts by changes at once, what is forgotten, and who has a name. */
import { beforeAll, expect, it } from 'vitest'
import type { Store } from '../../server/core/ports.ts'
import { onEachDatabase } from './databases.ts'
import { createConversation, newId, notice, removeMember } from './drafts.ts'

onEachDatabase('notifications', (opened, database) => {
  let store: Store
  beforeAll(() => {
    store = opened()
  })

  async function user(count: number): Promise<{ id: string; ids: string[] }> {
    const id = newId()
    const drafts = Array.from({ length: count }, (_, n) => notice(id, `cause ${n}`))
    const { result: ids } = await store.write(async (tx) => {
      await tx.upsertUser({ id })
      return tx.notify(drafts, null)
    })
    expect([...ids].sort()).toEqual(drafts.map((draft) => draft.id))
    return { id, ids: drafts.map((draft) => draft.id) }
  }

  it('are read once by whichever device comes first, and the last count told is true', async () => {
    const { id, ids } = await user(12)
    const changes = await Promise.all(
      ids.flatMap((one) => [one, one]).map((one) => store.write((tx) => tx.readNotifications(id, { ids: [one] }))),
    )
    const changed = changes.map(({ result }) => result).filter((result) => result.changed > 0)
    expect(changed.flatMap((result) => result.ids).sort()).toEqual(ids)
    expect(changed.map(({ unread }) => unread).sort((a, b) => a - b)).toEqual(ids.map((_, n) => n))
    expect(await store.reads.notifications.unread(id)).toBe(0)
  })

  it('are forgotten in batches once they were read before a moment; unread ones stay', async () => {
    const { id, ids } = await user(1_203)
    const [first = '', second = ''] = ids
    await store.write((tx) => tx.deleteNotifications(id, { ids: [first] }))
    await store.write((tx) => tx.readNotifications(id, {}))
    const other = await user(1)
    const late = await store.reads.notifications.get(id, second)
    const readAt = late?.readAt ?? new Date(Number.NaN)
    expect(await store.forgetNotifications(new Date(readAt.getTime() - 60_000))).toBe(0)
    expect(await store.forgetNotifications(new Date(readAt.getTime() + 60_000))).toBeGreaterThanOrEqual(1_202)
    expect(await store.reads.notifications.list(id, { limit: 10 })).toEqual({
      notifications: [],
      next: null,
      unread: 0,
    })
    expect(await store.forgetNotifications(new Date(readAt.getTime() + 60_000))).toBe(0)
    expect(await store.reads.notifications.unread(other.id)).toBe(1)
  })

  it('are deleted with the count of what is left unread, all or only those that were read', async () => {
    const { id, ids } = await user(4)
    const [a = '', b = ''] = ids
    await store.write((tx) => tx.readNotifications(id, { ids: [a, b] }))
    const remove = async (which: { ids?: string[]; read?: boolean }) =>
      (await store.write((tx) => tx.deleteNotifications(id, which))).result
    expect(await remove({ ids: [b, ids[2] ?? '', 'none'] })).toMatchObject({ changed: 2, unread: 1 })
    expect(await remove({ read: true })).toEqual({ ids: [], changed: 1, unread: 1 })
    expect(await remove({})).toEqual({ ids: [], changed: 1, unread: 0 })
  })

  it('finds members by id, or by name in small letters or large, not who has left or never came', async () => {
    const id = newId()
    const [ann, bob, cid] = [`ann${id}`, `bob${id}`, `cid${id}`]
    await createConversation(store, id, [ann, bob, cid])
    await store.write(async (tx) => {
      for (const [user, name] of [
        [ann, 'Ann Lee'],
        [bob, 'ÄGÄIS'],
        [cid, 'Ann Lee'],
        [`dan${id}`, 'Ann Lee'],
      ] as const)
        await tx.upsertUser({ id: user, name })
    })
    await removeMember(store, id, cid)
    expect(await store.reads.members.called(id, ['ann lee', 'ägäis', 'ÄGÄIS'])).toEqual([
      { userId: ann, name: 'Ann Lee' },
      { userId: bob, name: 'ÄGÄIS' },
    ])
    expect(await store.reads.members.called(id, [bob, cid, `dan${id}`])).toEqual([{ userId: bob, name: 'ÄGÄIS' }])
    expect(await store.reads.members.called(id, ['ann', 'Ann Lees'])).toEqual([])
    expect(await store.reads.members.called(id, ['ANN LEE'])).toEqual([{ userId: ann, name: 'Ann Lee' }])
    // As it is written, whatever this database takes for its small letters.
    await store.write((tx) => tx.upsertUser({ id: ann, name: 'İlker' }))
    expect(await store.reads.members.called(id, ['İlker'])).toEqual([{ userId: ann, name: 'İlker' }])
  })

  it.skipIf(database === 'embedded')(
    'finds whom an id or the longest name means, however many bear the shorter one',
    async () => {
      const id = newId()
      const crowd = Array.from({ length: 205 }, (_, n) => `${id}${100 + n}`)
      const [first = '', last = ''] = [crowd.at(-2), crowd.at(-1)]
      await createConversation(store, id, crowd)
      await store.write(async (tx) => {
        for (const user of crowd) await tx.upsertUser({ id: user, name: user === first ? 'Max Lee' : 'Max' })
      })
      const found = await store.reads.members.called(id, ['max', 'max lee', last])
      expect(found.slice(0, 2)).toEqual([
        { userId: last, name: 'Max' },
        { userId: first, name: 'Max Lee' },
      ])
      expect(found.length).toBe(200)
    },
  )
})
