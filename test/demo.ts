/**
 * `npm run demo`: a server on a fresh folder; a typed, a marketplace and a rooms client in one conversation. Prints who
 * received what, in which words, and fails if anything is missing.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { io } from 'socket.io-client'
import { createClient } from '../client/index.ts'
import { startServer } from './harness.ts'
import { Inbox } from './inbox.ts'

interface Line {
  readonly who: string
  readonly event: string
  readonly text: string
}
const heard = new Inbox<Line>(({ who, event, text }) => `${who} ${event} ${text}`)
const short = (value: unknown) => {
  const text = JSON.stringify(value) ?? ''
  return text.length > 110 ? `${text.slice(0, 107)}...` : text
}
const hear = (who: string, event: string, payload: unknown) => {
  heard.push({ who, event, text: JSON.stringify(payload) ?? '' })
  console.log(`  ${who.padEnd(18)} < ${event.padEnd(22)} ${short(payload)}`)
}
const say = (who: string, what: string) => console.log(`\n${who} ${what}`)
const waitFor = (who: string, event: string, content: string) =>
  heard.until(
    (lines) => lines.find((line) => line.who === who && line.event === event && line.text.includes(content)),
    `${who} to receive ${event} with "${content}"`,
  )

const folder = mkdtempSync(join(tmpdir(), 'parley-demo-'))
const server = await startServer({ env: { DATA_DIR: folder } })
const url = server.url
const ann = createClient({ url, token: server.token('ann', { name: 'Ann' }) })
await Promise.all(['bob', 'cid'].map((id) => server.actor(id, { name: id })))
const { conversation } = await ann.api.conversation.create.mutate({
  kind: 'group',
  memberIds: ['bob', 'cid'],
  title: 'Demo',
})
ann.on('message.created', (event) => hear('ann (typed)', event.name, event.payload.message))
await ann.ready()

const bob = io(url, { auth: { token: server.token('bob', { name: 'Bob' }) }, path: '/marketplace/socket.io/' })
bob.onAny((event, payload) => hear('bob (marketplace)', event, payload))
const cid = io(url, { auth: { token: server.token('cid', { name: 'Cid' }) }, path: '/rooms/socket.io/' })
cid.onAny((event, payload) => hear('cid (rooms)', event, payload))
await Promise.all(
  [bob, cid].map((socket) => new Promise((resolve) => socket.once('connect', () => resolve(undefined)))),
)
bob.emit('join-chat', conversation.id)
await waitFor('bob (marketplace)', 'chat-joined', conversation.id)
await cid.timeout(5_000).emitWithAck('joinRoom', { roomId: conversation.id })

let missing = 0
async function everybody(content: string): Promise<void> {
  for (const [who, event] of [
    ['ann (typed)', 'message.created'],
    ['bob (marketplace)', 'new-message'],
    ['cid (rooms)', 'roomMessageConfirmed'],
  ] as const) {
    await waitFor(who, event, content).catch((error: Error) => {
      missing++
      console.error(error.message)
    })
  }
}

say('ann', 'sends from the typed client')
await ann.conversation(conversation.id).send('hello from ann').done
await everybody('hello from ann')
say('bob', 'sends from the marketplace client')
bob.emit('send-message', { chatId: conversation.id, messageType: 'text', content: 'hello from bob' })
await waitFor('bob (marketplace)', 'message-sent', conversation.id)
await everybody('hello from bob')
say('cid', 'sends from the rooms client')
const answer = await cid.timeout(5_000).emitWithAck('roomMessage', { roomId: conversation.id, body: 'hello from cid' })
console.log(`  ${'cid (rooms)'.padEnd(18)} ack                      ${short(answer)}`)
await everybody('hello from cid')

const history = await ann.api.message.history.query({ conversationId: conversation.id })
if (history.messages.map((message) => message.seq).join() !== '1,2,3') missing++
console.log(missing === 0 ? '\nEverybody received everything, in their own words.' : `\n${missing} missing.`)
bob.close()
cid.close()
await ann.close()
await server.close()
rmSync(folder, { recursive: true, force: true })
process.exit(missing === 0 ? 0 : 1)
