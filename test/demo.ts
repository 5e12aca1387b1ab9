/**
 * `npm run demo`: a server on a fresh folder; a typed, a marketplace and a rooms client in one conversation, then one each of what
 * typed users do besides. Prints who received what, in which words, and fails if anything is missing.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { io } from 'socket.io-client'
import { createClient, isParleyError } from '../client/index.ts'
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
let missing = 0
const miss = (what: string) => {
  missing++
  console.error(what)
}
const received = (who: string, event: string, content: string) =>
  waitFor(who, event, content).catch((error: Error) => miss(error.message))
const answered = (who: string, what: string, answer: unknown) =>
  console.log(`  ${who.padEnd(18)} ${what.padEnd(24)} ${short(answer)}`)
const refused = (who: string, code: string, call: Promise<unknown>) =>
  call.then(
    (answer) => miss(`${who} was not refused with ${code}: ${short(answer)}`),
    (error: unknown) =>
      isParleyError(error) && error.code === code ? answered(who, code, error.message) : miss(`${who}: ${error}`),
  )

const folder = mkdtempSync(join(tmpdir(), 'parley-demo-'))
const server = await startServer({ env: { DATA_DIR: folder } })
const url = server.url
const ann = createClient({ url, token: server.token('ann', { name: 'Ann' }) })
await Promise.all(['bob', 'cid', 'dan'].map((id) => server.actor(id, { name: id })))
const { conversation } = await ann.api.conversation.create.mutate({
  kind: 'group',
  memberIds: ['bob', 'cid', 'dan'],
  title: 'Demo',
})
ann.on('message.created', (event) => hear('ann (typed)', event.name, event.payload.message))
await ann.ready()
const dan = createClient({ url, token: server.token('dan', { name: 'Dan' }) })

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

async function everybody(content: string): Promise<void> {
  await received('ann (typed)', 'message.created', content)
  await received('bob (marketplace)', 'new-message', content)
  await received('cid (rooms)', 'roomMessageConfirmed', content)
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
answered('cid (rooms)', 'ack', answer)
await everybody('hello from cid')

const history = await ann.api.message.history.query({ conversationId: conversation.id })
if (history.messages.map((message) => message.seq).join() !== '1,2,3') miss('The history is not 1, 2, 3.')

const messageId = history.messages[0]?.id ?? ''
for (const name of ['message.reacted', 'typing.changed'] as const)
  ann.on(name, (event) => hear('ann (typed)', event.name, event.payload))
for (const name of ['message.updated', 'lock.acquired'] as const)
  dan.on(name, (event) => hear('dan (typed)', event.name, event.payload))
await dan.ready()

say('dan', 'reacts to the first message')
await dan.api.message.react.mutate({ messageId, reaction: '+1' })
await received('ann (typed)', 'message.reacted', '"reaction":"+1","on":true,"count":1')
say('ann', 'edits its version 1, and once more as if it still were')
await ann.api.message.edit.mutate({ messageId, content: 'hello, edited', expectedVersion: 1 })
await received('dan (typed)', 'message.updated', 'hello, edited')
await refused(
  'ann (typed)',
  'CONFLICT',
  ann.api.message.edit.mutate({ messageId, content: 'late', expectedVersion: 1 }),
)
say('ann', 'locks it; dan wants it too')
await ann.api.lock.acquire.mutate({ messageId })
await received('dan (typed)', 'lock.acquired', '"holderId":"ann"')
await refused('dan (typed)', 'LOCKED', dan.api.lock.acquire.mutate({ messageId }))
say('dan', 'starts typing and falls silent')
await dan.api.typing.set.mutate({ conversationId: conversation.id, typing: true })
await received('ann (typed)', 'typing.changed', '"name":"Dan","typing":true')
await received('ann (typed)', 'typing.changed', '"name":"Dan","typing":false')
say('dan', 'reads it; ann asks who has')
await dan.api.message.markRead.mutate({ messageId })
const { readers } = await ann.api.message.readers.query({ messageId })
answered('ann (typed)', 'message.readers', readers)
if (!readers.some(({ userId, read }) => userId === 'dan' && read)) miss('Dan is not among the readers.')

console.log(missing === 0 ? '\nEverybody received everything, in their own words.' : `\n${missing} missing.`)
bob.close()
cid.close()
await dan.close()
await ann.close()
await server.close()
rmSync(folder, { recursive: true, force: true })
process.exit(missing === 0 ? 0 : 1)
