/** What somebody writes who installed the package. As text: here its import would lead to a build that may not be there. */

/** Each line marked as wrong must not compile, every other one must. */
export const CONSUMER = `
import { createClient, isParleyError, type Event, type Item, type Message, type PendingMessage } from 'parley/client'
import type { CustomStatus, Lock, MemberRole, Notification, Presence, Reaction, Schedule, Version, When } from 'parley/client'

const parley = createClient({ url: 'http://localhost:4000', token: async ({ refused }) => (refused ? 'a' : 'b') })
createClient({ url: 'http://localhost:4000' }) // wrong
createClient({ url: 'http://localhost:4000', token: 7 }) // wrong

const sent: Message = await parley.api.message.send.mutate({ conversationId: 'c', content: 'hi' })
const at: Date = sent.createdAt
await parley.api.message.send.mutate({ conversationId: 'c' }) // wrong
await parley.api.message.send.mutate({ conversationId: 'c', content: 1 }) // wrong
await parley.api.message.send.query({ conversationId: 'c', content: 'hi' }) // wrong
await parley.api.message.sned.mutate({ conversationId: 'c', content: 'hi' }) // wrong

const off: () => void = parley.on('message.created', ({ position, payload }) => {
  const text: string = payload.message.content
  const place: number | undefined = position
  console.log(text, place, payload.typing) // wrong
})
parley.on('message.sent', () => {}) // wrong
parley.on('reset', ({ snapshot, reason }) => console.log(snapshot.conversations.length, reason))
parley.on('error', (error) => console.log(error.code, error.retry))

const events = parley.events({ cursor: 'e.1', signal: new AbortController().signal })
for await (const event of events) {
  if (event.name === 'typing.changed') console.log(event.payload.typing, event.payload.message) // wrong
  else if (event.name === 'reset') console.log(event.snapshot.cursor)
  else console.log(event.topic)
  const cursor: string | undefined = events.cursor
  console.log(cursor)
}

const chat = parley.conversation('c')
const pending: PendingMessage = chat.send('hi', { deadlineMs: 60_000 })
const status: 'pending' | 'sent' | 'failed' = pending.status
const stored: Message = await pending
const seq: number = pending.message.seq // wrong
chat.send({ content: 'see', type: 'image', metadata: { width: 3 } })
chat.send({ type: 'text' }) // wrong
chat.on('typing.changed', ({ payload }) => console.log(payload.userId))
chat.on('typing.change', () => {}) // wrong

const bedtime: When = { kind: 'bedtime', time: '20:30', weekdays: [1, 5] }
const night: Schedule = await parley.api.schedule.create.mutate({ name: 'n', title: 't', timeZone: 'UTC', when: bedtime })
await parley.api.schedule.create.mutate({ name: 'n', title: 't', timeZone: 'UTC', when: { kind: 'daily' } }) // wrong
const { notifications }: { notifications: Notification[] } = await parley.api.notification.list.query({ types: ['call'] })
await parley.api.notification.list.query({ types: ['bell'] }) // wrong
parley.on('presence.changed', ({ payload }) => {
  const changes: Presence[] = payload.changes
  const said: CustomStatus | null | undefined = changes[0]?.custom
  console.log(said)
})
parley.on('lock.acquired', ({ payload }) => {
  const lock: Lock = payload
  console.log(lock.token) // wrong
})
const given: Reaction[] = sent.reactions
const { versions }: { versions: Version[] } = await parley.api.message.versions.query({ messageId: sent.id })
const role: MemberRole = 'guest' // wrong
console.log(night, notifications, given, versions, role)

try {
  await chat.history({ before: 3, limit: 10 })
} catch (error) {
  if (isParleyError(error) && error.code === 'FORBIDDEN') console.log(error.message)
  if (isParleyError(error) && error.code === 'NO_SUCH_CODE') console.log(error.message) // wrong
}
const item: Item = {} as Event
const state: 'connecting' | 'online' | 'offline' | 'closed' = parley.connection.state
await parley.close()
console.log(at, off, status, stored, seq, item, state)
`

/** Talks to a server: \`node run.js <module> <url> <token>\`. */
export const RUN = `
const [module, url, token] = process.argv.slice(2)
const { createClient } = await import(module)
const parley = createClient({ url, token })
await parley.ready()
const { conversation } = await parley.api.conversation.create.mutate({ kind: 'group' })
const heard = []
const arrived = new Promise((resolve) =>
  parley.conversation(conversation.id).on('message.created', ({ payload }) => {
    heard.push(payload.message.content)
    resolve()
  }),
)
await parley.conversation(conversation.id).send('hello, once')
await arrived
await parley.close()
console.log(heard.join())
`
