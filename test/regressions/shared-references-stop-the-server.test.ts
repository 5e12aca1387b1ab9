/** A thousand bytes of superjson's shared references stood for a tree of a billion nodes, and checking it stopped the process. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Backend, startBackend, startEntrance } from '../trpc.entrance.ts'

let backend: Backend
beforeAll(async () => {
  backend = await startBackend()
})
afterAll(() => backend[Symbol.asyncDispose]())

/** Metadata of `depth` levels in which each level is four times the next. */
function laughs(depth: number) {
  let metadata: object = {}
  for (let level = 0; level < depth; level++) metadata = { a: metadata }
  const paths = Array.from({ length: depth }, (_, level) => `metadata${'.a'.repeat(level + 1)}`)
  const shared = paths.map((path) => [path, ['b', 'c', 'd'].map((key) => path.replace(/a$/, key))])
  return { metadata, meta: { referentialEqualities: Object.fromEntries(shared) } }
}

test('metadata that refers to itself many times over costs what its text costs', async () => {
  await using server = await startEntrance(backend)
  const ann = await backend.actor('ann')
  const { conversation } = await backend.core.execute(ann, 'conversation.create', { kind: 'group' })
  const client = await server.raw('ann')
  // Eleven levels take a second to walk, each further one four times that; fifteen would take minutes.
  const { metadata, meta } = laughs(11)
  const json = { conversationId: conversation.id, content: 'ha', metadata }
  const params = { path: 'message.send', input: { json, meta } }
  client.socket.send(JSON.stringify({ id: 1, method: 'mutation', params }))
  const answer = await client.answer(1)
  expect(answer).toMatchObject({ result: { data: { json: { content: 'ha', metadata } } } })
})
