/** Every transcript, over real sockets, with the present client and with one of 2019. */
import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { startServer, type TestServer } from '../harness.ts'
import { play } from '../transcript.ts'

const folder = new URL('../transcripts/', import.meta.url)
const transcripts = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.txt'))

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server?.close())

describe.each([4, 2] as const)('socket.io-client %s', (client) => {
  test.each(transcripts)('%s', (path) => play(readFileSync(new URL(path, folder), 'utf8'), { server, client }))
})
