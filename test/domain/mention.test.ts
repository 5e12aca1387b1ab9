/** Mentions, and the notifications that messages make: by typed clients, who are here or away. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Reads, Store } from '../../server/core/ports.ts'
import type { Actor } from '../../shared/ports.ts'
import { startServer, type TestServer } from '../harness.ts'
import { openMemory } from '../store/databases.ts'
import { device, listed, people } from './people.ts'

/** Look-ups outside of writes; the server makes some of its own beside. */
const looked: string[] = []
const ofSends = () => looked.filter((call) => /^(members|blocks|messages)\./.test(call))
function watched(store: Store): Store {
  const nouns = Object.entries(store.reads).map(([noun, reads]) => {
    if (typeof reads === 'function') return [noun, reads]
    const calls = Object.entries(reads).map(([verb, call]) => [
      verb,
      (...given: never[]) => {
        looked.push(`${noun}.${verb}`)
        return (call as (...given: never[]) => unknown)(...given)
      },
    ])
    return [noun, Object.fromEntries(calls)]
  })
  // The same calls under the same names.
  return Object.create(store, { reads: { value: Object.fromEntries(nouns) as Reads } })
}

let server: TestServer
beforeAll(async () => {
  server = await startServer({ store: watched(await openMemory()) })
})
afterAll(() => server.close())

const execute: TestServer['app']['core']['execute'] = (...call) => server.app.core.execute(...call)

async function group(owner: Actor, ...others: Actor[]) {
  const memberIds = others.map(({ userId }) => userId)
  const { conversation } = await execute(owner, 'conversation.create', { kind: 'group', memberIds, title: 'Club' })
  for (const actor of others) await execute(actor, 'notification.deleteAll', {})
  return conversation.id
}
const unheard = { readAt: null, silent: false, actionUrl: null }

test('who is named is told, here or away; who is away is told of the message; nobody of their own', async () => {
  const { ann, bob, cid, dan } = await people(server, 'ann', 'bob', 'cid', 'dan')
  const conversationId = await group(ann, bob, cid, dan)
  await using a = await device(server, ann.userId)
  await using b = await device(server, bob.userId)
  await a.api.message.send.mutate({ conversationId, content: 'plain words' })
  const sent = await a.api.message.send.mutate({ conversationId, clientId: 'once', content: 'hi @BOB, @ann and @Cid' })
  expect(sent).toMatchObject({ mentions: [bob.userId, cid.userId], mentionsEveryone: false })
  const [told] = await b.heard.count(1, 'the mention')
  expect(told).toMatchObject({ name: 'notification.created', actorId: ann.userId, topic: `user:${bob.userId}` })
  expect(told?.payload).toEqual({
    notification: {
      ...{ ...unheard, id: expect.any(String), userId: bob.userId, type: 'mention', priority: 'high', title: 'ann' },
      ...{ body: 'hi @BOB, @ann and @Cid', messageId: sent.id, createdAt: expect.any(Date) },
      data: { conversationId, userId: ann.userId },
    },
  })
  await a.api.message.send.mutate({ conversationId, clientId: 'once', content: 'hi @BOB, @ann and @Cid' })
  expect(await listed(server, ann)).toEqual([])
  expect(await listed(server, bob)).toEqual(['mention: hi @BOB, @ann and @Cid'])
  expect(await listed(server, cid)).toEqual(['mention: hi @BOB, @ann and @Cid', 'message: plain words'])
  expect(await listed(server, dan)).toEqual(['message: hi @BOB, @ann and @Cid', 'message: plain words'])
  const [normal] = (await execute(dan, 'notification.list', {})).notifications
  expect(normal).toMatchObject({ ...unheard, priority: 'normal', messageId: sent.id, title: 'ann' })
  const history = await execute(bob, 'message.history', { conversationId })
  expect(history.messages.map(({ mentions }) => mentions)).toEqual([[], [bob.userId, cid.userId]])
})

test('everyone is all but the sender, once, also by name', async () => {
  const { ann, bob, cid } = await people(server, 'ann', 'bob', 'cid')
  const conversationId = await group(ann, bob, cid)
  const sent = await execute(ann, 'message.send', { conversationId, content: '@everyone and @bob' })
  expect(sent).toMatchObject({ mentions: [bob.userId], mentionsEveryone: true })
  for (const actor of [bob, cid]) expect(await listed(server, actor)).toEqual(['mention: @everyone and @bob'])
  expect(await listed(server, ann)).toEqual([])
})

test('a direct message and a first message are told to who is away', async () => {
  const { ann, bob, cid } = await people(server, 'ann', 'bob', 'cid')
  await execute(ann, 'message.send', { to: bob.userId, content: 'one' })
  await execute(bob, 'message.send', { to: ann.userId, type: 'image', content: 'https://example.org/a.png' })
  expect(await listed(server, bob)).toEqual(['message: one'])
  expect(await listed(server, ann)).toEqual(['message: [IMAGE]'])
  const memberIds = [bob.userId, cid.userId]
  const message = { content: 'welcome @cid' }
  const made = await execute(ann, 'conversation.create', { kind: 'group', memberIds, message })
  expect(made.message?.mentions).toEqual([cid.userId])
  expect((await listed(server, bob, 'message'))[0]).toBe('message: welcome @cid')
  expect(await listed(server, cid)).toEqual(['mention: welcome @cid', 'group_invite: ann added you'])
})

test('an edit names anew: only who was not named before is told, and what is listed is what the message says now', async () => {
  const { ann, bob, cid } = await people(server, 'ann', 'bob', 'cid')
  const conversationId = await group(ann, bob, cid)
  const { id: messageId } = await execute(ann, 'message.send', { conversationId, content: '@bob hi' })
  const edit = (content: string) => execute(ann, 'message.edit', { messageId, content })
  expect((await edit('@bob and @cid')).mentions).toEqual([bob.userId, cid.userId])
  expect(await listed(server, bob)).toEqual(['mention: @bob and @cid'])
  expect(await listed(server, cid, 'mention')).toEqual(['mention: @bob and @cid'])
  await execute(bob, 'notification.deleteAll', {})
  await edit('@bob, @cid')
  expect(await listed(server, bob)).toEqual([])
  expect((await edit('nobody')).mentions).toEqual([])
  expect((await edit('@all')).mentionsEveryone).toBe(true)
  expect(await listed(server, bob)).toEqual(['mention: @all'])
  expect(await listed(server, cid, 'mention')).toEqual(['mention: @all'])
  expect(await listed(server, ann)).toEqual([])
  await execute(ann, 'message.delete', { messageId })
  expect(await listed(server, bob)).toEqual(['mention: '])
})

test('a new member and a new name count at once', async () => {
  const { ann, bob, cid } = await people(server, 'ann', 'bob', 'cid')
  const conversationId = await group(ann, bob)
  const mentions = async (content: string) => (await execute(ann, 'message.send', { conversationId, content })).mentions
  expect(await mentions('@cid @zoe')).toEqual([])
  await execute(ann, 'conversation.addMembers', { conversationId, memberIds: [cid.userId] })
  await server.actor(bob.userId, { name: 'zoe' })
  expect(await mentions('@cid @zoe')).toEqual([cid.userId, bob.userId])
  await execute(ann, 'conversation.removeMember', { conversationId, userId: cid.userId })
  expect(await mentions('@cid')).toEqual([])
})

test('a send looks nothing up where everybody is here, nor, if the sender is, where somebody is away', async () => {
  const { ann, bob, cid } = await people(server, 'ann', 'bob', 'cid')
  const [here, partly] = [await group(ann, bob), await group(ann, bob, cid)]
  await using _b = await device(server, bob.userId)
  const send = async (conversationId: string, content: string) => {
    looked.length = 0
    await execute(ann, 'message.send', { conversationId, content })
    return ofSends()
  }
  expect(await send(here, 'first')).toEqual(['members.names'])
  expect(await send(here, 'second')).toEqual([])
  await send(partly, 'first')
  expect(await send(partly, 'second')).toEqual(['blocks.around'])
  await using _a = await device(server, ann.userId)
  expect(await send(partly, 'third')).toEqual([])
  looked.length = 0
  await Promise.all(
    Array.from({ length: 20 }, (_, n) => execute(ann, 'message.send', { conversationId: here, content: `${n}` })),
  )
  expect(ofSends()).toEqual([])
})

test('above 100 members: by name and by answer alone, and no message overtakes another', async () => {
  const { ann, bob, cid } = await people(server, 'ann', 'bob', 'cid')
  const crowd = Array.from({ length: 99 }, (_, n) => ({ id: `${ann.userId} guest ${n}`, name: `Guest ${n}` }))
  await server.app.store.write(async (tx) => {
    for (const user of crowd) await tx.upsertUser(user)
  })
  const { conversation } = await execute(ann, 'conversation.create', {
    ...{ kind: 'group', memberIds: [bob.userId, cid.userId, ...crowd.map(({ id }) => id)] },
  })
  const conversationId = conversation.id
  const question = await execute(bob, 'message.send', { conversationId, content: 'who?' })
  const contents = ['@everyone', '@guest 7 and @CID', 'plain', '@bob, @nobody', 'plain too']
  const sent = await Promise.all(contents.map((content) => execute(ann, 'message.send', { conversationId, content })))
  expect(sent.map(({ seq }) => seq)).toEqual([2, 3, 4, 5, 6])
  expect(sent.map(({ mentions }) => mentions)).toEqual([
    [],
    [`${ann.userId} guest 7`, cid.userId],
    [],
    [bob.userId],
    [],
  ])
  expect(sent[0]?.mentionsEveryone).toBe(true)
  await execute(ann, 'message.send', { conversationId, content: 'me', replyTo: question.id })
  await execute(bob, 'message.send', { conversationId, content: 'or me', replyTo: question.id })
  expect(await listed(server, bob, 'mention', 'message')).toEqual(['message: me', 'mention: @bob, @nobody'])
  expect(await listed(server, cid, 'mention', 'message')).toEqual(['mention: @guest 7 and @CID'])
})
