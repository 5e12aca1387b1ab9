/** A server with the HTTP routes of these dialects alone. */
import { createApp, readConfig } from '../../server/app.ts'
import { dialectNames } from '../../server/dialects/index.ts'
import { createLog } from '../../server/log.ts'
import { SECRET } from '../harness.ts'
import { openMemory } from '../store/databases.ts'

export async function startRest(dialects: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const set = { PORT: '0', HOST: '127.0.0.1', JWT_SECRET: SECRET, LOG_LEVEL: 'silent', SUPPORT_BOT: 'false', ...env }
  const read = readConfig(dialectNames, set)
  const config = { ...read, socketio: { ...read.socketio, dialects } }
  const app = await createApp({ config, log: createLog(config), store: await openMemory() })
  return {
    app,
    url: app.url.replace('localhost', '127.0.0.1'),
    token: (userId: string, claims: object = {}) => app.auth.sign({ userId, role: 'client', ...claims }, 3_600),
    close: () => app.close(),
  }
}
export type RestServer = Awaited<ReturnType<typeof startRest>>
