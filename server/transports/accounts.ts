/**
 * Sessions for clients that bring none (DEV_AUTH): registering, logging in and out, and who one is, at `/api/auth`. In this
 * order: foreign pages are refused, the address is counted, the body is read, the login is counted, the password is hashed or
 * compared. A wrong password and an unknown login are the same refusal after the same time. The token is in the answer and in a
 * cookie that scripts cannot read; its claims are those of the client's system, chosen as for a socket.
 */
import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { AppError } from '../../shared/errors.ts'
import type { User } from '../../shared/model.ts'
import type { Actor, Core } from '../../shared/ports.ts'
import type { Auth } from '../auth.ts'
import type { Config } from '../config.ts'
import {
  Credentials,
  claimsOf,
  Known,
  known,
  LoggedIn,
  LoggedOut,
  loggedIn,
  Refused,
  Registration,
} from '../dialects/account.ts'
import { dialects } from '../dialects/index.ts'
import { jsonSchema, securitySchemes } from '../dialects/openapi.ts'
import { parse } from '../dialects/rest.ts'
import { attemptLimit } from '../limits.ts'
import type { Passwords } from '../passwords.ts'
import type { Http } from './http.ts'
import { speakJson } from './json.ts'
import { chooseDialect } from './socketio/choice.ts'
import { credential } from './socketio/credential.ts'
import { isForeign } from './upgrade.ts'

interface AccountsOptions {
  readonly core: Core
  readonly system: Actor
  readonly auth: Pick<Auth, 'authenticate' | 'sign'>
  readonly passwords: Passwords
  readonly config: Pick<Config, 'production' | 'origins' | 'socketio' | 'rpc'>
}

const WEEK = 7 * 86_400
const BY_ADDRESS = { points: 100, windowMs: 60_000 }
const BY_LOGIN = { points: 10, windowMs: 300_000 }
const BASE = '/api/auth'

export async function registerAccounts<L extends FastifyBaseLogger>(
  fastify: Http<L>,
  options: AccountsOptions,
): Promise<void> {
  const { core, system, auth, passwords, config } = options
  const { production, socketio } = config
  const enabled = dialects.filter(({ name }) => socketio.dialects.includes(name))
  const addresses = attemptLimit(BY_ADDRESS)
  const attempts = attemptLimit(BY_LOGIN)

  /** The system whose client this is, as far as it can be told. */
  function systemOf({ query, headers }: FastifyRequest, usual: string | undefined): string | undefined {
    const given = { path: '', namespace: '/', auth: {}, query: z.record(z.string(), z.unknown()).parse(query) }
    const choice = chooseDialect(
      enabled,
      { ...socketio, guests: false },
      { ...given, host: headers.host, claims: null },
    )
    if ('unknown' in choice) throw new AppError('INVALID_INPUT', `Unknown dialect: ${choice.unknown.slice(0, 64)}`)
    return choice.dialect?.name ?? usual
  }

  const cookie = (token: string, seconds: number) =>
    `token=${token}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${seconds}${production ? '; Secure' : ''}`

  function open(user: User, dialect: string | undefined, reply: FastifyReply, message: string) {
    const token = auth.sign(claimsOf(user, dialect), WEEK)
    reply.header('set-cookie', cookie(token, WEEK))
    return loggedIn(user, token, message)
  }

  async function register(request: FastifyRequest, reply: FastifyReply, usual: string | undefined) {
    const { email, username, password, fullName, name, role } = parse(Registration, request.body)
    const dialect = systemOf(request, usual)
    const logins = [email, username].filter((login) => login !== undefined)
    for (const login of logins) await attempts.take(login.toLowerCase())
    const called = fullName ?? name ?? username ?? email?.split('@', 1)[0]?.slice(0, 200)
    const passwordHash = await passwords.hash(password)
    const given = { logins, passwordHash, name: called ?? '', role, email: email ?? null }
    const user = await core.execute(system, 'account.register', given)
    return open(user, dialect, reply, 'Registered')
  }

  async function logIn(request: FastifyRequest, reply: FastifyReply, usual: string | undefined) {
    const { email, username, password } = parse(Credentials, request.body)
    const dialect = systemOf(request, usual)
    const login = (email ?? username ?? '').toLowerCase()
    await attempts.take(login)
    const found = await core.execute(system, 'account.find', { login })
    const matched = await passwords.matches(password, found?.passwordHash)
    if (!found || !matched || !found.user.active) throw new AppError('UNAUTHENTICATED', 'Wrong login or password')
    await attempts.forget(login)
    return open(found.user, dialect, reply, 'Logged in')
  }

  await fastify.register(async (scope) => {
    // The schemas are for the reference; zod reads and the types write.
    scope.setValidatorCompiler(() => (value) => ({ value }))
    scope.setSerializerCompiler(() => (value) => JSON.stringify(value))
    speakJson(scope, config.rpc.maxPayload, ({ code, message }) => ({ success: false, message, error: message, code }))
    scope.addHook('onRequest', async ({ method, ip, headers }, reply) => {
      reply.header('cache-control', 'no-store')
      if (method !== 'POST') return
      if (isForeign(config, headers)) throw new AppError('FORBIDDEN', 'This origin may not log in')
      await addresses.take(ip)
    })
    const enter = (path: string, body: z.ZodType, status: 200 | 201 | 202, run: typeof logIn, usual?: string) =>
      scope.post(`${BASE}/${path}`, { schema: schema(path, status, LoggedIn, entering(body)) }, async (req, reply) =>
        reply.code(status).send(await run(req, reply, usual)),
      )
    enter('register', Registration, 201, register)
    enter('login', Credentials, 200, logIn)
    if (enabled.some(({ name }) => name === 'rooms')) {
      enter('signup', Registration, 202, register, 'rooms')
      enter('signin', Credentials, 202, logIn, 'rooms')
    }
    scope.post(`${BASE}/logout`, { schema: schema('logout', 200, LoggedOut) }, async (_, reply) =>
      reply.header('set-cookie', cookie('', 0)).send({ success: true, message: 'Logged out' }),
    )
    scope.get(`${BASE}/me`, { schema: schema('me', 200, Known, WITH_TOKEN) }, async ({ headers }) => {
      const actor = await auth.authenticate(credential({ auth: {}, query: {}, headers }))
      return known(await core.execute(actor, 'user.me', {}), '')
    })
  })
}

/** For the reference. */
const schema = (summary: string, status: number, answer: z.ZodType, given: object = {}) => ({
  ...{ summary: `Accounts: ${summary}`, tags: ['accounts'], operationId: `accounts_${summary.replace(/ /g, '_')}` },
  ...{ security: [], ...given },
  response: {
    [status]: { 'x-response-description': 'Done', ...jsonSchema(answer, 'output') },
    '4xx': { 'x-response-description': 'Refused', ...jsonSchema(Refused, 'output') },
  },
})
const Choosing = z.object({ dialect: z.string().optional() })
const entering = (body: z.ZodType) => ({
  body: jsonSchema(body, 'input'),
  querystring: jsonSchema(Choosing, 'input'),
})
const WITH_TOKEN = { security: Object.keys(securitySchemes).map((name) => ({ [name]: [] })) }
