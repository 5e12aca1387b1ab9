import { expect, test } from 'vitest'
import type { Event } from '../../shared/events.ts'
import { startServer } from '../harness.ts'

test('a repeated send that is shown again is withdrawn: no event of the log would settle it', async () => {
  await using server = await startServer()
  const { core } = server.app
  const ann = await server.actor('ann')
  const { conversation } = await core.execute(ann, 'conversation.create', { kind: 'group' })
  const feed = await core.subscribe(ann, { kind: 'all' })
  for await (const _ of feed.replay());
  const seen: Event['name'][] = []
  feed.attach({ push: (event) => seen.push(event.name), end() {} })
  const send = { conversationId: conversation.id, clientId: 'c1', content: 'hello' }
  await core.execute(ann, 'message.send', send)
  await core.execute(ann, 'message.send', { ...send, optimistic: true })
  feed.detach()
  expect(seen).toEqual(['message.created', 'message.accepted', 'message.failed'])
})
