/** A connection with half a request on it kept a stopping server from stopping: it was killed instead, without closing its store. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { startServer } from '../harness.ts'

test('the server stops in its time', async () => {
  const server = await startServer()
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n')
  await once(socket, 'data')
  const half = 'Host: x\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n{'
  socket.write(`POST /trpc/message.send HTTP/1.1\r\n${half}`)
  // So it has come.
  await once(socket, 'data')
  const closed = server.close().then(() => 'closed')
  expect(await Promise.race([closed, wait(8_000, 'still closing', { ref: false })])).toBe('closed')
})
