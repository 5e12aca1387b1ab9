/** What administrators list, for every database: all conversations, whoever is in them, each once. */
import { beforeAll, expect, test } from 'vitest'
import type { Store } from '../../server/core/ports.ts'
import { onEachDatabase } from './databases.ts'
import { createConversation, draft, newId } from './drafts.ts'

onEachDatabase('all conversations', (opened) => {
  let store: Store
  beforeAll(() => {
    store = opened()
  })

  test('by id from the greatest, in pages, with what was said last', async () => {
    const ids = [newId(), newId(), newId()]
    for (const id of ids) await createConversation(store, id, ['ann', 'bob'])
    const [first = '', ...others] = ids
    for (const content of ['1', '2']) await store.send(draft(first, 'ann', content))
    const { total } = await store.reads.admin.conversations({ skip: 0, limit: 1 })
    const all = await store.reads.admin.conversations({ skip: 0, limit: total })
    const seen = all.conversations.map(({ id }) => id)
    expect([seen.length, new Set(seen).size]).toEqual([total, total])
    expect(seen).toEqual([...seen].sort().reverse())
    expect(seen).toEqual(expect.arrayContaining([first, ...others]))
    const pages = await Promise.all(
      seen.map((_, skip) => store.reads.admin.conversations({ skip, limit: 1 }).then((page) => page.conversations)),
    )
    expect(pages.flat()).toEqual(all.conversations)
    expect(all.conversations.find(({ id }) => id === first)).toMatchObject({
      lastSeq: 2,
      lastMessageAt: expect.any(Date),
    })
    expect(all.conversations.find(({ id }) => id === others[0])).toMatchObject({ lastSeq: 0, lastMessageAt: null })
  })
})
