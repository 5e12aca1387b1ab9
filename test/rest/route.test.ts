/** What a route does, whatever the system: who asks, what is checked, which command runs, in which words it answers. */
import type { AddressInfo } from 'node:net'
import fastify, { type FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { answers, fieldsOf, group } from '../../server/dialects/rest.ts'
import { enabledGroups, registerRest } from '../../server/transports/rest.ts'
import { statedLimits } from '../../server/transports/socketio/limits.ts'
import { AppError } from '../../shared/errors.ts'
import { startServer, type TestServer } from '../harness.ts'
import { type Asking, ask } from './ask.ts'

const Said = z.object({ id: z.string(), text: z.string() })
const Wrong = z.object({ error: z.string(), code: z.string(), fields: z.record(z.string(), z.string()) })
const said = answers(Said)

const example = group({ name: 'example', failure: Wrong }).define({
  base: '/example',
  cookie: true,
  envelope: {
    schema: (answer) => z.object({ ok: z.literal(true), data: answer, message: z.string() }),
    payload: (data, message) => ({ ok: true, data, message }),
  },
  error: (error) => ({ error: error.message, code: error.code, fields: fieldsOf(error) }),
  routes: [
    said.route('POST /to/:userId', {
      command: 'message.send',
      body: z.object({ text: z.string().min(1).max(20) }),
      input: ({ params, body, id }) => ({ to: params.userId, content: body.text, clientId: id }),
      introduces: ({ params }) => params.userId,
      status: 201,
      message: 'Sent',
      payload: ({ id, content }) => ({ id, text: content }),
    }),
    said.route('GET /messages/:id', {
      command: 'message.get',
      query: z.object({ loud: z.stringbool().default(false) }),
      input: ({ params }) => ({ messageId: params.id }),
      bare: true,
      payload: ({ id, content }, { query }) => ({ id, text: query.loud ? content.toUpperCase() : content }),
      fail: (error) => (error.code === 'NOT_FOUND' ? new AppError('NOT_FOUND', 'No such words') : error),
    }),
    said.choice('PATCH /messages/:id', (when) => [
      when({
        command: 'message.edit',
        body: z.object({ text: z.string() }),
        input: ({ params, body }) => ({ messageId: params.id, content: body.text }),
        payload: ({ id, content }) => ({ id, text: content }),
      }),
      when({
        command: 'message.markRead',
        body: z.object({ read: z.literal(true) }),
        input: ({ params }) => ({ messageId: params.id }),
        more: (execute, _, { params }) => execute('message.get', { messageId: params.id }),
        payload: ({ changed }, _, { id, content }) => ({ id, text: `${content}, ${changed} read` }),
      }),
    ]),
    answers(z.object({ who: z.string(), connection: z.string() })).route('GET /me', {
      command: 'user.me',
      input: () => ({}),
      bare: true,
      payload: ({ id }, { actor }) => ({ who: id, connection: actor.connectionId }),
    }),
  ],
})

const ALLOWANCE = { COMMAND_LIMIT: '100', COMMAND_WINDOW: '60000' }

let server: TestServer
let http: FastifyInstance
let url: string
beforeAll(async () => {
  server = await startServer({ env: { CLIENT_ORIGIN: 'https://app.example', RPC_MAX_PAYLOAD: '2000', ...ALLOWANCE } })
  const { core, system, auth, config } = server.app
  http = fastify({ routerOptions: { maxParamLength: 1_152 } })
  await registerRest(http, {
    core,
    system,
    authenticate: auth.authenticate,
    limit: statedLimits(),
    config,
    groups: [example],
  })
  await http.listen({ port: 0, host: '127.0.0.1' })
  // It listens on a port, not on a pipe.
  url = `http://127.0.0.1:${(http.server.address() as AddressInfo).port}/example`
})
afterAll(async () => {
  await http?.close()
  await server?.close()
})

const call = (place: string, asking?: Asking) => ask(url, place, asking)
const as = (userId: string, body?: unknown): Asking => ({ token: server.token(userId), body })
async function sent(from: string, to: string, text = 'hi'): Promise<string> {
  const { body } = await call(`POST /to/${to}`, as(from, { text }))
  return z.object({ data: Said }).parse(body).data.id
}

test('parameters and body become the command; status, envelope and message are the route’s', async () => {
  await server.actor('bob')
  const { status, body, headers } = await call('POST /to/bob', as('ann', { text: 'hello', senderId: 'eve' }))
  expect([status, headers.get('cache-control')]).toEqual([201, 'no-store'])
  expect(body).toEqual({ ok: true, message: 'Sent', data: { id: expect.any(String), text: 'hello' } })
})

test('without an envelope where the route says so; the query is read', async () => {
  const id = await sent('cat', 'dan')
  expect(await call(`GET /messages/${id}?loud=true&unknown=1`, as('dan'))).toMatchObject({
    status: 200,
    body: { id, text: 'HI' },
  })
})

test('a user whom a route introduces is created; elsewhere an unknown one is not found', async () => {
  expect((await call('POST /to/nobody%20yet', as('eve', { text: 'x' }))).status).toBe(201)
  const eve = await server.actor('eve')
  expect(await server.app.core.execute(eve, 'user.get', { userId: 'nobody yet' })).toMatchObject({ id: 'nobody yet' })
})

test('the body decides the command, and the answer may need another one', async () => {
  const id = await sent('fay', 'gus')
  expect((await call(`PATCH /messages/${id}`, as('fay', { text: 'better' }))).body).toMatchObject({
    data: { id, text: 'better' },
  })
  expect((await call(`PATCH /messages/${id}`, as('gus', { read: true }))).body).toMatchObject({
    data: { id, text: 'better, 1 read' },
  })
  for (const body of [{ read: false }, {}, [], null, 'text', undefined])
    expect(await call(`PATCH /messages/${id}`, as('gus', body))).toMatchObject({
      status: 400,
      body: { code: 'INVALID_INPUT' },
    })
})

test('failures have the status of their code and the words of the group, or of the route', async () => {
  const id = await sent('hal', 'ida')
  expect(await call('GET /messages/none', as('hal'))).toMatchObject({
    status: 404,
    body: { error: 'No such words', code: 'NOT_FOUND', fields: {} },
  })
  expect(await call(`PATCH /messages/${id}`, as('ida', { text: 'forged' }))).toMatchObject({
    status: 403,
    body: { code: 'FORBIDDEN' },
  })
  expect(await call('POST /to/hal', as('ida', { text: '' }))).toMatchObject({
    status: 400,
    body: { code: 'INVALID_INPUT', error: expect.stringMatching(/^text: /), fields: { text: expect.any(String) } },
  })
})

test('parameters are ids: long ones in any script, and nothing else', async () => {
  const long = 'ü'.repeat(128)
  expect((await call(`POST /to/${encodeURIComponent(long)}`, as('jan', { text: 'x' }))).status).toBe(201)
  for (const id of ['a%00b', '%0A', 'x'.repeat(129)])
    expect([id, (await call(`GET /messages/${id}`, as('jan'))).status]).toEqual([id, 400])
})

test('only JSON comes in, and not too much of it; a body may be missing where nothing is needed', async () => {
  const post = (asking: Asking) => call('POST /to/ann', { token: server.token('kim'), ...asking })
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  for (const [asking, status] of [
    [{ body: 'text=hi', headers: form }, 400],
    [{ body: '{"text":"hi"}', headers: { 'content-type': 'text/plain' } }, 400],
    [{ body: '{' }, 400],
    [{ body: '{"__proto__":{"text":"hi"}}' }, 400],
    [{ body: '' }, 400],
    [{}, 400],
    [{ body: { text: 'x', more: 'x'.repeat(2_000) } }, 413],
    [{ body: { text: 'x' } }, 201],
  ] as const)
    expect([asking, (await post(asking)).status]).toEqual([asking, status])
  const empty = await call('PATCH /messages/none', as('kim', ''))
  expect(empty.body).toMatchObject({ error: expect.stringMatching(/^text: /) })
})

describe('who asks', () => {
  const me = async (headers: Record<string, string>) => (await call('GET /me', { headers })).body

  test('a token in the header, in `access-token` or in the cookie; each request is a connection of its own', async () => {
    const token = server.token('lea')
    const bodies = [
      await me({ authorization: `Bearer ${token}` }),
      await me({ 'access-token': token }),
      await me({ 'access-token': `Bearer ${token}` }),
      await me({ cookie: `a=b; token=${encodeURIComponent(token)}` }),
      await me({ authorization: `Bearer ${token}`, cookie: `token=${server.token('mia')}` }),
    ].map((body) => z.object({ who: z.string(), connection: z.string() }).parse(body))
    expect(bodies.map(({ who }) => who)).toEqual(['lea', 'lea', 'lea', 'lea', 'lea'])
    expect(new Set(bodies.map(({ connection }) => connection)).size).toBe(5)
  })

  test('without a token, with a bad one or an expired one: 401 in the words of the group', async () => {
    const said = [
      await me({}),
      await me({ cookie: 'token=' }),
      await me({ authorization: 'Bearer x' }),
      await me({ authorization: `Bearer ${server.token('ned', {}, -1)}` }),
    ].map((body) => Wrong.parse(body))
    expect(said.map(({ code, error }) => `${code} ${error}`)).toEqual([
      'UNAUTHENTICATED Authentication token required',
      'UNAUTHENTICATED Authentication token required',
      'UNAUTHENTICATED Invalid authentication token',
      'UNAUTHENTICATED The token has expired',
    ])
    expect((await call('GET /me')).status).toBe(401)
  })

  test('a foreign page writes nothing with the cookie that a browser adds by itself', async () => {
    const cookie = `token=${server.token('ona')}`
    const write = async (headers: Record<string, string>) =>
      (await call('POST /to/ann', { body: { text: 'x' }, headers: { cookie, ...headers } })).status
    const own = url.replace(/\/example$/, '')
    expect(await write({ origin: 'https://evil.example' })).toBe(403)
    expect(await write({ origin: 'null' })).toBe(403)
    expect(await write({ 'sec-fetch-site': 'cross-site' })).toBe(403)
    expect(await write({ origin: 'https://app.example', 'sec-fetch-site': 'cross-site' })).toBe(201)
    expect(await write({ origin: own })).toBe(201)
    expect(await write({})).toBe(201)
    const token = server.token('ona')
    const bearer = { origin: 'https://evil.example', authorization: `Bearer ${token}` }
    expect(await write(bearer)).toBe(201)
  })
})

test('too many commands: 429, and when to come back', async () => {
  const pia = await server.actor('pia')
  const commands = Array.from({ length: 101 }, () => server.app.core.execute(pia, 'user.me', {}))
  const outcomes = await Promise.allSettled(commands)
  expect(outcomes.at(-1)).toMatchObject({ status: 'rejected' })
  const { status, headers, body } = await call('GET /me', as('pia'))
  expect([status, body]).toMatchObject([429, { code: 'RATE_LIMITED' }])
  expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
  expect(Number(headers.get('retry-after'))).toBeLessThanOrEqual(60)
})

test('groups are where the operator wants them; two that want the same place are refused at the start', () => {
  const { socketio } = server.app.config
  const other = { ...example, name: 'other', base: '' }
  const bases = (restPrefixes: Record<string, string>, dialects = ['example', 'other']) =>
    enabledGroups({ socketio: { ...socketio, dialects }, restPrefixes }, [example, other]).map(({ base }) => base)
  expect(bases({ other: '/moved' })).toEqual(['/example', '/moved'])
  expect(bases({}, ['other'])).toEqual([''])
  expect(() => bases({ other: '/example' })).toThrow('POST /example/to/:id is of example and of other: move one')
})
