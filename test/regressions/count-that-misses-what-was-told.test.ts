/** A device was told of a notification, then a count of what is unread, taken before, that left it out: one too few. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Store } from '../../server/core/ports.ts'
import { openStore } from '../../server/store/store.ts'
import { nativeDatabase, withoutNative } from '../store/databases.ts'
import { createConversation, draft, newId, notice } from '../store/drafts.ts'

describe.skipIf(withoutNative())('', () => {
  let store: Store
  let drop: () => Promise<void>
  beforeAll(async () => {
    const native = await nativeDatabase()
    store = await openStore({ databaseUrl: native.url })
    drop = native.drop
  })
  afterAll(async () => {
    await store?.close()
    await drop?.()
  })

  test.each(['read', 'deleted'] as const)(
    'a message that comes while all is %s: told and counted agree',
    async (how) => {
      const [conversationId, ann, bob] = [newId(), newId(), newId()]
      await createConversation(store, conversationId, [ann, bob])
      for (let n = 0; n < 40; n++) {
        const id = newId()
        await store.write((tx) => tx.notify([notice(bob, `here ${n}`)], null))
        const { position } = await store.log.tail()
        const of = notice(bob, `message:${id}`, { type: 'message', messageId: id, conversationId })
        const from = { topic: `user:${bob}`, actorId: bob, origin: null } as const
        await Promise.all([
          store.send(draft(conversationId, ann, id, { id, notifications: [of] })),
          store.write(async (tx) => {
            const { unread } = await (how === 'read' ? tx.readNotifications(bob, {}) : tx.deleteNotifications(bob, {}))
            const all = { notificationIds: null, unread }
            if (how === 'read') tx.append({ name: 'notification.read', ...from, payload: { ...all, types: null } })
            else tx.append({ name: 'notification.deleted', ...from, payload: { ...all, readOnly: false } })
          }),
        ])
        let known = 0
        for (const event of (await store.log.page({ userId: bob }, position, 10)).events) {
          if (event.name === 'notification.created') known++
          if (event.name === 'notification.read' || event.name === 'notification.deleted') known = event.payload.unread
        }
        expect(known, `round ${n}`).toBe(await store.reads.notifications.unread(bob))
      }
    },
  )
})
