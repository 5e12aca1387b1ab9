/** SIGTERM while the database is away: the process still ends in order, in time. */
import { expect, test } from 'vitest'
import { createClient } from '../../client/index.ts'
import { createAuth } from '../../server/auth.ts'
import { SECRET } from '../harness.ts'
import { createCluster, findPrograms } from '../postgres.ts'
import { freePort, startProcess } from '../process.ts'

const programs = findPrograms()
const never = () => Promise.reject(new Error('nobody is admitted here'))
const auth = createAuth({ secret: SECRET, publicKey: undefined, newId: () => 'x', standing: never, admit: never })

test.skipIf(programs === null)(
  'a stop with sends in doubt ends with 0 within 10 s',
  async () => {
    const cluster = await createCluster(programs ?? '')
    const env = { DATABASE_URL: cluster.url(), PORT: String(await freePort()), JWT_SECRET: SECRET, LOG_LEVEL: 'silent' }
    const server = await startProcess(env)
    const ann = createClient({ url: server.url, token: auth.sign({ userId: 'ann', role: 'client' }, 3_600) })
    const { conversation } = await ann.api.conversation.create.mutate({ kind: 'group' })
    await cluster.stop()
    const chat = ann.conversation(conversation.id)
    const pending = Array.from({ length: 5 }, (_, i) => chat.send(`m${i}`))
    for (const message of pending) message.done.catch(() => {})
    // The send has reached the journal once a later call on the same socket is answered.
    await ann.api.user.me.query().catch(() => {})
    const started = performance.now()
    expect(await server.stop('SIGTERM')).toBe(0)
    expect(performance.now() - started).toBeLessThan(10_000)
    await ann.close()
    await cluster.remove()
  },
  60_000,
)
