/** Typing, as typed clients see it: told to the others when it begins and when it ends, however it ends. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { createClient } from '../../client/index.ts'
import type { Watcher } from '../../server/core/hub.ts'
import { Typing, type TypingOptions } from '../../server/core/typing.ts'
import type { Event } from '../../shared/events.ts'
import { Inbox } from '../inbox.ts'
import { type Backend, startBackend, startEntrance } from '../trpc.entrance.ts'

type Heard = Event<'typing.changed' | 'message.created'>
/** `ann types`, `ann stops`, `ann: hi`. */
const word = (event: Heard) =>
  event.name === 'typing.changed'
    ? `${event.payload.userId} ${event.payload.typing ? 'types' : 'stops'}`
    : `${event.payload.message.senderId}: ${event.payload.message.content}`

let backend: Backend
let entrance: Awaited<ReturnType<typeof startEntrance>>
beforeAll(async () => {
  backend = await startBackend()
  entrance = await startEntrance(backend)
})
afterAll(async () => {
  await entrance?.[Symbol.asyncDispose]()
  await backend?.[Symbol.asyncDispose]()
})

async function device(userId: string) {
  const client = createClient({ url: entrance.url, token: backend.token(userId) })
  const heard = new Inbox<Heard>(word)
  client.on('typing.changed', heard.push)
  client.on('message.created', heard.push)
  await client.ready()
  const words = async (count: number) => (await heard.count(count, `${count} words`)).map(word)
  return { client, heard, words, [Symbol.asyncDispose]: () => client.close() }
}

let places = 0
async function place() {
  places++
  const names = { ann: `ann${places}`, bob: `bob${places}` }
  const [ann, bob] = await Promise.all([backend.actor(names.ann), backend.actor(names.bob)])
  const { conversation } = await backend.core.execute(ann, 'conversation.create', {
    kind: 'group',
    memberIds: [names.bob],
  })
  const conversationId = conversation.id
  const say = (content: string, actor = bob) => backend.core.execute(actor, 'message.send', { conversationId, content })
  return { ...names, conversationId, annActor: ann, say }
}

test('a start and a stop are told once each, to the others, on no device of who types', async () => {
  const { ann, bob, conversationId, say } = await place()
  await using a = await device(ann)
  await using phone = await device(ann)
  await using b = await device(bob)
  for (const typing of [false, true, true, false, false])
    await a.client.api.typing.set.mutate({ conversationId, typing })
  await say('hi')
  expect(await b.words(3)).toEqual([`${ann} types`, `${ann} stops`, `${bob}: hi`])
  expect(await a.words(1)).toEqual([`${bob}: hi`])
  expect(await phone.words(1)).toEqual([`${bob}: hi`])
})

test('said to a user, it is told in the direct conversation of the two, if there is one; else nothing happens', async () => {
  const { ann, bob, annActor } = await place()
  await using a = await device(ann)
  await using b = await device(bob)
  const { set } = a.client.api.typing
  for (const to of [bob, ann, 'nobody at all']) expect(await set.mutate({ to, typing: true })).toEqual({})
  const { conversationId } = await backend.core.execute(annActor, 'message.send', { to: bob, content: 'hi' })
  for (const typing of [true, true, false]) await set.mutate({ to: bob, typing })
  await set.mutate({ conversationId, typing: true })
  expect(await b.words(4)).toEqual([`${ann}: hi`, `${ann} types`, `${ann} stops`, `${ann} types`])
  expect(b.heard.items[1]?.payload).toMatchObject({ conversationId })
  for (const input of [{ typing: true }, { conversationId, to: bob, typing: true }])
    await expect(backend.core.execute(annActor, 'typing.set', input)).rejects.toMatchObject({ code: 'INVALID_INPUT' })
})

test('it ends by itself, and the next start is told again', async () => {
  const { ann, bob, conversationId } = await place()
  await using a = await device(ann)
  await using b = await device(bob)
  a.client.conversation(conversationId).typing()
  expect(await b.words(2)).toEqual([`${ann} types`, `${ann} stops`])
  a.client.conversation(conversationId).typing()
  expect((await b.words(3)).at(-1)).toBe(`${ann} types`)
})

test('it ends with the message, behind it, and with the last connection', async () => {
  const { ann, bob, conversationId, say, annActor } = await place()
  const a = await device(ann)
  const phone = await device(ann)
  await using b = await device(bob)
  await a.client.api.typing.set.mutate({ conversationId, typing: true })
  await say('not hers')
  await say('hers', annActor)
  const told = [`${ann} types`, `${bob}: not hers`, `${ann}: hers`, `${ann} stops`]
  expect(await b.words(4)).toEqual(told)
  await a.client.api.typing.set.mutate({ conversationId, typing: true })
  await phone.client.close()
  await b.words(5)
  await say('still there')
  await b.words(6)
  await a.client.close()
  expect((await b.words(7)).slice(4)).toEqual([`${ann} types`, `${bob}: still there`, `${ann} stops`])
})

describe('by the clock', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  function watched(options: Partial<TypingOptions> = {}) {
    const told: string[] = []
    const watchers = new Set<Watcher>()
    const typing = new Typing({
      hub: {
        watch: (watcher) => {
          watchers.add(watcher)
          return () => watchers.delete(watcher)
        },
        cast: (event) => event.name === 'typing.changed' && told.push(word(event)),
      },
      now: Date.now,
      ...options,
    })
    const start = (userId: string, conversationId = 'c') => typing.start({ userId, name: userId, conversationId })
    return { typing, start, told, watchers }
  }

  test('a start lasts 3 s from the last one', () => {
    const { start, told } = watched()
    expect(start('ann')).toBe(true)
    for (let n = 0; n < 5; n++) {
      vi.advanceTimersByTime(2_900)
      expect(start('ann')).toBe(false)
    }
    vi.advanceTimersByTime(2_999)
    expect(told).toEqual([])
    vi.advanceTimersByTime(1)
    expect(told).toEqual(['ann stops'])
    vi.advanceTimersByTime(60_000)
    expect(told).toHaveLength(1)
  })

  test('beyond the limit nobody is told, until somebody has ended', () => {
    const { typing, start, told } = watched({ limit: 2 })
    expect([start('ann'), start('ann', 'd'), start('bob'), start('ann')]).toEqual([true, true, false, false])
    expect(typing.stop('ann', 'd')).toBe(true)
    expect([start('bob'), start('cid')]).toEqual([true, false])
    vi.advanceTimersByTime(3_000)
    expect(told).toEqual(['ann stops', 'bob stops'])
    expect([start('cid'), start('dan')]).toEqual([true, true])
  })

  test('closed, it tells nothing more and keeps no timer', () => {
    const { typing, start, told, watchers } = watched()
    start('ann')
    start('bob', 'd')
    typing.close()
    expect(vi.getTimerCount()).toBe(0)
    expect(watchers.size).toBe(0)
    vi.advanceTimersByTime(10_000)
    expect(told).toEqual([])
  })
})
