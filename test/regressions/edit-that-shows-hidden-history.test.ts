import { expect, test } from 'vitest'
import type { Event } from '../../shared/events.ts'
import { startServer } from '../harness.ts'

test('who joined after a message does not learn its text from an edit, where history is hidden', async () => {
  await using server = await startServer()
  const { core } = server.app
  const [ann, bob] = await Promise.all([server.actor('ann'), server.actor('bob')])
  const group = { kind: 'group', historyVisible: false } as const
  const { conversation } = await core.execute(ann, 'conversation.create', group)
  const send = (content: string) => core.execute(ann, 'message.send', { conversationId: conversation.id, content })
  const secret = await send('the secret')
  await core.execute(ann, 'conversation.addMembers', { conversationId: conversation.id, memberIds: ['bob'] })
  const open = await send('for everybody')

  const feed = await core.subscribe(bob, { kind: 'all' })
  for await (const _ of feed.replay());
  const seen: Event[] = []
  feed.attach({ push: (event) => seen.push(event), end() {} })
  const edit = core.execute(ann, 'message.edit', { messageId: secret.id, content: 'the secret, again' })
  await expect(edit).rejects.toMatchObject({ code: 'CONFLICT' })
  await core.execute(ann, 'message.edit', { messageId: open.id, content: 'for everybody, again' })
  await core.execute(ann, 'message.delete', { messageId: secret.id })
  feed.detach()
  expect(seen.map((event) => event.name)).toEqual(['message.updated', 'message.deleted'])
  expect(JSON.stringify(seen)).not.toContain('the secret')
})
