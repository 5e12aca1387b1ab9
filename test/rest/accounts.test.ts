/** Sessions for clients that bring none: what each system's client sends and finds, and what is refused. */

import { request as plainRequest } from 'node:http'
import { io } from 'socket.io-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { peek } from '../../server/auth.ts'
import { claimsOf } from '../../server/dialects/account.ts'
import { dialects } from '../../server/dialects/index.ts'
import { createPasswords } from '../../server/passwords.ts'
import { SECRET, startServer, type TestServer } from '../harness.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer({ env: { SOCKETIO_HOSTS: 'rooms.example=rooms,shop.example=marketplace' } })
})
afterAll(() => server?.close())

const Account = z.looseObject({ id: z.string(), _id: z.string() })
/** What a test goes on with; the rest is compared as it came. */
const Body = z.looseObject({
  token: z.string().catch(''),
  user: Account.catch({ id: '', _id: '' }),
  data: z.looseObject({}).catch({}),
})
interface Reply {
  status: number
  body: z.output<typeof Body>
  cookie: string | null
  headers: Headers
}
async function ask(path: string, init: RequestInit & { to?: TestServer } = {}): Promise<Reply> {
  const response = await fetch(`${(init.to ?? server).url}${path}`, init)
  const text = await response.text()
  const { status, headers } = response
  return { status, body: Body.parse(JSON.parse(text)), cookie: headers.get('set-cookie'), headers }
}
const post = (path: string, body: unknown, headers: Record<string, string> = {}, to = server): Promise<Reply> =>
  ask(path, {
    ...{ method: 'POST', to, headers: { 'content-type': 'application/json', ...headers } },
    body: JSON.stringify(body),
  })
const PASSWORD = 'correct horse'
let counter = 0
const somebody = () => `user${++counter}`

describe('one answer in which each system finds what it looks for', () => {
  test('messenger: user, token, and a cookie that logs the next request in', async () => {
    const email = `${somebody()}@example.org`
    const made = await post('/api/auth/register', { username: 'Ann', email, password: PASSWORD })
    expect(made).toMatchObject({ status: 201, body: { user: { username: 'Ann', email, role: 'client' } } })
    expect(made.body.user._id).toMatch(/^[0-9a-f]{24}$/)
    expect(made.cookie).toBe(`token=${made.body.token}; Path=/; HttpOnly; SameSite=Lax; Max-Age=604800`)
    const me = await ask('/api/auth/me', { headers: { cookie: `token=${made.body.token}` } })
    expect(me).toMatchObject({ status: 200, body: { user: made.body.user } })
  })

  test('marketplace: the envelope', async () => {
    const email = `${somebody()}@example.org`
    await post('/api/auth/register', { fullName: 'Bob Builder', email, password: PASSWORD, role: 'craftsman' })
    const { status, body } = await post('/api/auth/login', { email, password: PASSWORD })
    expect(status).toBe(200)
    expect(body).toMatchObject({ success: true, message: 'Logged in', data: { token: body.token } })
    expect(body.data.user).toMatchObject({ fullName: 'Bob Builder', role: 'craftsman', email })
  })

  test('rooms: signup and signin answer 202, and the token is one of rooms', async () => {
    const username = somebody()
    const given = { username, email: `${username}@example.org`, password: PASSWORD }
    expect(await post('/api/auth/signup', given)).toMatchObject({ status: 202, body: { data: { username } } })
    const { status, body } = await post('/api/auth/signin', { email: given.email, password: PASSWORD })
    expect(status).toBe(202)
    expect(body.data).toMatchObject({ _id: body.user.id, username, token: body.token, accessToken: body.token })
    const { iat: _iat, exp: _exp, ...claims } = peek(body.token) ?? {}
    expect(claims).toEqual({ email: given.email, username, id: body.user.id })
    const me = await ask('/api/auth/me', { headers: { 'access-token': body.token } })
    expect(me.body.user).toMatchObject({ id: body.user.id, name: username, role: 'client' })
  })

  test('by e-mail or by name, without regard to case; logging out clears the cookie', async () => {
    const username = somebody()
    const email = `${username}@Example.org`
    await post('/api/auth/register', { username, email, password: PASSWORD })
    for (const login of [{ email: email.toUpperCase() }, { username: ` ${username} ` }])
      expect((await post('/api/auth/login', { ...login, password: PASSWORD })).status).toBe(200)
    // As clients send it that have nothing to say.
    const json = { 'content-type': 'application/json' }
    const left = await ask('/api/auth/logout', { method: 'POST', headers: json })
    expect((await ask('/api/auth/logout', { method: 'POST' })).status).toBe(200)
    expect(left).toMatchObject({ status: 200, body: { success: true } })
    expect(left.cookie).toBe('token=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0')
  })

  test('the token opens a socket, also by the cookie', async () => {
    const { body } = await post('/api/auth/register', { username: somebody(), password: PASSWORD })
    const extraHeaders = { cookie: `token=${body.token}` }
    for (const options of [{ auth: { token: body.token } }, { extraHeaders }]) {
      const socket = io(server.url, { ...options, forceNew: true, transports: ['websocket'], reconnection: false })
      const said = await new Promise((done) =>
        socket.on('connect', () => done('connected')).on('connect_error', (error) => done(error.message)),
      )
      socket.disconnect()
      expect(said).toBe('connected')
    }
  })
})

describe('claims', () => {
  const user = {
    ...{ id: 'ann', name: 'Ann', role: 'client', email: 'ann@example.org', avatar: null, schoolId: null },
    ...{ classIds: [], active: true, createdAt: new Date(0), updatedAt: new Date(0) },
  }
  const takenFor = (claims: object) => dialects.filter((page) => page.claims({ ...claims })).map(({ name }) => name)

  test('of no known system: nobody takes the token for theirs', () => {
    expect(takenFor(claimsOf(user, undefined))).toEqual([])
    expect(takenFor(claimsOf({ ...user, email: null }, undefined))).toEqual([])
  })
  /** `{userId, role}` says no system, and bedtime has no tokens. */
  const OPEN = ['marketplace', 'bedtime']
  test.each(dialects.map(({ name }) => name))('of %s: taken for its own, and by no other system', (name) => {
    const taken = OPEN.includes(name) ? [] : [name]
    expect(takenFor(claimsOf(user, name))).toEqual(taken)
    expect(takenFor(claimsOf({ ...user, email: null }, name))).toEqual(taken)
  })
  test.each([
    ['rooms', ['email', 'id', 'username']],
    ['messenger', ['id']],
    ['lms', ['iss', 'sub']],
    ['marketplace', ['role', 'userId']],
  ])('of %s: %j', (name, keys) => {
    expect(Object.keys(claimsOf(user, name)).sort()).toEqual(keys)
  })

  test.each([
    ['the query', '?dialect=rooms', {}],
    ['the host', '', { host: 'rooms.example' }],
  ])('%s decides, as for sockets', async (_, query, headers) => {
    // fetch sends its own Host: a plain request.
    const { body } = await raw(`/api/auth/register${query}`, { username: somebody(), password: PASSWORD }, headers)
    expect(Object.keys(peek(body.token) ?? {}).sort()).toEqual(['email', 'exp', 'iat', 'id', 'username'])
  })
  test('of seven days, signed by this server', async () => {
    const { body } = await post('/api/auth/register', { username: somebody(), password: PASSWORD })
    const { exp, iat, ...claims } = (peek(body.token) ?? {}) as Record<string, number>
    expect(Number(exp) - Number(iat)).toBe(604_800)
    expect(claims).toMatchObject({ userId: body.user.id, role: 'client' })
  })
})

describe('refused', () => {
  test('a login that is taken, by whatever field and case; nothing is left of the attempt', async () => {
    const username = somebody()
    await post('/api/auth/register', { username, email: `${username}@example.org`, password: PASSWORD })
    const again = { username: username.toUpperCase(), email: `${somebody()}@example.org`, password: PASSWORD }
    expect(await post('/api/auth/register', again)).toMatchObject({
      status: 409,
      body: { success: false, error: 'This login is already registered', code: 'CONFLICT' },
    })
    expect((await post('/api/auth/login', { email: again.email, password: PASSWORD })).status).toBe(401)
    expect((await post('/api/auth/register', { email: again.email, password: PASSWORD })).status).toBe(201)
  })

  test('of two at the same moment one gets the login', async () => {
    const [username, email] = [somebody(), `${somebody()}@example.org`]
    const given = { username, email, password: PASSWORD }
    const both = await Promise.all([post('/api/auth/register', given), post('/api/auth/register', given)])
    expect(both.map(({ status }) => status).sort()).toEqual([201, 409])
  })

  test('a wrong password, an unknown login and a deactivated user, in the same words', async () => {
    const username = somebody()
    const { body } = await post('/api/auth/register', { username, password: PASSWORD })
    const wrong = await post('/api/auth/login', { username, password: 'wrong' })
    expect(wrong).toMatchObject({ status: 401, body: { error: 'Wrong login or password', message: expect.anything() } })
    expect(wrong.cookie).toBeNull()
    const unknown = await post('/api/auth/login', { username: somebody(), password: PASSWORD })
    const { app } = server
    await app.core.execute(app.system, 'user.upsert', { id: body.user.id, active: false })
    const gone = await post('/api/auth/login', { username, password: PASSWORD })
    for (const refusal of [unknown, gone]) expect(refusal).toMatchObject({ status: 401, body: wrong.body })
  })

  test.each(['admin', 'Teacher', 'moderator', 'system', 'student'])('the role %s', async (role) => {
    const given = { username: somebody(), password: PASSWORD, role }
    expect(await post('/api/auth/register', given)).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } })
  })

  test.each([
    [{ username: 'x', password: 'short' }],
    [{ username: 'x', password: 'x'.repeat(201) }],
    [{ password: PASSWORD }],
    [{ email: 'no address', password: PASSWORD }],
    [{ username: 'x'.repeat(201), password: PASSWORD }],
    [{ username: 'x', password: { $ne: '' } }],
    [{ username: 'a\u0000b', password: PASSWORD }],
    [{ username: '  ', password: PASSWORD }],
    ['text'],
    [null],
  ])('%j', async (body) => {
    expect((await post('/api/auth/register', body)).status).toBe(400)
  })
  test('what is not JSON, and what is too long', async () => {
    const init = { method: 'POST', headers: { 'content-type': 'application/json' } }
    expect((await ask('/api/auth/login', { ...init, body: '{"username"' })).status).toBe(400)
    const form = {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'username=x',
    }
    expect((await ask('/api/auth/login', form)).status).toBe(400)
    expect((await post('/api/auth/login', { username: 'x', password: 'x'.repeat(300_000) })).status).toBe(413)
  })

  test('a page of a foreign origin', async () => {
    const given = { username: somebody(), password: PASSWORD }
    const foreign = await post('/api/auth/register', given, { origin: 'https://evil.example' })
    expect(foreign).toMatchObject({ status: 403, cookie: null })
    const hidden = await post('/api/auth/register', given, { 'sec-fetch-site': 'cross-site' })
    expect(hidden).toMatchObject({ status: 403, cookie: null })
    expect((await post('/api/auth/register', given, { origin: 'http://localhost:5173' })).status).toBe(201)
  })

  test('a dialect that is not there', async () => {
    const given = { username: somebody(), password: PASSWORD }
    expect(await post('/api/auth/register?dialect=telnet', given)).toMatchObject({
      ...{ status: 400, body: { error: 'Unknown dialect: telnet' } },
    })
  })

  test('who I am without a token, or with a revoked one', async () => {
    expect((await ask('/api/auth/me')).status).toBe(401)
    const { body } = await post('/api/auth/register', { username: somebody(), password: PASSWORD })
    await server.app.core.execute(server.app.system, 'admin.revoke', { userId: body.user.id })
    expect((await ask('/api/auth/me', { headers: { cookie: `token=${body.token}` } })).status).toBe(401)
  })
})

test('is in the reference', async () => {
  const Reference = z.object({ paths: z.record(z.string(), z.record(z.string(), z.looseObject({}))) })
  const { paths } = Reference.parse(await (await fetch(`${server.url}/openapi.json`)).json())
  const ours = Object.keys(paths).filter((path) => path.startsWith('/api/auth/'))
  expect(ours.sort()).toEqual(['login', 'logout', 'me', 'register', 'signin', 'signup'].map((p) => `/api/auth/${p}`))
  expect(paths['/api/auth/me']?.get?.security).toContainEqual({ cookie: [] })
  expect(paths['/api/auth/login']?.post?.security).toEqual([])
})

describe('in production, turned on', () => {
  let open: TestServer
  beforeAll(async () => {
    const env = { NODE_ENV: 'production', JWT_SECRET: SECRET, DEV_AUTH: 'true', SOCKETIO_DIALECTS: 'marketplace' }
    open = await startServer({ env })
  })
  afterAll(() => open?.close())

  test('cookies are secure; without rooms there is no rooms client', async () => {
    const { cookie } = await post('/api/auth/register', { username: somebody(), password: PASSWORD }, {}, open)
    expect(cookie).toMatch(/; HttpOnly; SameSite=Lax; Max-Age=604800; Secure$/)
    expect((await fetch(`${open.url}/api/auth/signin`, { method: 'POST' })).status).toBe(404)
  })

  test('too many attempts at one login: 429, for it alone, until the address has had its own', async () => {
    const [username, other] = [somebody(), somebody()]
    const enter = (login: string, password: string) => post('/api/auth/login', { username: login, password }, {}, open)
    await post('/api/auth/register', { username, password: PASSWORD }, {}, open)
    for (let n = 0; n < 4; n++) expect((await enter(username, 'wrong')).status).toBe(401)
    // A right password clears the count.
    expect((await enter(username, PASSWORD)).status).toBe(200)
    for (let n = 0; n < 10; n++) expect((await enter(username.toUpperCase(), 'wrong')).status).toBe(401)
    const late = await enter(username, PASSWORD)
    expect(late).toMatchObject({ status: 429, body: { code: 'RATE_LIMITED' } })
    expect(Number(late.headers.get('retry-after'))).toBeGreaterThan(60)
    expect((await enter(other, PASSWORD)).status).toBe(401)
    const rest = await Promise.all(Array.from({ length: 100 }, () => post('/api/auth/login', {}, {}, open)))
    expect(new Set(rest.map(({ status }) => status))).toEqual(new Set([400, 429]))
    expect(await enter(other, PASSWORD)).toMatchObject({ status: 429, body: { error: 'Rate limit exceeded' } })
  })
})

describe('passwords', () => {
  test('argon2id, salted, and the same however it was typed', async () => {
    const passwords = createPasswords()
    const [one, two] = await Promise.all([passwords.hash('pässword'), passwords.hash('pässword')])
    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    expect(one).not.toBe(two)
    expect(await passwords.matches('pa\u0308ssword', one)).toBe(true)
    expect(await passwords.matches('password', one)).toBe(false)
    expect(await passwords.matches('anything', undefined)).toBe(false)
  })
  test('more at a time than can be done soon are refused, and the next ones are not', async () => {
    const passwords = createPasswords(2)
    const hash = await passwords.hash('x')
    const all = await Promise.allSettled([1, 2, 3].map(() => passwords.matches('x', hash)))
    expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected'])
    expect(await passwords.matches('x', hash)).toBe(true)
  })
})

/** With headers that fetch would not send. */
async function raw(path: string, body: unknown, headers: Record<string, string>): Promise<Pick<Reply, 'body'>> {
  return new Promise((done, fail) => {
    const sent = plainRequest(
      `${server.url}${path}`,
      { method: 'POST', headers: { 'content-type': 'application/json', ...headers } },
      (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (part: string) => {
          text += part
        })
        response.on('end', () => done({ body: Body.parse(JSON.parse(text)) }))
      },
    )
    sent.on('error', fail)
    sent.end(JSON.stringify(body))
  })
}
