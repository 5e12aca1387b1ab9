/** What only the database refuses is still the caller's mistake: INVALID_INPUT, not INTERNAL. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { CommandName, Input } from '../../shared/commands.ts'
import { toAppError } from '../../shared/errors.ts'
import { startServer, type TestServer } from '../harness.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server?.close())

type Call = { [C in CommandName]: [name: C, input: Input<C>] }[CommandName]
const CALLS: readonly Call[] = [
  ['message.missed', { since: new Date(8.64e15) }],
  ['message.missed', { since: new Date(-8.64e15) }],
  ['message.missed', { since: new Date(-1) }],
  ['message.missed', { since: new Date('+010000-01-01') }],
  ['message.missed', { since: new Date(Number.NaN) }],
  ['conversation.list', { after: '999999999999999.x' }],
  ['conversation.list', { after: 'x' }],
  ['call.signal', { signal: 'offer', to: 'a\u0000b', data: {} }],
  ['call.signal', { signal: 'offer', to: '\ud800', data: {} }],
]

test.each(CALLS)('%s %j', async (name, input) => {
  const ann = await server.actor('ann')
  // `name` and `input` come from the same row.
  const answer = server.app.core.execute(ann, name, input as never)
  expect(await answer.then(() => 'ok', toAppError)).toMatchObject({ code: 'INVALID_INPUT' })
})

test('the first and the last moment there is are fine', async () => {
  const ann = await server.actor('ann')
  for (const since of [new Date(0), new Date('9999-12-31T23:59:59.999Z')])
    expect(await server.app.core.execute(ann, 'message.missed', { since })).toEqual({ messages: [], hasMore: false })
})
