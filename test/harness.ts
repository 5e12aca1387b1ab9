/**
 * A real server on a random port, with a database of its own: native if there is one (the store's own tests run on both), else
 * embedded in memory. Use with `await using`.
 */

import { type App, type Bot, createApp, type RightsTable, readConfig } from '../server/app.ts'
import type { Store } from '../server/core/ports.ts'
import { dialectNames } from '../server/dialects/index.ts'
import { createLog } from '../server/log.ts'
import type { Actor } from '../shared/ports.ts'
import { openFresh } from './store/databases.ts'

export const SECRET = 'a secret for tests, long enough for production'

export interface TestServer extends AsyncDisposable {
  readonly app: App
  readonly url: string
  readonly wsUrl: string
  /** A signed token. `claims` replace or add to `{ userId, role: 'client' }`. */
  token(userId: string, claims?: object, expiresIn?: number): string
  /** An actor with a connection of its own; the user exists from now on. */
  actor(userId: string, claims?: object): Promise<Actor>
  close(): Promise<void>
}

export interface ServerOptions {
  env?: Record<string, string>
  /** An open store, closed with the server. Without it: a fresh one, or what `env` says about DATABASE_URL or DATA_DIR. */
  store?: Store
  bots?: readonly Bot[]
  rights?: RightsTable
}

export async function startServer({
  env = {},
  store,
  bots = [],
  rights = {},
}: ServerOptions = {}): Promise<TestServer> {
  const config = readConfig(dialectNames, {
    PORT: '0',
    HOST: '127.0.0.1',
    JWT_SECRET: SECRET,
    LOG_LEVEL: process.env.TEST_LOG ?? 'silent',
    SUPPORT_BOT: 'false',
    ...env,
  })
  const placed = store !== undefined || 'DATABASE_URL' in env || 'DATA_DIR' in env
  const opened = placed ? store : await openFresh()
  const app = await createApp({ config, log: createLog(config), bots, rights, ...(opened && { store: opened }) })
  let closing: Promise<void> | undefined
  const close = () => (closing ??= app.close())
  const url = app.url.replace('localhost', '127.0.0.1')
  const token = (userId: string, claims: object = {}, expiresIn = 3_600) =>
    app.auth.sign({ userId, role: 'client', ...claims }, expiresIn)
  return {
    app,
    url,
    wsUrl: `${url.replace('http', 'ws')}/trpc`,
    token,
    actor: (userId, claims) => app.auth.authenticate(token(userId, claims)),
    close,
    [Symbol.asyncDispose]: close,
  }
}
