/** Calls, tokens, errors and the end of a client, against a real server. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { TRPCClientError } from '@trpc/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type ClientOptions,
  type ConnectionState,
  createClient,
  isParleyError,
  type Parley,
  type ParleyError,
  type Token,
} from '../../client/index.ts'
import { startServer, type TestServer } from '../harness.ts'
import { Inbox } from '../inbox.ts'
import { startProxy } from '../proxy.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

const connect = (token: Token, options: Partial<ClientOptions> = {}) =>
  createClient({ url: server.url, token, backoff: () => Math.random() * 20, ...options })

/** The failure of a call; fails if it succeeds. */
const failure = async (call: PromiseLike<unknown>): Promise<ParleyError> => {
  const error = await Promise.resolve(call).then(
    (value) => new Error(`it succeeded: ${JSON.stringify(value)}`),
    (error: unknown) => error,
  )
  if (!isParleyError(error)) throw error
  return error
}

const states = (client: Parley) => {
  const inbox = new Inbox<ConnectionState>()
  inbox.push(client.connection.state)
  client.connection.onChange(inbox.push)
  return inbox
}
const reaches = (inbox: Inbox<ConnectionState>, state: ConnectionState) => inbox.next((now) => now === state, state)

describe('errors', () => {
  test('what the server refuses has its code', async () => {
    await using ann = connect(server.token('ann'))
    await using eve = connect(server.token('eve'))
    await eve.api.user.me.query({})
    const { conversation } = await ann.api.conversation.create.mutate({ kind: 'group', title: 'ours' })
    const send = (client: Parley, conversationId: string, content: string) =>
      failure(client.api.message.send.mutate({ conversationId, content }))

    const missing = await send(ann, 'nowhere', 'hi')
    expect(missing).toMatchObject({ name: 'ParleyError', code: 'NOT_FOUND', retry: false, message: expect.any(String) })
    expect(missing).toBeInstanceOf(TRPCClientError)
    expect(missing.data?.app).toMatchObject({ code: 'NOT_FOUND' })
    expect(await send(eve, conversation.id, 'hi')).toMatchObject({ code: 'FORBIDDEN', retry: false })
    expect(await send(ann, conversation.id, '')).toMatchObject({ code: 'INVALID_INPUT', retry: false })
    const refused = eve.conversation(conversation.id).send('hi')
    expect(await failure(refused)).toMatchObject({ code: 'FORBIDDEN' })
    expect(refused).toMatchObject({ status: 'failed', error: { code: 'FORBIDDEN' } })
  })

  test('a request that is too big is one that is too big, and the next one passes', async () => {
    await using ann = connect(server.token('ann'))
    const { conversation } = await ann.api.conversation.create.mutate({ kind: 'group' })
    const chat = ann.conversation(conversation.id)
    const [big, small] = [chat.send('x'.repeat(400_000)), chat.send('small')]
    expect(await failure(big)).toMatchObject({ code: 'TOO_LARGE', retry: false })
    expect(await small).toMatchObject({ content: 'small', seq: 1 })
  })

  test('more calls at once than a server takes wait for their turn', async () => {
    await using ann = connect(server.token('ann'))
    const answers = await Promise.all(Array.from({ length: 300 }, () => ann.api.user.me.query({})))
    expect(answers.every(({ id }) => id === 'ann')).toBe(true)
  })

  test('no answer in time is TIMEOUT, no connection UNAVAILABLE, the own signal ABORTED', async () => {
    await using proxy = await startProxy(server.url)
    await using ann = connect(server.token('ann'), { url: proxy.url, timeoutMs: 100 })
    await ann.api.user.me.query({}, { context: { timeoutMs: 10_000 } })
    proxy.stall(true)
    expect(await failure(ann.api.user.me.query({}))).toMatchObject({ code: 'TIMEOUT', retry: true })
    const abort = new AbortController()
    const aborted = failure(ann.api.user.me.query({}, { signal: abort.signal }))
    abort.abort()
    expect(await aborted).toMatchObject({ code: 'ABORTED', retry: false })
    expect(await failure(ann.api.user.me.query({}, { signal: abort.signal }))).toMatchObject({ code: 'ABORTED' })
    const seen = states(ann)
    proxy.refuse(true)
    proxy.cut()
    await reaches(seen, 'offline')
    expect(await failure(ann.api.user.me.query({}))).toMatchObject({ code: 'UNAVAILABLE', retry: true })
    expect(ann.connection.error).toMatchObject({ code: 'UNAVAILABLE' })
  })

  test('when the connection drops, a read is asked again, a write in flight is UNAVAILABLE', async () => {
    await using proxy = await startProxy(server.url)
    await using ann = connect(server.token('ann'), { url: proxy.url })
    await ann.api.user.me.query({})
    proxy.stall(true)
    const [read, write] = [ann.api.user.me.query({}), ann.api.conversation.create.mutate({ kind: 'group' })]
    const seen = states(ann)
    proxy.cut()
    await reaches(seen, 'offline')
    expect(await failure(write)).toMatchObject({ code: 'UNAVAILABLE', retry: true })
    proxy.stall(false)
    expect(await read).toMatchObject({ id: 'ann' })
  })

  test('a server that stops answers what is in flight, and the client leaves it at once', async () => {
    const stopping = await startServer()
    await using ann = connect(stopping.token('ann'), { url: stopping.url })
    await ann.ready()
    const seen = states(ann)
    const writes = Array.from({ length: 20 }, (_, n) =>
      ann.api.conversation.create.mutate({ kind: 'group', title: `${n}` }),
    )
    await writes[0]
    const before = Date.now()
    const closed = stopping.close()
    const titles = (await Promise.all(writes)).map(({ conversation }) => conversation.title)
    expect(titles).toEqual(Array.from({ length: 20 }, (_, n) => `${n}`))
    await reaches(seen, 'offline')
    await closed
    // Well before the server would cut it off.
    expect(Date.now() - before).toBeLessThan(4_000)
  })

  test('a url that leads nowhere and a cursor that is none are refused at once', async () => {
    await using ann = connect('x', { cursor: 'yesterday' })
    expect(() => ann.on('message.created', () => {})).toThrow('Not a cursor: "yesterday"')
    expect(() => ann.events({ cursor: '' })).toThrow(TypeError)
    expect(() => connect('x', { url: 'localhost:4000' })).toThrow(TypeError)
    expect(() => connect('x', { url: 'ftp://localhost' })).toThrow('The url must begin with')
  })
})

describe('tokens', () => {
  test('a token that is refused closes the client, and everything says why', async () => {
    await using ann = connect('forged')
    const seen = states(ann)
    const errors = new Inbox<ParleyError>()
    ann.on('error', errors.push)
    const events = ann.events()
    const calls = await Promise.all([
      failure(ann.api.user.me.query({})),
      failure(ann.ready()),
      failure(events.next()),
      failure(ann.conversation('c').send('hi')),
    ])
    for (const error of calls) expect(error).toMatchObject({ code: 'UNAUTHENTICATED', retry: false })
    await reaches(seen, 'closed')
    expect(ann.connection.error).toMatchObject({ code: 'UNAUTHENTICATED' })
    expect((await errors.count(1, 'the error'))[0]).toMatchObject({ code: 'UNAUTHENTICATED' })
    expect(await failure(ann.api.user.me.query({}))).toMatchObject({ code: 'UNAUTHENTICATED' })
  })

  test('a client that only waits is told as well', async () => {
    await using ann = connect('forged')
    await reaches(states(ann), 'closed')
    expect(ann.connection.error).toMatchObject({ code: 'UNAUTHENTICATED' })
  })

  test('a function is asked once more when its token is refused, and nobody notices', async () => {
    const asked: boolean[] = []
    await using ann = connect(async ({ refused }) => {
      asked.push(refused)
      return refused ? server.token('ann') : 'stale'
    })
    const [me, created] = await Promise.all([
      ann.api.user.me.query({}),
      ann.api.conversation.create.mutate({ kind: 'group' }),
      ann.ready(),
    ])
    expect(me).toMatchObject({ id: 'ann' })
    expect(created.created).toBe(true)
    expect(asked).toEqual([false, true])
  })

  test('a function whose tokens are refused twice is not asked for ever', async () => {
    let asked = 0
    await using ann = connect(() => {
      asked++
      return 'forged'
    })
    expect(await failure(ann.api.user.me.query({}))).toMatchObject({ code: 'UNAUTHENTICATED' })
    await reaches(states(ann), 'closed')
    expect(asked).toBe(2)
  })

  test('a function that fails is asked again later', async () => {
    let asked = 0
    await using ann = connect(async () => {
      if (++asked < 3) throw new Error('no network')
      return server.token('ann')
    })
    const seen = states(ann)
    expect(await ann.api.user.me.query({})).toMatchObject({ id: 'ann' })
    expect(asked).toBe(3)
    expect(seen.items).toEqual(['connecting', 'offline', 'online'])
  })

  test('it is asked at every reconnect, and when a token runs out', async () => {
    await using proxy = await startProxy(server.url)
    let asked = 0
    await using ann = connect(() => server.token('ann', {}, ++asked === 2 ? 1 : 3_600), { url: proxy.url })
    await ann.ready()
    const seen = states(ann)
    proxy.cut()
    await reaches(seen, 'offline')
    await reaches(seen, 'online')
    expect(asked).toBe(2)
    await reaches(seen, 'offline')
    expect(ann.connection.error).toMatchObject({ message: 'token expired' })
    await reaches(seen, 'online')
    expect(asked).toBe(3)
    expect(await ann.api.user.me.query({})).toMatchObject({ id: 'ann' })
  })
})

describe('listeners and streams', () => {
  test('one that throws hinders nobody, one that is off hears nothing', async () => {
    await using ann = connect(server.token('ann'))
    const heard = new Inbox<string>()
    const uncaught = once(process, 'uncaughtException')
    const others = process.listeners('uncaughtException')
    // Vitest's own listener would count it against this file.
    for (const other of others.slice(0, -1)) process.off('uncaughtException', other)
    ann.on('message.created', () => {
      throw new Error('of the app')
    })
    const off = ann.on('message.created', () => heard.push('off'))
    ann.on('message.created', ({ payload }) => heard.push(payload.message.content))
    off()
    await ann.ready()
    const { conversation } = await ann.api.conversation.create.mutate({ kind: 'group' })
    await ann.conversation(conversation.id).send('hi')
    await heard.count(1, 'the message')
    const [error] = await uncaught
    for (const other of others.slice(0, -1)) process.on('uncaughtException', other)
    expect(error).toMatchObject({ message: 'of the app' })
    expect(heard.items).toEqual(['hi'])
  })

  test('other subscriptions go over the same connection, and are resumed', async () => {
    await using proxy = await startProxy(server.url)
    await using ann = connect(server.token('ann'), { url: proxy.url })
    const { conversation } = await ann.api.conversation.create.mutate({ kind: 'group' })
    const heard = new Inbox<string>()
    const started = new Inbox<string>()
    const subscription = ann.api.message.onEvent.subscribe(
      { conversationId: conversation.id },
      {
        onStarted: () => started.push('started'),
        onData: ({ data }) => {
          for (const event of data) heard.push(event.name)
        },
      },
    )
    await started.count(1, 'started')
    const chat = ann.conversation(conversation.id)
    await chat.send('1')
    await heard.count(1, 'the first')
    proxy.cut()
    await chat.send('2')
    await heard.count(2, 'the second')
    expect(proxy.connections).toBe(2)
    subscription.unsubscribe()
    await chat.send('3')
    expect(heard.items).toEqual(['message.created', 'message.created'])
  })
})

describe('close', () => {
  test('ends iterators, fails what is pending, refuses what comes after', async () => {
    await using proxy = await startProxy(server.url)
    const ann = connect(server.token('ann'), { url: proxy.url })
    const iterated = (async () => {
      for await (const _ of ann.events());
      return 'done'
    })()
    const abort = new AbortController()
    const aborted = ann.events({ signal: abort.signal }).next()
    abort.abort()
    expect(await aborted).toEqual({ done: true, value: undefined })
    await ann.ready()
    proxy.stall(true)
    const pending = ann.conversation('c').send('hi')
    const call = failure(ann.api.user.me.query({}))
    await ann.close()
    expect(await iterated).toBe('done')
    expect(await failure(pending)).toMatchObject({ code: 'CLOSED', retry: false })
    expect(await call).toMatchObject({ code: 'CLOSED' })
    expect(ann.connection.state).toBe('closed')
    expect(await failure(ann.api.user.me.query({}))).toMatchObject({ code: 'CLOSED' })
    expect(await failure(ann.conversation('c').send('hi'))).toMatchObject({ code: 'CLOSED' })
    expect(await failure(ann.ready())).toMatchObject({ code: 'CLOSED' })
    expect(await ann.events().next()).toEqual({ done: true, value: undefined })
    await ann.close()
  })

  test('leaves nothing behind: the process ends by itself, connected or trying to be', async () => {
    const script = `
      import { createClient } from './client/index.ts'
      const [url, token] = process.argv.slice(2)
      const online = createClient({ url, token })
      online.on('message.created', () => {})
      await online.ready()
      online.conversation('nowhere').send('hi')
      const offline = createClient({ url: 'http://127.0.0.1:9', token, backoff: () => 60_000 })
      offline.on('message.created', () => {})
      offline.conversation('nowhere').send('hi')
      await new Promise((resolve) => offline.connection.onChange(resolve))
      await Promise.all([online.close(), offline.close()])
      console.log('closed')
    `
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', '--input-type=module', '-', server.url, server.token('ann')],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    )
    child.stdin.end(script)
    const kill = setTimeout(() => child.kill(), 20_000)
    let closedAt = 0
    child.stdout.once('data', () => {
      closedAt = Date.now()
    })
    const [code] = await once(child, 'exit')
    clearTimeout(kill)
    expect(code).toBe(0)
    expect(Date.now() - closedAt).toBeLessThan(5_000)
  })
})
