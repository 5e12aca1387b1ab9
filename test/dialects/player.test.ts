/** The player of transcripts itself: a transcript that is wrong must fail, and say where. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startServer, type TestServer } from '../harness.ts'
import { settings, steps } from '../transcript.lines.ts'
import { transports, versions } from '../transcript.socket.ts'
import { play } from '../transcript.ts'
import { match, parse, parseAll } from '../transcript.values.ts'

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
    'an event that does not come, and what came instead',
    '< bob chat-updated {...}',
    '< bob chat-updated {...}\n< bob x {}',
    /for bob to receive x[\s\S]*bob received:\n {2}connect\n {2}new-message/,
  ],
  ['an event that nobody wrote down', '\n< bob chat-updated {...}', '', /at the end\n.*bob also received chat-updated/],
  ['a silence that is none', '< bob new-message {...}', '- bob', /bob also received new-message/],
  ['an argument that does not come', '< bob new-message {...}', '< bob new-message {...} 2', /argument 2 should be 2/],
  [
    'a set that does not fit',
    '< bob new-message {...}\n< bob chat-updated {...}',
    '<~ bob chat-updated {...}\n<~ bob chat-updated {...}',
    /line 8.*\n.*\n.*do not fit/,
  ],
])('%s fails', async (_, from, to, message) => {
  expect(SENDING).toContain(from)
  await expect(play(SENDING.replace(from, to), { server, timeoutMs: 3_000 })).rejects.toThrow(message)
})

test('what belongs together may come in any order', () =>
  play(
    `${SENDING.split('\n').slice(0, 4).join('\n')}
<~ bob chat-updated {lastMessage: <words>, ...}
<~ ann message-sent {messageId: <m>, ...}
<~ ann chat-updated
<~ bob new-message {_id: <m>, content: <words>, ...}
<~ ann new-message {_id: <m:id>, ...}`,
    { server },
  ))

const ways = versions.flatMap((client) => transports.map((transport) => ({ client, transport })))
describe('who goes', { concurrent: true }, () => {
  test.each(ways)('is gone when the next line is played: $client, $transport', (way) =>
    play(
      `given chat chat ann bob
given user root {role: "admin"}
connect ann marketplace
connect ann/2 marketplace
cut ann
$ root admin.connections {userId: <ann>} = {connections: [{userId: <ann>, ...}], ...}
close ann/2
$ root admin.connections {userId: <ann>} = {connections: [], ...}
reconnect ann
$ root admin.connections {userId: <ann>} = {connections: [<*>], ...}
> ann join-chat <chat>
< ann chat-joined {success: true, ...}`,
      { server, ...way },
    ),
  )
})

test('calls are answered as written, or in the end', async () => {
  await play(
    `given user ann {fullName: "Ann Lee"}
$ ann user.me {} = {id: <ann>, name: "Ann Lee", ...}
$ ann user.me = {id: <ann>, ...}
$ ann message.edit {messageId: "none", content: "x"} ! NOT_FOUND
% ann GET /trpc/user.me
= 200 {result: {data: {json: {id: <ann>, ...}, ...}}}
% ann GET /trpc/user.me none = 401 {...}
% ann GET /trpc/user.me expired = 401
% ann POST /trpc/typing.set {json: {nonsense: true}} = 400
% ann GET /trpc/user.me ~ 200 {...}`,
    { server },
  )
  const wrong = (line: string) => play(line, { server, timeoutMs: 100 })
  await expect(wrong('$ ann user.me {} = {name: "Bob", ...}')).rejects.toThrow(/name should be "Bob"/)
  await expect(wrong('$ ann user.me {} ! FORBIDDEN')).rejects.toThrow(/but it gave/)
  await expect(wrong('$ ann user.me {} ~ {name: "Bob", ...}')).rejects.toThrow(/name should be "Bob"/)
  await expect(wrong('% ann GET /trpc/user.me = 404')).rejects.toThrow(/it is 200/)
  await expect(wrong('% ann GET /trpc/user.me = 200 {a: 1, ...}')).rejects.toThrow(/has no a/)
})

describe('values', () => {
  const fits = (expected: string, actual: unknown) => {
    try {
      match(parse(expected, new Map()), actual, new Map())
      return true
    } catch {
      return false
    }
  }
  const id = '0123456789abcdef01234567'
  test.each([
    ['[...]', [[], [1]], [{}]],
    ['[1, ...]', [[1], [1, 2]], [[], [2, 1]]],
    ['[..., 3]', [[3], [1, 2, 3]], [[], [3, 1]]],
    ['[..., {a: 1, ...}, ...]', [[{ a: 1 }], [0, { a: 1, b: 2 }, 0]], [[], [{ b: 1 }]]],
    ['[<x>, <x>]', [[1, 1]], [[1, 2], [1]]],
    ['[<x>, ..., <x>]', [[1, 2, 1]], [[1, 2]]],
    ['[1]', [[1]], [[], [1, 2], ['1'], { 0: 1 }]],
    ['{a: [...], ...}', [{ a: [], b: 1 }], [{ a: 1 }]],
    ['<id>', [id], [`${id}0`, 1]],
    ['<text>', ['', 'a'], [1, null]],
    ['<number>', [0], ['0', null]],
    ['<time>', ['2026-01-31T10:00:00.000Z'], ['2026-01-31', 0]],
    [
      '[<m:id>, <m>]',
      [[id, id]],
      [
        [id, `${id}0`],
        ['x', 'x'],
      ],
    ],
  ])('%s', (expected, right, wrong) => {
    for (const value of right) expect(fits(expected, value), JSON.stringify(value)).toBe(true)
    for (const value of wrong) expect(fits(expected, value), JSON.stringify(value)).toBe(false)
  })
  test('a kind that there is not is a mistake', () => {
    expect(() => parse('<m:colour>', new Map())).toThrow('there is no kind colour')
  })
  test('side by side', () => {
    expect(parseAll('a {b: "c d"} "e f" [1, 2] 3 null Ann-<ann>', new Map([['ann', '7']]))).toEqual([
      'a',
      { b: 'c d' },
      'e f',
      [1, 2],
      3,
      null,
      'Ann-7',
    ])
  })
})

test('lines go on, and settings stand at the top', () => {
  const text = `# server: A=1 B="two words"
# alone: everybody hears it
# clients: 4 3

> ann a {
    b: 1}
% ann GET /x
= 200
<~ ann a
<~ ann b
- ann`
  expect(steps(text)).toEqual([
    { number: 5, lines: ['> ann a { b: 1}'] },
    { number: 7, lines: ['% ann GET /x = 200'] },
    { number: 9, lines: ['<~ ann a', '<~ ann b'] },
    { number: 11, lines: ['- ann'] },
  ])
  const env = { A: '1', B: 'two words' }
  expect(settings(text)).toEqual({ env, alone: true, clients: [4, 3], acts: false })
  expect(settings('! hold')).toEqual({ env: {}, alone: false, clients: undefined, acts: true })
})
