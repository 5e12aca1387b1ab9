/** SOCKETIO_EXPIRY=live: the end of a token counts while its client is there. */
import { expect, test } from 'vitest'
import { startServer } from '../harness.ts'
import { visit } from './away.ts'

test('a socket is cut when its token ends, and others are not', async () => {
  await using server = await startServer({ env: { SOCKETIO_EXPIRY: 'live' } })
  const begun = Date.now()
  const [short, long] = [server.token('bob', {}, 2), server.token('ann')]
  const [bob, ann] = [
    await visit({ url: server.url, token: () => short }, 'bob'),
    await visit({ url: server.url, token: () => long }, 'ann'),
  ]
  await bob.gone()
  // `exp` counts seconds.
  expect(Date.now() - begun).toBeGreaterThan(900)
  await ann.settled()
  ann.socket.close()
})
