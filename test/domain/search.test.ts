/** Full-text search, by typed clients: each rule before the index has taken the messages up, and after. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClient, isParleyError, type Parley } from '../../client/index.ts'
import type { Input } from '../../shared/commands.ts'
import { startServer, type TestServer } from '../harness.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer({ env: { COMMAND_LIMIT: '1000000' } })
})
afterAll(() => server?.close())

const connect = (userId: string) => createClient({ url: server.url, token: server.token(userId) })

async function upToDate() {
  while ((await server.app.store.index(1_000)) !== 'done');
}
type Asked = Omit<Input<'message.search'>, 'query'>
/** What is found, as text; it must be the same from the log and from the index. */
async function found(client: Parley, query: string, more: Asked = {}) {
  const look = async () => {
    const { results } = await client.api.message.search.query({ query, ...more })
    return results.map(({ message }) => message.content)
  }
  const before = await look()
  await upToDate()
  expect(await look()).toEqual(before)
  return before
}
const code = (call: PromiseLike<unknown>) =>
  Promise.resolve(call).then(
    () => 'ok',
    (error: unknown) => {
      if (isParleyError(error)) return error.code
      throw error
    },
  )

let places = 0
/** Two users nobody else knows, and a group of ann's with bob. */
async function pair(options: { historyVisible?: boolean } = {}) {
  places++
  const names = { ann: `ann${places}`, bob: `bob${places}`, cid: `cid${places}` }
  for (const name of Object.values(names)) await server.actor(name)
  const ann = connect(names.ann)
  const bob = connect(names.bob)
  const { conversation } = await ann.api.conversation.create.mutate({
    ...{ kind: 'group', memberIds: [names.bob] },
    ...options,
  })
  const conversationId = conversation.id
  const say = (client: Parley, content: string, to = conversationId) =>
    client.api.message.send.mutate({ conversationId: to, content })
  return {
    ...{ names, ann, bob, conversationId, say },
    async [Symbol.asyncDispose]() {
      await Promise.all([ann.close(), bob.close()])
    },
  }
}

test('newest first in all of one’s conversations: words without case, phrases, either, without, a beginning', async () => {
  await using place = await pair()
  const { ann, bob, names, say } = place
  await say(ann, 'The kettle is on')
  await say(bob, 'KETTLE off, please')
  const direct = await bob.api.message.send.mutate({ to: names.ann, content: 'which kettle, the red one?' })
  expect(await found(ann, 'kettle')).toEqual(['which kettle, the red one?', 'KETTLE off, please', 'The kettle is on'])
  expect(await found(ann, '"kettle is"')).toEqual(['The kettle is on'])
  expect(await found(ann, 'kettle -red')).toEqual(['KETTLE off, please', 'The kettle is on'])
  expect(await found(ann, 'red or off')).toEqual(['which kettle, the red one?', 'KETTLE off, please'])
  expect(await found(ann, 'kettle plea')).toEqual(['KETTLE off, please'])
  expect(await found(ann, 'kett is')).toEqual([])
  expect(await found(ann, 'kettle', { senderId: names.ann })).toEqual(['The kettle is on'])
  expect(await found(ann, 'kettle', { conversationId: direct.conversationId })).toEqual(['which kettle, the red one?'])
  expect(await found(ann, '?! … 👍')).toEqual([])
})

test('only what the actor may read now: not before they joined, not after they left, nothing of others', async () => {
  await using place = await pair({ historyVisible: false })
  const { ann, bob, names, conversationId, say } = place
  await using cid = connect(names.cid)
  await say(ann, 'lighthouse one')
  await ann.api.conversation.addMembers.mutate({ conversationId, memberIds: [names.cid] })
  expect(await found(cid, 'lighthouse')).toEqual([])
  await say(bob, 'lighthouse two')
  expect(await found(cid, 'lighthouse')).toEqual(['lighthouse two'])
  expect(await found(bob, 'lighthouse')).toEqual(['lighthouse two', 'lighthouse one'])
  await cid.api.conversation.leave.mutate({ conversationId })
  expect(await found(cid, 'lighthouse')).toEqual([])
  expect(await code(cid.api.message.search.query({ query: 'lighthouse', conversationId }))).toBe('FORBIDDEN')
  expect(await code(cid.api.message.search.query({ query: 'x', conversationId: 'nowhere' }))).toBe('NOT_FOUND')
})

test('a message is found by what it says now: edited by its present text, deleted not at all, hidden not by who hid it', async () => {
  await using place = await pair()
  const { ann, bob, say } = place
  const { id: messageId } = await say(ann, 'harbour at dawn')
  const other = await say(ann, 'harbour at dusk')
  await upToDate()
  await ann.api.message.edit.mutate({ messageId, content: 'quay at dawn' })
  expect(await found(bob, 'harbour')).toEqual(['harbour at dusk'])
  expect(await found(bob, 'quay')).toEqual(['quay at dawn'])
  await bob.api.message.hide.mutate({ messageId })
  expect(await found(bob, 'quay')).toEqual([])
  expect(await found(ann, 'quay')).toEqual(['quay at dawn'])
  await ann.api.message.delete.mutate({ messageId })
  await ann.api.message.delete.mutate({ messageId: other.id })
  for (const word of ['quay', 'harbour', 'dawn or dusk']) expect(await found(ann, word)).toEqual([])
})

test('pages lose and repeat nothing while messages arrive and the index is filled', async () => {
  await using place = await pair()
  const { ann, bob, say } = place
  for (let n = 1; n <= 23; n++) await say(n % 2 ? ann : bob, `ferry ${n}`)
  const pages: string[][] = []
  let before: string | undefined
  for (let n = 0; ; n++) {
    const page = await bob.api.message.search.query({
      query: 'ferry',
      limit: 5,
      ...(before !== undefined && { before }),
    })
    pages.push(page.results.map(({ message }) => message.content))
    await Promise.all([say(ann, `ferry late ${n}`), server.app.store.index(7)])
    if (page.next === null) break
    before = page.next
  }
  expect(pages.map(({ length }) => length)).toEqual([5, 5, 5, 5, 3])
  expect(pages.flat()).toEqual(Array.from({ length: 23 }, (_, n) => `ferry ${23 - n}`))
  expect((await bob.api.message.search.query({ query: 'ferry', limit: 50 })).next).toBeNull()
})

test('highlights are plain pieces of the text, of bounded length, whatever it holds', async () => {
  await using place = await pair()
  const { ann, say } = place
  const pieces = async (query: string) => {
    const { results } = await ann.api.message.search.query({ query })
    return results[0]?.highlights ?? []
  }
  await say(ann, 'a <b>bold</b> anchor/rope & \u0001two\u0002 "anchors"')
  expect(await pieces('anchor')).toEqual([
    { text: 'a <b>bold</b> ', hit: false },
    { text: 'anchor', hit: true },
    { text: '/rope &  two  "', hit: false },
    { text: 'anchors', hit: true },
    { text: '"', hit: false },
  ])
  await say(ann, `${'long '.repeat(900)}buoy ${'tail '.repeat(900)}`)
  const long = await pieces('buoy')
  expect(long.filter(({ hit }) => hit)).toEqual([{ text: 'buoy', hit: true }])
  expect(long.map(({ text }) => text).join('').length).toBeLessThan(300)
  // One word for the parser, 1,000 characters and 2,000 UTF-16 units.
  await say(ann, `${'𠮷'.repeat(1_000)} compass`)
  const wide = (await pieces('compass')).map(({ text }) => text).join('')
  expect(wide.isWellFormed()).toBe(true)
  expect(wide).toContain('compass')
  expect(Array.from(wide).length).toBeLessThan(300)
})

test('what is no question is refused at the edge', async () => {
  await using place = await pair()
  const ask = (input: Input<'message.search'>) => code(place.ann.api.message.search.query(input))
  expect(await ask({ query: '' })).toBe('INVALID_INPUT')
  expect(await ask({ query: 'x'.repeat(201) })).toBe('INVALID_INPUT')
  expect(await ask({ query: 'x\u0000' })).toBe('INVALID_INPUT')
  expect(await ask({ query: 'x', before: "1' or true" })).toBe('INVALID_INPUT')
  expect(await ask({ query: 'x', limit: 51 })).toBe('INVALID_INPUT')
  expect(await ask({ query: 'x', before: '9999999999999999' })).toBe('ok')
})
