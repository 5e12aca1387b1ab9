/** Calls that were aborted gave their places back, but nobody told those who waited for one until some other call was answered. */
import { expect, test } from 'vitest'
import { createClient } from '../../client/index.ts'
import { playedSockets } from '../client/socket.ts'

test('when the calls in front are aborted, the next one is sent', async () => {
  const { WebSocket, opened } = playedSockets()
  await using client = createClient({ url: 'http://x', token: 't', WebSocket })
  const [socket] = await opened.count(1, 'the socket')
  socket?.emit('open')
  const abort = new AbortController()
  const front = Array.from({ length: 64 }, () => client.api.user.me.query({}, { signal: abort.signal }))
  const next = client.api.admin.stats.query({})
  const ends = Promise.allSettled([...front, next])
  // The 64 and the token before them.
  await socket?.sent.count(65, 'the calls in front')
  abort.abort()
  await socket?.sent.next(({ params }) => params?.path === 'admin.stats', 'the call that waited')
  await client.close()
  expect((await ends).map(({ status }) => status)).toEqual(Array(65).fill('rejected'))
})
