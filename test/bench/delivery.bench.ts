/**
 * `npm run bench:delivery`: from send to delivery, on native Postgres with fsync. 200 senders in conversations of their own, each
 * sending as soon as the last message has come back by the log: through the core alone, then over WebSockets (50 clients).
 * Last figures (2 cores, busy with other work): core p50 27 to 35 ms, p99 66 to 143 ms at some 5,000 a second; sockets, with the
 * clients on the same two cores, p50 43 to 67 ms, p99 107 to 186 ms.
 */
import { createClient } from '../../client/index.ts'
import { createApp, readConfig } from '../../server/app.ts'
import { dialectNames } from '../../server/dialects/index.ts'
import { createLog } from '../../server/log.ts'
import { createCluster, findPrograms } from '../postgres.ts'

const SECONDS = 5
const programs = findPrograms()
if (programs === null) throw new Error('no native Postgres found')
const cluster = await createCluster(programs, { synced: true })
const env = { PORT: '0', HOST: '127.0.0.1', JWT_SECRET: 'x'.repeat(32), LOG_LEVEL: 'warn', DATABASE_URL: cluster.url() }
const config = readConfig(dialectNames, { ...env, COMMAND_LIMIT: '100000000' })
const app = await createApp({ config, log: createLog(config) })
const { core } = app

/** One sender: `send` starts a message, `arrived` is called with its content when it is delivered. */
type Sender = (arrived: (content: string) => void) => Promise<(content: string) => Promise<unknown>>

async function measure(name: string, senders: readonly Sender[]): Promise<void> {
  const times: number[] = []
  let until = Number.POSITIVE_INFINITY
  const loops = await Promise.all(
    senders.map(async (open) => {
      const waiting = new Map<string, (at: number) => void>()
      const send = await open((content) => waiting.get(content)?.(performance.now()))
      return async () => {
        for (let i = 0; performance.now() < until; i++) {
          const content = `message ${i}`
          const started = performance.now()
          const delivered = new Promise<number>((resolve) => waiting.set(content, resolve))
          await send(content)
          times.push((await delivered) - started)
          waiting.delete(content)
        }
      }
    }),
  )
  until = performance.now() + SECONDS * 1_000
  await Promise.all(loops.map((loop) => loop()))
  times.sort((a, b) => a - b)
  const at = (share: number) => `${(times[Math.floor(times.length * share)] ?? 0).toFixed(1)} ms`
  console.log(
    `${name}: ${Math.round(times.length / SECONDS)} a second, send to delivery p50 ${at(0.5)}, p99 ${at(0.99)}`,
  )
}

const actor = (id: string) => app.auth.authenticate(app.auth.sign({ userId: id }, 3_600))
const inProcess =
  (id: string): Sender =>
  async (arrived) => {
    const me = await actor(id)
    const { conversation } = await core.execute(me, 'conversation.create', { kind: 'group' })
    const feed = await core.subscribe(me, { kind: 'all' })
    for await (const _ of feed.replay());
    feed.attach({
      push: (event) => event.name === 'message.created' && arrived(event.payload.message.content),
      end() {},
    })
    return (content) => core.execute(me, 'message.send', { conversationId: conversation.id, content })
  }
const overSockets =
  (id: string): Sender =>
  async (arrived) => {
    const client = createClient({ url: app.url, token: app.auth.sign({ userId: id }, 3_600), timeoutMs: 60_000 })
    const { conversation } = await client.api.conversation.create.mutate({ kind: 'group' })
    client.on('message.created', (event) => arrived(event.payload.message.content))
    await client.ready()
    return (content) => client.api.message.send.mutate({ conversationId: conversation.id, content })
  }

const people = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`)
for (let turn = 1; turn <= 3; turn++) {
  await measure(`turn ${turn}, 200 senders through the core`, people(`c${turn}-`, 200).map(inProcess))
  await measure(`turn ${turn}, 50 clients over WebSockets`, people(`w${turn}-`, 50).map(overSockets))
}
await app.close()
await cluster.remove()
process.exit(0)
