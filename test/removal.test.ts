/** A removed member sees the conversation up to and including the removal, on every transport, while messages flow. */
import { createTRPCClient, createWSClient, wsLink } from '@trpc/client'
import { io } from 'socket.io-client'
import superjson from 'superjson'
import { expect, test } from 'vitest'
import { WebSocket } from 'ws'
import type { Event } from '../shared/events.ts'
import type { AppRouter } from '../shared/router/index.ts'
import { startServer } from './harness.ts'
import { Inbox } from './inbox.ts'

const contents = (events: readonly Event[]) =>
  events.flatMap((event) => (event.name === 'message.created' ? [event.payload.message.content] : []))
const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `m${from + i}`)

test('removed while messages flow, and back again: neither too much nor too little', async () => {
  await using server = await startServer()
  const { core } = server.app
  const [ann] = await Promise.all([server.actor('ann'), server.actor('bob'), server.actor('cid')])
  const { conversation } = await core.execute(ann, 'conversation.create', { kind: 'group', memberIds: ['bob', 'cid'] })
  const conversationId = conversation.id

  const ws = createWSClient({
    url: server.wsUrl,
    WebSocket: WebSocket as never,
    connectionParams: { token: server.token('bob') },
  })
  const client = createTRPCClient<AppRouter>({ links: [wsLink({ client: ws, transformer: superjson })] })
  const all = new Inbox<Event>((event) => `${event.position} ${event.name}`)
  const one = new Inbox<Event>((event) => `${event.position} ${event.name}`)
  const ready = new Inbox<string>()
  let cursor = ''
  const everything = client.sync.events.subscribe(undefined, {
    onStarted: () => ready.push('all'),
    onData: ({ id, data }) => {
      cursor = id
      data.forEach(all.push)
    },
  })
  let completed = false
  client.message.onEvent.subscribe(
    { conversationId },
    {
      onStarted: () => ready.push('one'),
      onData: ({ data }) => data.forEach(one.push),
      onComplete: () => (completed = true),
    },
  )
  const socket = io(server.url, {
    path: '/marketplace/socket.io/',
    auth: { token: server.token('bob') },
    transports: ['websocket'],
  })
  const legacy = new Inbox<{ name: string; content?: string }>()
  socket.onAny((name, payload) => legacy.push({ name, content: payload?.content }))
  socket.emit('join-chat', conversationId)
  await legacy.next((line) => line.name === 'chat-joined', 'the chat to be joined')
  await ready.count(2, 'both subscriptions')

  let sent = 0
  const send = () => core.execute(ann, 'message.send', { conversationId, content: `m${++sent}` })
  const flow = async (count: number) => {
    for (let i = 0; i < count; i++) await send()
  }
  // Besides, bob is notified of having been removed and added.
  const ofIt = (events: readonly Event[]) => events.filter(({ topic }) => topic === `conversation:${conversationId}`)
  await flow(20)
  const during = flow(60)
  await core.execute(ann, 'conversation.removeMember', { conversationId, userId: 'bob' })
  await during
  const removal = await all.next((event) => event.name === 'member.removed', 'the removal')
  await flow(20)

  const position = removal.position ?? 0
  const before = await all.until(
    () => contents(all.items.filter((event) => (event.position ?? 0) < position)),
    'what came before',
  )
  expect(before).toEqual(numbers(1, before.length))
  expect(ofIt(all.items).at(-1)).toBe(removal)
  await one.next((event) => event.name === 'member.removed', 'the removal, on the stream of the conversation')
  expect(contents(one.items)).toEqual(before)
  expect(one.items.at(-1)?.name).toBe('member.removed')
  const shown = () => legacy.items.flatMap((line) => (line.name === 'new-message' ? [line.content] : []))
  await legacy.until(
    () => (shown().length >= before.length ? true : undefined),
    'the legacy client to have seen as much',
  )
  expect(shown()).toEqual(before)
  expect(completed).toBe(true)

  // Away, back in, and only then back online.
  everything.unsubscribe()
  await core.execute(ann, 'conversation.addMembers', { conversationId, memberIds: ['bob'] })
  const back = sent
  await flow(30)
  const again = new Inbox<Event>((event) => `${event.position} ${event.name}`)
  client.sync.events.subscribe({ lastEventId: cursor }, { onData: ({ data }) => data.forEach(again.push) })
  await again.until((events) => (contents(events).length >= 30 ? true : undefined), 'the messages since the return')
  expect(contents(again.items)).toEqual(numbers(back + 1, back + 30))
  expect(ofIt(again.items)[0]?.name).toBe('member.added')

  socket.close()
  await ws.close()
})
