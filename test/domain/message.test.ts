/** Edits with versions, reactions and replies, by typed clients. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClient, type Item, isParleyError, type Parley } from '../../client/index.ts'
import { startServer, type TestServer } from '../harness.ts'
import { Inbox } from '../inbox.ts'
import { openFresh } from '../store/databases.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

const connect = (userId: string, cursor?: string, to = server) =>
  createClient({ url: to.url, token: to.token(userId), ...(cursor !== undefined && { cursor }) })

/** The code of a refusal with what it says beyond, or 'ok'. */
const outcome = (call: PromiseLike<unknown>) =>
  Promise.resolve(call).then(
    () => 'ok',
    (error: unknown) => {
      if (!isParleyError(error)) throw error
      return { code: error.code, ...error.details }
    },
  )

/** A group of ann with these others, and a message of hers. */
async function group(ann: Parley, memberIds: string[], historyVisible = true) {
  const { conversation } = await ann.api.conversation.create.mutate({ kind: 'group', memberIds, historyVisible })
  const message = await ann.conversation(conversation.id).send('first words')
  return { conversationId: conversation.id, messageId: message.id }
}

test('a stale edit is refused and told the present version; of two at once one wins', async () => {
  await using ann = connect('ann')
  const { messageId } = await group(ann, [])
  const edit = (content: string, expectedVersion?: number) =>
    ann.api.message.edit.mutate({ messageId, content, ...(expectedVersion !== undefined && { expectedVersion }) })
  expect(await edit('second', 1)).toMatchObject({ content: 'second', version: 2 })
  expect(await outcome(edit('stale', 1))).toEqual({ code: 'CONFLICT', version: 2 })
  expect(await outcome(edit('from the future', 3))).toEqual({ code: 'CONFLICT', version: 2 })
  expect(await edit('whatever it says')).toMatchObject({ version: 3 })
  const both = await Promise.all([outcome(edit('mine', 3)), outcome(edit('hers', 3))])
  expect(both).toContain('ok')
  expect(both).toContainEqual({ code: 'CONFLICT', version: 4 })
})

test('what a message said before its edits is listed to whoever can see it, until it is deleted', async () => {
  await using ann = connect('ann')
  await using bob = connect('bob')
  await bob.api.user.me.query()
  const { messageId } = await group(ann, ['bob'])
  const versions = (page: { after?: number; limit?: number } = {}) =>
    bob.api.message.versions.query({ messageId, ...page })
  expect(await versions()).toEqual({ versions: [], hasMore: false })
  const original = async () => (await bob.api.message.get.query({ messageId })).originalContent
  expect(await original()).toBeNull()
  for (const content of ['two', 'three', 'four'])
    expect(await ann.api.message.edit.mutate({ messageId, content })).toMatchObject({ originalContent: 'first words' })
  expect(await original()).toBe('first words')
  const contents = async (page?: { after?: number; limit?: number }) => {
    const { versions: list, hasMore } = await versions(page)
    return [...list.map(({ version, content }) => `${version} ${content}`), hasMore]
  }
  expect(await contents()).toEqual(['1 first words', '2 two', '3 three', false])
  expect(await contents({ limit: 2 })).toEqual(['1 first words', '2 two', true])
  expect(await contents({ after: 2 })).toEqual(['3 three', false])
  expect(await ann.api.message.delete.mutate({ messageId })).toMatchObject({ originalContent: null })
  expect(await original()).toBeNull()
  expect(await versions()).toEqual({ versions: [], hasMore: false })
})

test('one reaction of a kind per user, seen by everybody and only once; a client that was away gets it once', async () => {
  await using ann = connect('ann')
  let cursor: string | undefined
  {
    await using bob = connect('bob')
    cursor = await bob.ready()
  }
  const { conversationId, messageId } = await group(ann, ['bob'])
  const live = new Inbox<Item>()
  ann.on('message.reacted', live.push)
  await ann.ready()
  const react = (reaction: string, on?: boolean) =>
    ann.api.message.react.mutate({ messageId, reaction, ...(on !== undefined && { on }) })
  expect(await react('👍')).toEqual({ changed: true, count: 1 })
  expect(await react('👍')).toEqual({ changed: false, count: 1 })
  expect(await react('never given', false)).toEqual({ changed: false, count: 0 })
  expect(await react('😀', true)).toEqual({ changed: true, count: 1 })
  expect(await react('👍', false)).toEqual({ changed: true, count: 0 })

  await using bob = connect('bob', cursor)
  const replayed = new Inbox<Item>()
  bob.on('message.reacted', replayed.push)
  bob.on('message.created', (event) => event.payload.message.content === 'the end' && replayed.push(event))
  await bob.ready()
  await ann.conversation(conversationId).send('the end')
  await replayed.next((item) => item.name === 'message.created', 'the end')
  const payload = { conversationId, messageId, userId: 'ann' }
  const expected = [
    { ...payload, reaction: '👍', on: true, count: 1 },
    { ...payload, reaction: '😀', on: true, count: 1 },
    { ...payload, reaction: '👍', on: false, count: 0 },
  ]
  const reacted = (items: readonly Item[]) =>
    items.flatMap((item) => (item.name === 'message.reacted' ? [item.payload] : []))
  expect(reacted(replayed.items)).toEqual(expected)
  expect(reacted(await live.count(3, 'the reactions'))).toEqual(expected)

  expect(await bob.api.message.react.mutate({ messageId, reaction: '😀' })).toEqual({ changed: true, count: 2 })
  const reactions = [{ reaction: '😀', count: 2, userIds: ['ann', 'bob'] }]
  expect(await ann.api.message.get.query({ messageId })).toMatchObject({ reactions })
  const { messages } = await bob.conversation(conversationId).history()
  expect(messages.map((message) => message.reactions)).toEqual([reactions, []])
})

test('after a restart the log brings each reaction once, and messages with the text and reactions they have now', async () => {
  const store = await openFresh()
  // The server closes its store; the next one goes on with it, as with a database.
  const lasting = { ...store, close: async () => {} }
  try {
    let cursor: string
    {
      await using first = await startServer({ store: lasting })
      await using ann = connect('ann', undefined, first)
      cursor = await ann.ready()
      const { messageId } = await group(ann, [])
      await ann.api.message.react.mutate({ messageId, reaction: '👍' })
      await ann.api.message.edit.mutate({ messageId, content: 'last words' })
    }
    await using second = await startServer({ store: lasting })
    await using ann = connect('ann', undefined, second)
    const seen: string[] = []
    for await (const item of ann.events({ cursor })) {
      if (item.name === 'message.reacted') seen.push(`${item.name} ${item.payload.reaction} ${item.payload.count}`)
      if (item.name !== 'message.created' && item.name !== 'message.updated') continue
      const { content, version, reactions } = item.payload.message
      seen.push(`${item.name} ${content} ${version} ${reactions.map(({ reaction }) => reaction)}`)
      if (item.name === 'message.updated') break
    }
    expect(seen).toEqual(['message.created last words 2 👍', 'message.reacted 👍 1', 'message.updated last words 2 👍'])
  } finally {
    await store.close()
  }
})

test('a message takes twenty kinds of reactions, a deleted one none', async () => {
  await using ann = connect('ann')
  const { messageId } = await group(ann, [])
  const react = (reaction: string, on = true) => outcome(ann.api.message.react.mutate({ messageId, reaction, on }))
  for (const bad of ['', 'x'.repeat(33), '\u0000', '\ud83d'])
    expect(await react(bad)).toEqual({ code: 'INVALID_INPUT' })
  for (let kind = 1; kind <= 20; kind++) expect(await react(`kind ${kind}`)).toBe('ok')
  expect(await react('one too many')).toEqual({ code: 'CONFLICT' })
  expect(await react('kind 7')).toBe('ok')
  expect(await react('kind 7', false)).toBe('ok')
  expect(await react('in its place')).toBe('ok')
  expect(await ann.api.message.delete.mutate({ messageId })).toMatchObject({ reactions: [] })
  expect(await react('kind 1')).toEqual({ code: 'CONFLICT' })
  expect(await react('kind 1', false)).toEqual({ code: 'CONFLICT' })
  expect(await ann.api.message.get.query({ messageId })).toMatchObject({ reactions: [] })
})

test('what a member may not see is not replied to, reacted to or looked into: it is not there', async () => {
  await using ann = connect('ann')
  await using bob = connect('bob')
  await bob.api.user.me.query()
  const { conversationId, messageId } = await group(ann, [], false)
  await ann.api.conversation.addMembers.mutate({ conversationId, memberIds: ['bob'] })
  const reply = (client: Parley, replyTo: string) =>
    client.api.message.send.mutate({ conversationId, content: 'indeed', replyTo })
  const refusal = (call: Promise<unknown>) =>
    call.then(
      () => 'ok',
      (error: unknown) => (isParleyError(error) ? `${error.code}: ${error.message}` : String(error)),
    )
  expect(await refusal(reply(bob, messageId))).toMatch(/^NOT_FOUND/)
  expect(await refusal(reply(bob, messageId))).toBe(await refusal(reply(bob, 'nothing')))
  expect(await outcome(bob.api.message.react.mutate({ messageId, reaction: '👍' }))).toEqual({ code: 'NOT_FOUND' })
  expect(await outcome(bob.api.message.versions.query({ messageId }))).toEqual({ code: 'NOT_FOUND' })
  const answer = await reply(ann, messageId)
  expect(answer).toMatchObject({ replyTo: messageId, version: 1, reactions: [] })
  expect(await reply(bob, answer.id)).toMatchObject({ replyTo: answer.id })
})
