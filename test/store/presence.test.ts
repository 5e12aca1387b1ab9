/** When users were last seen, in the database: beside writes that have to do with the same users. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Store } from '../../server/core/ports.ts'
import { openStore } from '../../server/store/store.ts'
import { nativeDatabase, withoutNative } from './databases.ts'
import { createConversation, newId } from './drafts.ts'

describe.skipIf(withoutNative())('on two connections', () => {
  let store: Store
  let drop: () => Promise<void>
  beforeAll(async () => {
    const { url, drop: dropIt } = await nativeDatabase()
    drop = dropIt
    store = await openStore({ databaseUrl: url })
  })
  afterAll(async () => {
    await store?.close()
    await drop?.()
  })

  test('who goes while they are being added to conversations holds nothing up, in whatever order they are added', async () => {
    const id = newId()
    await createConversation(store, id, ['owner'])
    await store.write((tx) => Promise.all(['ann', 'bob'].map((userId) => tx.upsertUser({ id: userId }))))
    await store.write(async (tx) => {
      await tx.addMembers(id, ['bob'], 'member')
      // It would wait for this write, which waits for it.
      await store.write((other) => other.seen(['ann', 'bob']))
      await tx.addMembers(id, ['ann'], 'member')
    })
    const people = await store.reads.presence.people(['ann', 'bob'])
    expect(people.map(({ lastSeenAt }) => lastSeenAt)).toEqual([expect.any(Date), expect.any(Date)])
  })
})
