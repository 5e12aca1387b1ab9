/** One user's searches, many at once, took every connection: what others asked was UNAVAILABLE after 5 s of waiting. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Store } from '../../server/core/ports.ts'
import { openStore } from '../../server/store/store.ts'
import { toAppError } from '../../shared/errors.ts'
import { nativeDatabase, withoutNative } from '../store/databases.ts'
import { createConversation, draft } from '../store/drafts.ts'

describe.skipIf(withoutNative())('', () => {
  let store: Store
  let drop: () => Promise<void>
  beforeAll(async () => {
    const native = await nativeDatabase()
    store = await openStore({ databaseUrl: native.url, connections: 1 })
    drop = native.drop
  })
  afterAll(async () => {
    await store?.close()
    await drop?.()
  })

  test('they go one after the other, and beyond ten are refused; what others ask goes in between', async () => {
    await createConversation(store, 'c', ['ann', 'bob'])
    await store.send(draft('c', 'ann', '1', { content: 'hello' }))
    const asked = { conversationId: null, senderId: null, before: null, limit: 10, query: 'hello' }
    const done: string[] = []
    const search = async (userId: string) => {
      const found = await store.reads.searches.find({ userId, ...asked }).catch((error) => toAppError(error).code)
      done.push(userId)
      return typeof found === 'string' ? found : found.length
    }
    const searches = Array.from({ length: 12 }, () => search('ann'))
    const others = [search('bob'), store.reads.users.get('bob').then(() => done.push('a look'))]
    const results = await Promise.all(searches)
    await Promise.all(others)
    expect(results).toEqual([...Array(10).fill(1), 'OVERLOADED', 'OVERLOADED'])
    // Two refused at once, one that was under way, and then they.
    expect(done.slice(0, 5).sort()).toEqual(['a look', 'ann', 'ann', 'ann', 'bob'])
    expect(await search('ann')).toBe(1)
  })
})
