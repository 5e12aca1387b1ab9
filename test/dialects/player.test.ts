/** The player of transcripts itself: a transcript that is wrong must fail, and say where. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type TestServer } from '../harness.ts'
import { play } from '../transcript.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server?.close())

const SENDING = `given chat chat ann bob
connect ann marketplace
connect bob marketplace
> ann send-message {chatId: <chat>, content: "Hi"}
< ann new-message {content: "Hi", ...}
< ann chat-updated {...}
< ann message-sent {success: true, ...}
< bob new-message {...}
< bob chat-updated {...}`

test.each([
  ['another value', 'success: true', 'success: false', /line 7.*\n.*success should be false/],
  ['a key too many', '{success: true, ...}', '{success: true}', /should not have messageId/],
  ['a missing key', 'content: "Hi", ...}', 'content: "Hi", colour: "red", ...}', /has no colour/],
  ['another order', '< ann chat-updated {...}\n', '', /waited for ann to receive message-sent, but chat-updated/],
  [
    'an event that does not come',
    '< bob chat-updated {...}',
    '< bob chat-updated {...}\n< bob x {}',
    /for bob to receive x/,
  ],
  ['an event that nobody wrote down', '\n< bob chat-updated {...}', '', /at the end\n.*bob also received chat-updated/],
  ['a silence that is none', '< bob new-message {...}', '- bob', /bob also received new-message/],
])('%s fails', async (_, from, to, message) => {
  expect(SENDING).toContain(from)
  await expect(play(SENDING.replace(from, to), { server, timeoutMs: 500 })).rejects.toThrow(message)
})

test('what arrived is printed', async () => {
  await expect(play(`${SENDING}\n< bob x {}`, { server, timeoutMs: 100 })).rejects.toThrow(/bob received:\n {2}connect/)
})
