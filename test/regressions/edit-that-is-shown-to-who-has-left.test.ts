/** Who had left was given, when they caught up, what messages of their time said after edits that they must not see. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Store } from '../../server/core/ports.ts'
import { openStore } from '../../server/store/store.ts'
import { nativeDatabase, openMemory, withoutNative } from '../store/databases.ts'
import { addMember, createConversation, draft, newId, notice, removeMember, text } from '../store/drafts.ts'

describe.each([['embedded'], ['native']])('on %s Postgres', (name) => {
  describe.skipIf(name === 'native' && withoutNative())('', () => {
    let store: Store
    let drop: (() => Promise<void>) | undefined
    beforeAll(async () => {
      const native = name === 'native' ? await nativeDatabase() : undefined
      store = native ? await openStore({ databaseUrl: native.url }) : await openMemory()
      drop = native?.drop
    })
    afterAll(async () => {
      await store?.close()
      await drop?.()
    })

    test('they are given what it said then, and nothing of what was deleted; who is back sees it as it is', async () => {
      const [id, ann, bob] = [newId(), newId(), newId()]
      await createConversation(store, id, [ann, bob])
      const send = async (content: string) => {
        const messageId = newId()
        const of = notice(bob, `message:${messageId}`, { type: 'message', messageId, conversationId: id })
        await store.send(draft(id, ann, messageId, { id: messageId, content, notifications: [of] }))
        return messageId
      }
      const edit = (messageId: string, content: string) => store.write((tx) => tx.editMessage(messageId, text(content)))
      const [never, once, often, gone] = [await send('as it was'), await send('a'), await send('b'), await send('c')]
      await edit(often, 'b again')
      await removeMember(store, id, bob)
      await edit(once, 'secret')
      await edit(often, 'secret')
      await edit(often, 'more secret')
      await edit(gone, 'secret')
      await store.write((tx) => tx.deleteMessage(gone, ann))

      const given = async (userId: string, conversationId?: string) => {
        const { events } = await store.log.page(
          { userId, ...(conversationId && { only: { conversationId } }) },
          0,
          1_000,
        )
        return events.flatMap(({ payload }) => ('message' in payload ? [payload.message] : []))
      }
      const told = async () => {
        const { events } = await store.log.page({ userId: bob }, 0, 1_000)
        return events.flatMap(({ payload }) => ('notification' in payload ? [payload.notification.body] : []))
      }
      const then = [
        { id: never, content: 'as it was', version: 1, editedAt: null, originalContent: null },
        { id: once, content: 'a', version: 1, editedAt: null, originalContent: null },
        { id: often, content: 'b again', version: 2, editedAt: expect.any(Date), originalContent: 'b' },
        { id: gone, content: '', originalContent: null },
      ]
      expect(await given(bob)).toMatchObject(then)
      expect(await given(bob, id)).toMatchObject(then)
      expect(await told()).toEqual(['', '', '', ''])
      const now = ['as it was', 'secret', 'more secret', '']
      expect((await given(ann)).map(({ content }) => content)).toEqual(now)
      await addMember(store, id, bob)
      expect((await given(bob)).map(({ content }) => content)).toEqual(now)
      expect(await told()).toEqual(['as it was', 'secret', 'more secret', ''])
    })

    test('who is back where history is hidden is given what it said when they left', async () => {
      const [id, ann, bob] = [newId(), newId(), newId()]
      await createConversation(store, id, [ann, bob])
      await store.write((tx) => tx.updateConversation(id, { historyVisible: false }))
      const send = async (content: string) => {
        const messageId = newId()
        await store.send(draft(id, ann, messageId, { id: messageId, content }))
        return messageId
      }
      const edit = (messageId: string, content: string) => store.write((tx) => tx.editMessage(messageId, text(content)))
      const given = async () => {
        const { events } = await store.log.page({ userId: bob }, 0, 1_000)
        return events.flatMap(({ payload }) => ('message' in payload ? [payload.message.content] : []))
      }
      const [first, second] = [await send('a'), await send('b')]
      await edit(second, 'b again')
      await removeMember(store, id, bob)
      await edit(first, 'secret')
      await edit(second, 'secret')
      await addMember(store, id, bob)
      expect(await given()).toEqual(['a', 'b again'])
      const third = await send('c')
      await edit(third, 'c again')
      expect(await given()).toEqual(['a', 'b again', 'c again'])
      await removeMember(store, id, bob)
      await edit(third, 'secret')
      await addMember(store, id, bob)
      expect(await given()).toEqual(['a', 'b again', 'c again'])
      await store.write((tx) => tx.updateConversation(id, { historyVisible: true }))
      expect(await given()).toEqual(['secret', 'secret', 'secret'])
    })
  })
})
