/** `npm start`: starts the server, says what is on, stops in order on SIGTERM and SIGINT. */
import { ConfigError, createApp, readConfig } from './app.ts'
import { dialectNames } from './dialects/index.ts'
import { createLog } from './log.ts'

const DEADLINE_MS = 9_000
const DAY = 86_400

function settings() {
  try {
    return readConfig(dialectNames)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    for (const problem of error.problems) console.error(`parley will not start: ${problem}`)
    process.exit(1)
  }
}

const config = settings()
const log = createLog(config)
const app = await createApp({ config, log }).catch((error) => {
  log.fatal({ err: error }, 'parley could not start')
  console.error(`parley could not start: ${error instanceof Error ? error.message : error}`)
  process.exit(1)
})

const { socketio } = config
console.log(`
  Parley is ready at ${app.url}

    database  ${config.databaseUrl === undefined ? `embedded Postgres in ${config.dataDir}` : 'native Postgres'}
    cluster   one node
    typed     tRPC at ${app.url}/trpc (WebSocket, HTTP, SSE)
    dialects  ${socketio.dialects.join(', ')} (Socket.IO${socketio.dialect ? `, all speak ${socketio.dialect}` : ', found out per socket'})
    health    ${app.url}/healthz`)
if (!config.production && config.jwt.publicKey === undefined) {
  const ann = app.auth.sign({ userId: 'ann', role: 'client', name: 'Ann' }, 30 * DAY)
  const bob = app.auth.sign({ userId: 'bob', role: 'client', name: 'Bob' }, 30 * DAY)
  // So that each can be written to before the other has ever connected.
  for (const token of [ann, bob]) await app.auth.authenticate(token)
  console.log(`
  Tokens for trying (development only, 30 days):

    ann  ${ann}
    bob  ${bob}

  Try it:

    import { createClient } from 'parley/client'
    const ann = createClient({ url: '${app.url}', token: '<ann>' })
    ann.on('message.created', (event) => console.log(event.payload.message.content))
    await ann.api.message.send.mutate({ to: 'bob', content: 'hello' })
`)
}

function stop(signal: string): void {
  log.info({ signal }, 'stopping')
  setTimeout(() => {
    log.error('did not stop in time')
    process.exit(1)
  }, DEADLINE_MS).unref()
  app.close().then(
    () => process.exit(0),
    (error) => {
      log.error({ err: error }, 'while stopping')
      process.exit(1)
    },
  )
}
process.once('SIGTERM', stop)
process.once('SIGINT', stop)
