/** A socket closed for an oversized call that was aborted by then failed the stream of events, for good, as TOO_LARGE. */
import { expect, test } from 'vitest'
import { createClient } from '../../client/index.ts'
import { playedSockets } from '../client/socket.ts'

test('the stream goes on at the next socket', async () => {
  const { WebSocket, opened } = playedSockets()
  await using client = createClient({ url: 'http://x', token: 't', WebSocket, backoff: () => 0 })
  const failures: unknown[] = []
  client.on('error', (error) => failures.push(error))
  const [first] = await opened.count(1, 'the socket')
  first?.emit('open')
  await first?.sent.next(({ params }) => params?.path === 'sync.events', 'the stream')
  first?.emit('close', { code: 1009, reason: '' })
  const [, second] = await opened.count(2, 'the next socket')
  second?.emit('open')
  await second?.sent.next(({ params }) => params?.path === 'sync.events', 'the stream again')
  expect(failures).toEqual([])
})
