/** Where history is hidden, whoever joins later sees nothing older, not even as the last message of a list. */
import { expect, test } from 'vitest'
import { toAppError } from '../../shared/errors.ts'
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

test('no command reaches a message from before the joining', async () => {
  await using server = await startServer()
  const { core } = server.app
  const [ann, bob] = await Promise.all([server.actor('ann'), server.actor('bob')])
  const { conversation } = await core.execute(ann, 'conversation.create', { kind: 'group', historyVisible: false })
  const conversationId = conversation.id
  const { id: messageId } = await core.execute(ann, 'message.send', { conversationId, content: 'before bob' })
  await core.execute(ann, 'conversation.addMembers', { conversationId, memberIds: ['bob'] })

  const code = (answer: Promise<unknown>) =>
    answer.then(
      () => 'ok',
      (error: unknown) => toAppError(error).code,
    )
  expect(await code(core.execute(bob, 'message.get', { messageId }))).toBe('NOT_FOUND')
  expect(await code(core.execute(bob, 'message.markRead', { messageId }))).toBe('NOT_FOUND')
  expect(await code(core.execute(bob, 'message.markDelivered', { messageId }))).toBe('NOT_FOUND')
  expect(await code(core.execute(bob, 'message.edit', { messageId, content: 'x' }))).toBe('NOT_FOUND')
  expect(await core.execute(bob, 'message.missed', { since: new Date(0) })).toEqual({ messages: [], hasMore: false })
  const nothing = { messages: [], hasBefore: false, hasAfter: false }
  for (const place of [
    {},
    { before: 2 },
    { before: 9 },
    { after: 0 },
    { after: 9 },
    { around: 1 },
    { around: 1, limit: 1 },
  ])
    expect(await core.execute(bob, 'message.history', { conversationId, ...place })).toEqual(nothing)

  await core.execute(ann, 'message.send', { conversationId, content: 'two' })
  await core.execute(ann, 'message.send', { conversationId, content: 'three' })
  const page = async (place: object) => {
    const { messages, hasBefore, hasAfter } = await core.execute(bob, 'message.history', { conversationId, ...place })
    return [messages.map((message) => message.content).join(' '), hasBefore, hasAfter]
  }
  expect(await page({})).toEqual(['two three', false, false])
  expect(await page({ before: 2 })).toEqual(['', false, true])
  expect(await page({ before: 3 })).toEqual(['two', false, true])
  expect(await page({ after: 0, limit: 1 })).toEqual(['two', false, true])
  expect(await page({ after: 3 })).toEqual(['', true, false])
  expect(await page({ around: 3, limit: 1 })).toEqual(['three', true, false])
  expect(await page({ around: 9, limit: 1 })).toEqual(['', true, false])
})
