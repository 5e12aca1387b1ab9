import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createClient } from '../../client/index.ts'
import type { Bot } from '../../server/app.ts'
import { botActor } from '../../server/auth.ts'
import { Follower, type FollowerOptions } from '../../server/core/follower.ts'
import type { Store } from '../../server/core/ports.ts'
import { openStore } from '../../server/store/store.ts'
import { AppError } from '../../shared/errors.ts'
import type { Message } from '../../shared/model.ts'
import { startServer, type TestServer } from '../harness.ts'
import { Inbox } from '../inbox.ts'
import { lastingDatabase, nativeDatabase, withoutNative } from '../store/databases.ts'

let server: TestServer
const heard: string[] = []
beforeAll(async () => {
  server = await startServer({ bots: [echo('echo'), echo('echo2')] })
})
afterAll(() => server?.close())

const text = (message: Message) => `${message.senderId}: ${message.content}`

async function device(on: TestServer, userId: string) {
  const client = createClient({ url: on.url, token: on.token(userId) })
  const heard = new Inbox(text)
  client.on('message.created', (event) => heard.push(event.payload.message))
  await client.ready()
  return { api: client.api, heard, [Symbol.asyncDispose]: () => client.close() }
}

const echo = (userId: string): Bot => ({
  userId,
  name: userId,
  async onMessage(message, act) {
    heard.push(`${userId} < ${text(message)}`)
    await act.reply(`${message.content}!`, { metadata: { by: userId } })
    await act.execute('message.react', { messageId: message.id, reaction: userId })
  },
})

let bots = 0
/** A bot of its own on the shared server. `handled`: the texts that its handler has done with; `failed`: what was logged. */
async function startBot(onMessage: Bot['onMessage'], options: Partial<FollowerOptions> = {}, userId = `bot${++bots}`) {
  const { core, store, system } = server.app
  const handled = new Inbox<string>()
  const failed = new Inbox<string>()
  const bot: Bot = {
    ...{ userId, name: userId },
    async onMessage(message, act) {
      await onMessage(message, act)
      handled.push(message.content)
    },
  }
  await core.execute(system, 'user.upsert', { id: userId, name: userId, role: 'bot' })
  const follower = new Follower({
    ...{ bot, core, store, actor: botActor(bot, userId), bots: new Set([userId]) },
    onError: (error, doing) => failed.push(`${doing}: ${error instanceof Error ? error.message : error}`),
    ...options,
  })
  await follower.start()
  return { userId, handled, failed, stop: () => follower.stop(), [Symbol.asyncDispose]: () => follower.stop() }
}

/** Somebody, and a way for them to write to a user. */
async function somebody(name: string) {
  const actor = await server.actor(name)
  return (to: string, content: string) => server.app.core.execute(actor, 'message.send', { to, content })
}

describe('a handler', () => {
  test('gets the messages of its conversations, not its own, nor those of other bots, and answers by commands', async () => {
    await using ann = await device(server, 'ann')
    const memberIds = ['echo', 'echo2']
    const { conversation } = await ann.api.conversation.create.mutate({ kind: 'group', memberIds })
    const { id: conversationId } = conversation
    const { id } = await ann.api.message.send.mutate({ conversationId, content: 'one' })
    const replies = (await ann.heard.count(3, 'two answers')).slice(1)
    expect(replies.map((reply) => [reply.replyTo, reply.type, reply.content, reply.metadata]).sort()).toEqual([
      [id, 'text', 'one!', { by: 'echo' }],
      [id, 'text', 'one!', { by: 'echo2' }],
    ])
    await ann.api.message.send.mutate({ conversationId, content: 'two' })
    await ann.heard.count(6, 'two more answers')
    expect(heard.sort()).toEqual(memberIds.flatMap((bot) => [`${bot} < ann: one`, `${bot} < ann: two`]).sort())
    expect(await ann.api.user.get.query({ userId: 'echo' })).toMatchObject({ role: 'bot' })
    await expect(server.actor('echo')).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
    await expect(server.actor('support-bot')).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
  })

  test('gets one conversation in order, and several side by side', async () => {
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    await using bot = await startBot((message) => (message.content === 'held' ? held : Promise.resolve()))
    const [ann, bob] = [await somebody('ann'), await somebody('bob')]
    for (const content of ['held', 'next', 'last']) await ann(bot.userId, content)
    for (const content of ['one', 'two']) await bob(bot.userId, content)
    expect(await bot.handled.count(2, 'those of bob')).toEqual(['one', 'two'])
    release()
    expect(await bot.handled.count(5, 'all')).toEqual(['one', 'two', 'held', 'next', 'last'])
  })

  test('that fails is called once more, then the message is passed over', async () => {
    let calls = 0
    await using bot = await startBot(async ({ content }) => {
      calls++
      if (content === 'bad' || (content === 'lame' && calls === 3)) throw new Error(`call ${calls}`)
    })
    const ann = await somebody('ann')
    for (const content of ['bad', 'lame', 'good']) await ann(bot.userId, content)
    expect(await bot.handled.count(2, 'what it can do')).toEqual(['lame', 'good'])
    expect(bot.failed.items.map((line) => line.replace(/message \w+/, 'message'))).toEqual([
      `${bot.userId} failed on message, attempt 1 of 2: call 1`,
      `${bot.userId} failed on message, attempt 2 of 2: call 2`,
      `${bot.userId} failed on message, attempt 1 of 2: call 3`,
    ])
  })

  test('that takes too long can do nothing more, and holds up nothing for ever', async () => {
    const late = new Inbox<string>()
    const slow: Bot['onMessage'] = async ({ content }, act) => {
      if (content !== 'slow') return
      await new Promise((resolve) => act.signal.addEventListener('abort', resolve))
      await act.reply('too late').catch((error: Error) => late.push(error.message))
      await new Promise(() => {})
    }
    await using bot = await startBot(slow, { attemptMs: 50 })
    const ann = await somebody('ann')
    await ann(bot.userId, 'slow')
    await ann(bot.userId, 'next')
    expect(await bot.handled.count(1, 'the next')).toEqual(['next'])
    expect(await late.count(2, 'two refusals')).toEqual(['took longer than 50 ms', 'took longer than 50 ms'])
    expect(bot.failed.items).toHaveLength(2)
  })

  test('waits while the server cannot serve it', async () => {
    let calls = 0
    await using bot = await startBot(async () => {
      if (++calls <= 3) throw new AppError('UNAVAILABLE')
    })
    const ann = await somebody('ann')
    await ann(bot.userId, 'patience')
    await bot.handled.count(1, 'the message')
    expect([calls, bot.failed.items]).toEqual([4, []])
  })

  test('does not get what is deleted before its turn, and gets what is edited as it is', async () => {
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    await using bot = await startBot((message) => (message.content === 'held' ? held : Promise.resolve()))
    const [ann, actor] = [await somebody('ann'), await server.actor('ann')]
    const sent = []
    for (const content of ['held', 'secret', 'draft', 'last']) sent.push((await ann(bot.userId, content)).id)
    await server.app.core.execute(actor, 'message.delete', { messageId: sent[1] ?? '' })
    await server.app.core.execute(actor, 'message.edit', { messageId: sent[2] ?? '', content: 'final' })
    release()
    expect(await bot.handled.count(3, 'the others')).toEqual(['held', 'final', 'last'])
  })

  test('gets everything once and in order when more comes than there is room for', async () => {
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    await using bot = await startBot(() => held, { room: 5 })
    const ann = await somebody('ann')
    const all = Array.from({ length: 30 }, (_, n) => `text ${n}`)
    for (const content of all) await ann(bot.userId, content)
    release()
    expect(await bot.handled.count(30, 'all of it')).toEqual(all)
    await ann(bot.userId, 'live again')
    expect(await bot.handled.count(31, 'the next')).toEqual([...all, 'live again'])
    expect(bot.failed.items).toEqual([])
  })
})

describe('a bot that was stopped', () => {
  test('gets what came meanwhile and what it had not finished, and nothing from before its first start', async () => {
    const ann = await somebody('ann')
    const never: Bot['onMessage'] = ({ content }) =>
      content === 'never' ? new Promise(() => {}) : Promise.resolve(undefined)
    const first = await startBot(async () => {})
    const { userId } = first
    await ann(userId, 'done')
    await first.handled.count(1, 'the first message')
    await first.stop()
    await ann(userId, 'away')
    await ann(userId, 'never')
    const second = await startBot(never, { graceMs: 50 }, userId)
    await second.handled.count(1, 'what came meanwhile')
    await second.stop()
    await ann(userId, 'last')
    await using third = await startBot(async () => {}, {}, userId)
    await third.handled.count(2, 'the rest')
    expect([first.handled.items, second.handled.items, third.handled.items]).toEqual([
      ['done'],
      ['away'],
      ['never', 'last'],
    ])
    // Another bot, for the first time: the conversation is there before it begins.
    const { id } = await server.app.core.execute(server.app.system, 'user.upsert', { id: 'latecomer', role: 'bot' })
    await ann(id, 'before')
    await using late = await startBot(async () => {}, {}, id)
    await ann(id, 'after')
    expect(await late.handled.count(1, 'the first for it')).toEqual(['after'])
  })

  test('answers once, though a crash came between the answer and the cursor', async () => {
    await using database = await lastingDatabase()
    const handled = new Inbox<string>()
    const bot: Bot = {
      ...{ userId: 'echo', name: 'echo' },
      async onMessage({ id, content }, act) {
        await act.reply(`first to ${content}`)
        await act.reply(`second to ${content}`)
        handled.push(id)
      },
    }
    const { DATABASE_URL: databaseUrl, DATA_DIR: dataDir } = database.env
    const open = () => openStore({ databaseUrl, dataDir })
    const crashing = await startServer({ store: losesCursors(await open()), bots: [bot] })
    const ann = await device(crashing, 'ann')
    const { id, conversationId } = await ann.api.message.send.mutate({ to: 'echo', content: 'hello' })
    await handled.count(1, 'the message')
    await ann[Symbol.asyncDispose]()
    await crashing.close()

    await using again = await startServer({ store: await open(), bots: [bot] })
    await using back = await device(again, 'ann')
    expect(await handled.count(2, 'the message once more')).toEqual([id, id])
    const { messages } = await back.api.message.history.query({ conversationId })
    expect(messages.map(({ content }) => content)).toEqual(['hello', 'first to hello', 'second to hello'])
  })
})

/** A store that dies before any cursor but the first is saved. */
function losesCursors(store: Store): Store {
  let saves = 0
  return Object.create(store, {
    write: {
      value: <T>(run: Parameters<typeof store.write<T>>[0]) =>
        store.write((tx) =>
          run({
            ...tx,
            saveCursors: async (cursors) => {
              if (saves++ > 0) throw new AppError('UNAVAILABLE')
              await tx.saveCursors(cursors)
            },
          }),
        ),
    },
  })
}

test.skipIf(withoutNative())('two nodes on one database answer once', async () => {
  const database = await nativeDatabase()
  const handled = new Inbox<string>()
  const bot = (node: string): Bot => ({
    ...{ userId: 'echo', name: 'echo' },
    async onMessage({ content }, act) {
      await act.reply(`${content}!`)
      handled.push(`${node} ${content}`)
    },
  })
  try {
    const env = { DATABASE_URL: database.url }
    await using one = await startServer({ env, bots: [bot('one')] })
    await using two = await startServer({ env, bots: [bot('two')] })
    await using ann = await device(one, 'ann')
    await using phone = await device(two, 'ann')
    const { conversationId } = await ann.api.message.send.mutate({ to: 'echo', content: 'a' })
    await phone.api.message.send.mutate({ to: 'echo', content: 'b' })
    const both = await handled.count(4, 'both messages on both nodes')
    expect([...both].sort()).toEqual(['one a', 'one b', 'two a', 'two b'])
    const { messages } = await ann.api.message.history.query({ conversationId })
    expect(messages.map(({ content }) => content).sort()).toEqual(['a', 'a!', 'b', 'b!'])
    const heard = await phone.heard.count(4, 'all on the other node')
    expect(heard.map(({ content }) => content).sort()).toEqual(['a', 'a!', 'b', 'b!'])
  } finally {
    await database.drop()
  }
})
