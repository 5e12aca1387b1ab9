/** Where history is hidden, whoever joins later sees nothing older, not even as the last message of a list. */
import { expect, test } from 'vitest'
import type { ConversationDetail, ConversationSummary } from '../../shared/model.ts'
import { startServer } from '../harness.ts'

test('the last message before the joining is not shown to who joined after it', async () => {
  await using server = await startServer()
  const { core } = server.app
  const [ann, bob, root] = await Promise.all([
    server.actor('ann'),
    server.actor('bob'),
    server.actor('root', { role: 'admin' }),
  ])
  const { conversation } = await core.execute(ann, 'conversation.create', { kind: 'group', historyVisible: false })
  const conversationId = conversation.id
  await core.execute(ann, 'message.send', { conversationId, content: 'before bob' })
  await core.execute(ann, 'conversation.addMembers', { conversationId, memberIds: ['bob'] })

  const shown = async (actor: typeof ann) => {
    const pictures: (ConversationDetail | ConversationSummary | undefined)[] = [
      await core.execute(actor, 'conversation.get', { conversationId }),
      (await core.execute(actor, 'conversation.list', {})).conversations[0],
      (await core.execute(actor, 'sync.snapshot', {})).conversations[0],
    ]
    return pictures.map((picture) => picture?.lastMessage?.content)
  }
  expect(await shown(bob)).toEqual([undefined, undefined, undefined])
  expect(await shown(ann)).toEqual(['before bob', 'before bob', 'before bob'])
  // An administrator looking in is no member, and sees all of it.
  expect(await shown(root)).toEqual(['before bob', undefined, undefined])
  await core.execute(ann, 'message.send', { conversationId, content: 'after' })
  expect(await shown(bob)).toEqual(['after', 'after', 'after'])
})
