/**
 * Every transcript, over real sockets, with each version of the client. Here each version has one transport, another one for
 * each transcript, so that a transcript is played over all three; `npm run transcripts` plays all nine ways. Transcripts are
 * played side by side, on one server for all that want the same settings; one that must be alone waits for its turn.
 */
import { afterAll, describe, test } from 'vitest'
import { startServer, type TestServer } from '../harness.ts'
import { type Settings, transcripts } from '../transcript.lines.ts'
import { transports, versions } from '../transcript.socket.ts'
import { play } from '../transcript.ts'

const servers = new Map<string, Promise<TestServer>>()
afterAll(async () => {
  for (const server of servers.values()) await (await server).close()
})

function serverFor({ env, alone }: Settings): Promise<TestServer> {
  const key = `${alone} ${JSON.stringify(env)}`
  const server = servers.get(key) ?? startServer({ env: { SOCKET_PING_INTERVAL: '600000', ...env } })
  servers.set(key, server)
  return server
}

let turn: Promise<unknown> = Promise.resolve()
function inTurn({ alone }: Settings, run: () => Promise<void>): Promise<void> {
  if (!alone) return run()
  const mine = turn.then(run)
  turn = mine.catch(() => {})
  return mine
}

const all = process.env.TRANSCRIPTS === 'all'
const ways = transcripts().flatMap((transcript, index) =>
  versions
    .filter((version) => transcript.settings.clients?.includes(version) ?? true)
    .flatMap((client) =>
      transports
        .filter((_, place) => all || (index + client + place) % transports.length === 0)
        .map((transport) => ({ ...transcript, client, transport })),
    ),
)

describe('transcripts', { concurrent: true }, () => {
  test.each(ways)('$path, client $client, $transport', ({ text, settings, client, transport }) =>
    inTurn(settings, async () => play(text, { server: await serverFor(settings), client, transport })),
  )
})
