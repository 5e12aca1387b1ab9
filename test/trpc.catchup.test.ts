/** What was missed arrives in few frames, whatever it was spread over. The whole server, a stock client's frames counted. */
import { createTRPCClient, createWSClient, wsLink } from '@trpc/client'
import superjson from 'superjson'
import { expect, test } from 'vitest'
import { WebSocket } from 'ws'
import type { AppRouter, Event } from '../shared/index.ts'
import { startServer } from './harness.ts'
import { Inbox } from './inbox.ts'

test('1,000 messages in 50 conversations are a few frames, each message once, in order', async () => {
  await using server = await startServer({ env: { COMMAND_LIMIT: '1000000' } })
  const ann = await server.actor('ann')
  await server.actor('bob')
  const { execute } = server.app.core
  const conversations: string[] = []
  for (let index = 0; index < 50; index++) {
    const made = await execute(ann, 'conversation.create', { kind: 'group', memberIds: ['bob'] })
    conversations.push(made.conversation.id)
  }
  const { cursor } = await execute(await server.actor('bob'), 'sync.snapshot', {})
  const sends = Array.from({ length: 1_000 }, (_, index) => {
    const conversationId = conversations[(index * 7) % 50]
    return execute(ann, 'message.send', { conversationId, content: `m${index}` })
  })
  await Promise.all(sends)

  const pages = new Inbox<{ id: string; data: readonly Event[] }>(({ id, data }) => `${id}: ${data.length} events`)
  let frames = 0
  class Counted extends WebSocket {
    constructor(url: string) {
      super(url)
      this.on('message', () => frames++)
    }
  }
  const ws = createWSClient({
    ...{ url: server.wsUrl, WebSocket: Counted as unknown as typeof globalThis.WebSocket },
    connectionParams: () => ({ token: server.token('bob') }),
  })
  const api = createTRPCClient<AppRouter>({ links: [wsLink({ client: ws, transformer: superjson })] })
  const failed = new Promise<never>((_, reject) => {
    api.sync.events.subscribe({ lastEventId: cursor }, { onData: pages.push, onError: reject })
  })
  const messages = (items: readonly { data: readonly Event[] }[]) =>
    items.flatMap(({ data }) =>
      data.flatMap((event) => (event.name === 'message.created' ? [event.payload.message] : [])),
    )
  const arrived = pages.until(
    (items) => (messages(items).length >= 1_000 ? messages(items) : undefined),
    '1,000 messages',
  )
  const caughtUp = await Promise.race([arrived, failed])
  expect(frames).toBeLessThanOrEqual(10)
  expect(new Set(caughtUp.map((message) => message.id)).size).toBe(1_000)
  for (const id of conversations) {
    const seqs = caughtUp.filter((message) => message.conversationId === id).map((message) => message.seq)
    expect(seqs).toEqual(Array.from({ length: 20 }, (_, index) => index + 1))
  }
  const positions = pages.items.flatMap(({ data }) => data.map((event) => event.position ?? Number.NaN))
  expect(positions).toEqual(positions.toSorted((a, b) => a - b))
  await ws.close()
})
