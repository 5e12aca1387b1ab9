/** The support bot, as who writes to it sees it: from its table, or from an endpoint, and then from the table if that fails. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClient } from '../../client/index.ts'
import { replyTo } from '../../server/bots/replies.ts'
import type { Message } from '../../shared/model.ts'
import { startServer, type TestServer } from '../harness.ts'
import { Inbox } from '../inbox.ts'

type Answer = (response: ServerResponse, question: Record<string, string>) => void
const json = (response: ServerResponse, body: unknown) =>
  void response.setHeader('content-type', 'application/json').end(JSON.stringify(body))

/** What the endpoint does, by the text that it is asked about. */
const ANSWERS: Readonly<Record<string, Answer>> = {
  fine: (response, { message }) => json(response, { reply: `you said ${message}`, more: 1 }),
  slow: () => undefined,
  'slow to end': (response) => void response.write('{"reply": "'),
  failing: (response) => void response.writeHead(500).end('{"reply": "no"}'),
  cut: (response) => void response.socket?.destroy(),
  'no json': (response) => void response.end('<p>hello</p>'),
  'another shape': (response) => json(response, { answer: 'hello' }),
  'no text': (response) => json(response, { reply: '' }),
  'a long reply': (response) => json(response, { reply: 'x'.repeat(10_001) }),
  endless: (response) => {
    const chunk = `{"reply": "${'x'.repeat(16_384)}`
    const more = () => {
      if (response.writable && response.write(chunk)) setImmediate(more)
    }
    response.on('drain', more)
    more()
  },
  'sent elsewhere': (response) => void response.writeHead(307, { location: '/elsewhere' }).end(),
}

const asked: { method: string | undefined; url: string | undefined; question: Record<string, string> }[] = []
async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let body = ''
  for await (const chunk of request.setEncoding('utf8')) body += chunk
  const question = JSON.parse(body)
  asked.push({ method: request.method, url: request.url, question })
  if (request.url === '/elsewhere') json(response, { reply: 'from elsewhere' })
  else ANSWERS[question.message]?.(response, question)
}
const endpoint = createServer((request, response) => void answer(request, response))

let table: TestServer
let asking: TestServer
beforeAll(async () => {
  await new Promise<void>((resolve) => endpoint.listen(0, '127.0.0.1', resolve))
  // It listens on a port, not on a pipe.
  const { port } = endpoint.address() as AddressInfo
  const url = `http://127.0.0.1:${port}/ask`
  table = await startServer({ env: { SUPPORT_BOT: 'true' } })
  asking = await startServer({ env: { SUPPORT_BOT: 'true', SUPPORT_BOT_URL: url, SUPPORT_BOT_TIMEOUT: '1500' } })
})
afterAll(async () => {
  await Promise.all([table?.close(), asking?.close()])
  endpoint.closeAllConnections()
  endpoint.close()
})

async function ask(server: TestServer, content: string, userId = 'ann') {
  await using client = createClient({ url: server.url, token: server.token(userId) })
  const heard = new Inbox<Message>(({ senderId, content }) => `${senderId}: ${content}`)
  client.on('message.created', (event) => heard.push(event.payload.message))
  await client.ready()
  const message = await client.api.message.send.mutate({ to: 'support-bot', content })
  const reply = await heard.next(({ replyTo }) => replyTo === message.id, `the answer to ${content}`)
  return { message, reply, profile: await client.api.user.get.query({ userId: reply.senderId }) }
}

test('it answers whoever writes to it, with a message of type system', async () => {
  const { message, reply, profile } = await ask(table, 'HELLO there')
  const { conversationId, id } = message
  expect(reply).toMatchObject({ conversationId, senderId: 'support-bot', type: 'system', replyTo: id })
  expect(reply.content).toBe(replyTo('hello'))
  expect(profile).toEqual({ id: 'support-bot', name: 'support-bot', role: 'bot', avatar: null })
})

test('the rules are tried in order: greeting, sleep, schedule, help, all else', () => {
  const [greeting, sleep, schedule, help, other] = ['hello', 'sleep', 'schedule', 'help', 'weather'].map(replyTo)
  expect(new Set([greeting, sleep, schedule, help, other]).size).toBe(5)
  expect(replyTo('Hi, I cannot sleep')).toBe(greeting)
  expect(replyTo('HELP me with a schedule so that I sleep')).toBe(sleep)
  expect(replyTo('help with my Schedule')).toBe(schedule)
  expect(replyTo('I need HELP')).toBe(help)
  // Whole words: `this` and `Othello` greet nobody.
  expect(replyTo('this is Othello')).toBe(other)
  expect(replyTo('')).toBe(other)
})

test('with an endpoint it says what that answers', async () => {
  const { message, reply } = await ask(asking, 'fine')
  expect(reply).toMatchObject({ type: 'system', content: 'you said fine' })
  const { conversationId, id: messageId } = message
  expect(asked.find(({ question }) => question.message === 'fine')).toEqual({
    ...{ method: 'POST', url: '/ask' },
    question: { message: 'fine', conversationId, userId: 'ann', messageId },
  })
})

test('an endpoint that is slow, fails or answers nonsense: the table answers', async () => {
  const bad = Object.keys(ANSWERS).filter((content) => content !== 'fine')
  const replies = await Promise.all(bad.map((content, n) => ask(asking, content, `user${n}`)))
  expect(replies.map(({ reply }) => reply.content)).toEqual(bad.map(replyTo))
  expect(asked.filter(({ url }) => url === '/elsewhere')).toEqual([])
  expect(asked.map(({ question }) => question.message)).toEqual(expect.arrayContaining(bad))
})

test('nobody acts as the bot by a token', async () => {
  await expect(table.actor('support-bot')).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
})
