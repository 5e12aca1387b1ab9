import { expect, test } from 'vitest'
import { createClient, type DurableName, type Event, type Parley } from '../../client/index.ts'
import { events, isDurable, type Payload } from '../../shared/events.ts'
import { startServer, type TestServer } from '../harness.ts'
import { Inbox } from '../inbox.ts'
import { lastingDatabase } from '../store/databases.ts'

const durable = Object.keys(events).filter((name): name is DurableName => {
  // Every key of the table is a name of an event.
  return events[name as keyof typeof events].kind === 'durable'
})

/** A client, and the durable events that it hears of. */
async function device(
  server: TestServer,
  userId: string,
  options: { role?: string; cursor?: string | undefined } = {},
) {
  const { role = 'client', cursor } = options
  const token = server.token(userId, { role })
  const client = createClient({ url: server.url, token, ...(cursor !== undefined && { cursor }) })
  const heard = new Inbox<Event<DurableName>>(({ name, payload }) => `${name} ${JSON.stringify(payload)}`)
  for (const name of durable) client.on(name, heard.push)
  // Who is revoked is told so.
  client.on('error', () => {})
  await client.ready()
  return { client, api: client.api, heard, [Symbol.asyncDispose]: () => client.close() }
}
type Device = Awaited<ReturnType<typeof device>>

/** What was said and is erased, or was put otherwise, before anybody comes back. */
const ERASED = 'nobody may read this again'
/** Read only where an edited message tells what it said first. */
const EDITED = 'what it said before'

interface Scene {
  /** Ann, who has another device that is away; bob; an administrator. */
  readonly ann: Device
  readonly bob: Parley['api']
  readonly root: Parley['api']
  /** A group of bob's with ann, eve and fay. */
  readonly conversationId: string
  /** One of more than a hundred, bob and ann among them. */
  readonly crowdId: string
  /** Bob writes to the group. */
  say(content?: string): Promise<{ id: string; seq: number }>
  /** The id of a new notification of ann's. */
  notify(title: string): Promise<string>
}

/** Each causes one event of its name (and maybe others of other names) and gives what tells it from all the rest of its name. */
const CAUSES: { readonly [E in DurableName]: (scene: Scene) => Promise<object & Partial<Payload<E>>> } = {
  'conversation.created': async ({ bob }) => {
    const { conversation } = await bob.conversation.create.mutate({ kind: 'group', memberIds: ['ann'] })
    return { conversation: { ...conversation } }
  },
  'conversation.updated': async ({ bob, conversationId }) => ({
    conversation: await bob.conversation.update.mutate({ conversationId, title: 'New' }),
  }),
  'conversation.viewed': async ({ ann, conversationId }) => ann.api.conversation.view.mutate({ conversationId }),
  'conversation.configured': async ({ ann, conversationId }) =>
    ann.api.conversation.configure.mutate({ conversationId, pinned: true }),
  'member.added': async ({ bob, conversationId }) => {
    await bob.conversation.addMembers.mutate({ conversationId, memberIds: ['dan'] })
    return { conversationId }
  },
  'member.updated': async ({ bob, conversationId }) =>
    bob.conversation.setRole.mutate({ conversationId, userId: 'eve', role: 'admin' }),
  'member.removed': async ({ bob, conversationId }) => {
    await bob.conversation.removeMember.mutate({ conversationId, userId: 'fay' })
    return { conversationId, userId: 'fay', reason: 'removed' }
  },
  'message.created': async ({ bob, say }) => {
    const { id: messageId } = await say('as it was written')
    return { message: await bob.message.get.query({ messageId }) }
  },
  'message.updated': async ({ bob, say }) => {
    const { id: messageId } = await say(`${EDITED}, @ann`)
    return { message: await bob.message.edit.mutate({ messageId, content: 'put otherwise' }) }
  },
  'message.deleted': async ({ bob, say }) => {
    const { id: messageId } = await say(`@ann ${ERASED}`)
    return { message: await bob.message.delete.mutate({ messageId }) }
  },
  'message.reacted': async ({ ann, say }) => {
    const { id: messageId } = await say()
    await ann.api.message.react.mutate({ messageId, reaction: '👍' })
    return { messageId, userId: 'ann', reaction: '👍', on: true, count: 1 }
  },
  'message.hidden': async ({ ann, say }) => {
    const { id: messageId } = await say()
    await ann.api.message.hide.mutate({ messageId })
    return { messageId, userId: 'ann' }
  },
  'lock.acquired': async ({ bob, say }) => {
    const { id: messageId } = await say()
    await bob.lock.acquire.mutate({ messageId })
    return { messageId, holderId: 'bob' }
  },
  'lock.released': async ({ bob, say }) => {
    const { id: messageId } = await say()
    const { token } = await bob.lock.acquire.mutate({ messageId })
    await bob.lock.release.mutate({ messageId, token })
    return { messageId, holderId: 'bob', reason: 'released' }
  },
  'receipt.delivered': async ({ ann, say, conversationId }) => {
    const { id: messageId, seq } = await say()
    await ann.api.message.markDelivered.mutate({ messageId })
    return { conversationId, userId: 'ann', seq }
  },
  'receipt.read': async ({ ann, say, conversationId }) => {
    const { id: messageId, seq } = await say()
    await ann.api.message.markRead.mutate({ messageId })
    return { conversationId, userId: 'ann', seq, messageId, unread: 0 }
  },
  'receipt.unread': async ({ ann, say, conversationId }) => {
    const { id: messageId, seq } = await say()
    await ann.api.message.markRead.mutate({ messageId })
    await ann.api.message.markUnread.mutate({ messageId })
    return { conversationId, userId: 'ann', fromSeq: seq, unread: 1 }
  },
  'receipt.marked': async ({ ann, bob, crowdId: conversationId }) => {
    const { seq } = await bob.message.send.mutate({ conversationId, content: 'to all' })
    await ann.api.message.markRead.mutate({ conversationId })
    return { conversationId, userId: 'ann', readSeq: seq, unread: 0 }
  },
  'receipt.counted': async ({ ann, bob, crowdId: conversationId }) => {
    const { id: messageId } = await ann.api.message.send.mutate({ conversationId, content: 'who reads this?' })
    await bob.message.markRead.mutate({ messageId })
    await ann.heard.next(({ name }) => name === 'receipt.counted', 'the count')
    return { messageId, delivered: 1, read: 1 }
  },
  'notification.created': async ({ ann, notify }) => ({
    notification: await ann.api.notification.get.query({ notificationId: await notify('made') }),
  }),
  'notification.read': async ({ ann, notify }) => {
    const notificationIds = [await notify('read')]
    await ann.api.notification.read.mutate({ notificationIds })
    return { notificationIds }
  },
  'notification.deleted': async ({ ann, notify }) => {
    const notificationIds = [await notify('deleted')]
    await ann.api.notification.delete.mutate({ notificationIds })
    return { notificationIds }
  },
  'user.updated': async ({ root }) => {
    const { active, ...user } = await root.user.upsert.mutate({ id: 'ann', name: 'Ann of today' })
    const { id, name, role, avatar } = user
    return { profile: { id, name, role, avatar }, active }
  },
  'user.blocked': async ({ ann }) => {
    await ann.api.user.block.mutate({ userId: 'gus' })
    return { userId: 'ann', blockedId: 'gus', on: true }
  },
  // The last: it ends all connections of ann's.
  'user.revoked': async ({ root }) => root.admin.revoke.mutate({ userId: 'ann' }),
}

async function scene(server: TestServer, ann: Device, bob: Device, root: Device): Promise<Scene> {
  const { api } = bob
  const crowd = Array.from({ length: 101 }, (_, index) => `crowd${index}`)
  await server.app.store.write(async (tx) => {
    for (const id of [...crowd, 'dan', 'eve', 'fay', 'gus']) await tx.upsertUser({ id })
  })
  const group = async (memberIds: string[]) => {
    const { conversation } = await api.conversation.create.mutate({ kind: 'group', memberIds })
    return conversation.id
  }
  const conversationId = await group(['ann', 'eve', 'fay'])
  return {
    ...{ ann, bob: api, root: root.api, conversationId, crowdId: await group(['ann', ...crowd]) },
    say: (content = 'said') => api.message.send.mutate({ conversationId, content }),
    async notify(title) {
      await root.api.notification.send.mutate({ userId: 'ann', title })
      const event = await ann.heard.next(
        ({ name, payload }) => name === 'notification.created' && payload.notification.title === title,
        `the notification "${title}"`,
      )
      if (event.name !== 'notification.created') throw new Error('asked for another')
      return event.payload.notification.id
    },
  }
}

const places = ({ heard }: Device) => heard.items.map(({ name, position }) => `${position} ${name}`)

test('every durable event reaches a client that was away, over a restart, once, as things are now', async () => {
  await using database = await lastingDatabase()
  const start = () => startServer(database)
  const expected: { name: DurableName; payload: object }[] = []
  let cursor: string | undefined
  let live: string[]
  {
    await using server = await start()
    await using bob = await device(server, 'bob')
    await using root = await device(server, 'root', { role: 'admin' })
    await using ann = await device(server, 'ann')
    const set = await scene(server, ann, bob, root)
    const phone = await device(server, 'ann')
    cursor = phone.client.cursor
    await phone.client.close()
    const before = ann.heard.items.length
    for (const name of Object.keys(CAUSES)) {
      // Its own keys.
      const known = name as DurableName
      expected.push({ name: known, payload: await CAUSES[known](set) })
    }
    // Who is revoked is sent away before they hear of it.
    await ann.heard.next(({ name }) => name === 'user.blocked', 'the last event before the revocation')
    live = places(ann).slice(before)
  }

  await using server = await start()
  await using phone = await device(server, 'ann', { cursor })
  await phone.heard.next(({ name }) => name === 'user.revoked', 'the last of what happened')
  const items = [...phone.heard.items]
  for (const { name, payload } of expected) {
    const found = items.filter((event) => event.name === name && matches(event.payload, payload))
    expect(found, `${name} ${JSON.stringify(payload)} among\n${places(phone).join('\n')}`).toHaveLength(1)
  }
  expect(new Set(items.map(({ name }) => name))).toEqual(new Set(durable))
  expect(places(phone)).toEqual([...live, expect.stringMatching(/ user\.revoked$/)])
  for (const event of items) {
    expect(isDurable(event)).toBe(true)
    expect(events[event.name].payload.parse(event.payload), event.name).toEqual(event.payload)
  }
  expect(JSON.stringify(items)).not.toContain(ERASED)
  const present = JSON.stringify(items, (key, value) => (key === 'originalContent' ? undefined : value))
  expect(present).not.toContain(EDITED)
  const mentions = items.flatMap(({ name, payload }) =>
    name === 'notification.created' && payload.notification.type === 'mention' ? [payload.notification.body] : [],
  )
  expect(mentions).toEqual(['put otherwise', ''])

  await using next = await device(server, 'ann', { cursor: phone.client.cursor })
  await server.app.core.execute(server.app.system, 'user.upsert', { id: 'ann', name: 'Ann of tomorrow' })
  for (const { heard } of [phone, next]) await heard.next(({ name }) => name === 'user.updated', 'what comes after')
  expect(next.heard.items).toHaveLength(1)
  expect(phone.heard.items).toHaveLength(items.length + 1)
}, 60_000)

function matches(payload: object, expected: object): boolean {
  try {
    expect(payload).toMatchObject(expected)
    return true
  } catch {
    return false
  }
}
