/** What roles may do, as typed clients meet it: who opens a conversation with whom, who deletes messages, rows of an operator. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createClient, type Event, isParleyError } from '../../client/index.ts'
import { startServer, type TestServer } from '../harness.ts'
import { Inbox } from '../inbox.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server?.close())

async function device(userId: string, role: string, on = server) {
  const client = createClient({ url: on.url, token: on.token(userId, { role }) })
  await client.ready()
  return { userId, client, api: client.api, [Symbol.asyncDispose]: () => client.close() }
}
type Device = Awaited<ReturnType<typeof device>>

const refusal = (call: Promise<unknown>) =>
  call.then(
    () => 'ok',
    (error) => (isParleyError(error) ? error.code : error),
  )

let users = 0
/** A user whom no other test knows. */
const anyone = (role: string, on = server) => device(`${role} ${++users}`, role, on)

describe('who opens a direct conversation with whom', () => {
  const rows = [
    ['CLIENT', 'Craftsman', 'ok'],
    ['admin', 'craftsman', 'ok'],
    ['moderator', 'craftsman', 'FORBIDDEN'],
    ['student', 'craftsman', 'FORBIDDEN'],
    ['user', 'craftsman', 'FORBIDDEN'],
    ['craftsman', 'craftsman', 'FORBIDDEN'],
    ['Craftsman', 'client', 'FORBIDDEN'],
    ['craftsman', 'student', 'FORBIDDEN'],
    ['craftsman', 'admin', 'ok'],
    ['craftsman', 'support', 'ok'],
    ['client', 'client', 'ok'],
    ['student', 'teacher', 'ok'],
  ] as const
  test.each(rows)('%s with %s: %s', async (opener, peer, outcome) => {
    await using by = await anyone(opener)
    const [first, second] = [`${peer} ${++users}`, `${peer} ${++users}`]
    for (const userId of [first, second]) await server.actor(userId, { role: peer })
    expect(await refusal(by.api.conversation.create.mutate({ memberIds: [first] }))).toBe(outcome)
    expect(await refusal(by.api.message.send.mutate({ to: second, content: 'hi' }))).toBe(outcome)
    expect((await by.api.conversation.list.query({})).conversations).toHaveLength(outcome === 'ok' ? 2 : 0)
  })

  test('a craftsman answers in what a client opened, and finds it again; groups are open to both', async () => {
    await using client = await anyone('client')
    await using craftsman = await anyone('craftsman')
    const { conversationId } = await client.api.message.send.mutate({ to: craftsman.userId, content: 'A roof?' })
    const answer = await craftsman.api.message.send.mutate({ to: client.userId, content: 'Yes' })
    expect(answer.conversationId).toBe(conversationId)
    const found = await craftsman.api.conversation.create.mutate({ memberIds: [client.userId] })
    expect(found).toMatchObject({ created: false, conversation: { id: conversationId } })
    const group = craftsman.api.conversation.create.mutate({ kind: 'group', memberIds: [client.userId] })
    expect(await refusal(group)).toBe('ok')
    const student = await server.actor(`student ${++users}`, { role: 'student' })
    const refused = server.app.core.execute(student, 'message.send', { to: craftsman.userId, content: 'hi' })
    await expect(refused).rejects.toThrow('A student may not open a conversation with a craftsman')
  })
})

describe('who deletes a message', () => {
  /** A place of `owner`, an `admin` of it, `sender` and `member`, with a message of the sender's; `heard` by the member. */
  async function place(kind: 'group' | 'channel') {
    const [owner, admin, sender, member] = await Promise.all(Array.from({ length: 4 }, () => anyone('client')))
    if (!owner || !admin || !sender || !member) throw new Error('there are four')
    const heard = new Inbox<Event>(({ name }) => name)
    member.client.on('message.deleted', heard.push)
    const memberIds = [admin.userId, sender.userId, member.userId]
    const { conversation } = await owner.api.conversation.create.mutate({ kind, memberIds })
    const conversationId = conversation.id
    await owner.api.conversation.setRole.mutate({ conversationId, userId: admin.userId, role: 'admin' })
    const say = async () => (await sender.api.message.send.mutate({ conversationId, content: 'said' })).id
    const close = async () => {
      await Promise.all([owner, admin, sender, member].map(({ client }) => client.close()))
    }
    return { owner, admin, sender, member, heard, conversationId, say, [Symbol.asyncDispose]: close }
  }
  const erased = (heard: Inbox<Event>, messageId: string) =>
    heard.next((event) => event.name === 'message.deleted' && event.payload.message.id === messageId, 'the deletion')

  test.each(['group', 'channel'] as const)('in a %s its sender, owner and admin, no other member', async (kind) => {
    await using all = await place(kind)
    for (const by of [all.sender, all.owner, all.admin]) {
      const messageId = await all.say()
      expect(await refusal(all.member.api.message.delete.mutate({ messageId }))).toBe('FORBIDDEN')
      expect(await by.api.message.delete.mutate({ messageId })).toMatchObject({ content: '', deletedBy: by.userId })
      expect((await erased(all.heard, messageId)).payload).toMatchObject({ message: { deletedBy: by.userId } })
    }
  })

  test('as their own its sender alone, whatever others may', async () => {
    await using all = await place('group')
    await using moderator = await anyone('moderator')
    const own = { messageId: await all.say(), own: true }
    expect(await refusal(all.owner.api.message.delete.mutate(own))).toBe('FORBIDDEN')
    expect(await refusal(moderator.api.message.delete.mutate(own))).toBe('NOT_FOUND')
    expect(await refusal(all.sender.api.message.delete.mutate(own))).toBe('ok')
  })

  test.each(['Moderator', 'admin'])('%s: anywhere, and reads nothing', async (role) => {
    await using all = await place('group')
    await using by = await anyone(role)
    const { conversationId } = all
    const messageId = await all.say()
    expect(await refusal(by.api.message.get.query({ messageId }))).toBe('NOT_FOUND')
    expect(await refusal(by.api.message.history.query({ conversationId }))).toBe('FORBIDDEN')
    expect(await refusal(by.api.message.edit.mutate({ messageId, content: 'better' }))).toBe('NOT_FOUND')
    expect(await by.api.message.delete.mutate({ messageId })).toMatchObject({ content: '', deletedBy: by.userId })
    expect(await erased(all.heard, messageId)).toMatchObject({
      ...{ actorId: by.userId, payload: { message: { id: messageId, content: '', deletedBy: by.userId } } },
    })
    expect(await refusal(by.api.message.delete.mutate({ messageId }))).toBe('CONFLICT')
    expect(await refusal(by.api.message.delete.mutate({ messageId: 'no such message' }))).toBe('NOT_FOUND')
  })

  test('in a direct conversation a moderator and the sender, not the other', async () => {
    await using ann = await anyone('client')
    await using bob = await anyone('client')
    await using moderator = await anyone('moderator')
    const first = await ann.api.message.send.mutate({ to: bob.userId, content: 'said' })
    expect(await refusal(bob.api.message.delete.mutate({ messageId: first.id }))).toBe('FORBIDDEN')
    expect(await moderator.api.message.delete.mutate({ messageId: first.id })).toMatchObject({ content: '' })
    const { messages } = await bob.api.message.history.query({ conversationId: first.conversationId })
    expect(messages).toMatchObject([{ content: '', deletedBy: moderator.userId }])
  })
})

test("an operator's rows replace the usual ones and add others; a role without a row has the default", async () => {
  await using other = await startServer({
    rights: {
      craftsman: { openedBy: ['client', 'Broker'] },
      broker: { moderates: true, opensWith: ['craftsman'] },
      default: { openedBy: ['default'] },
    },
  })
  const opens = async (by: Device, role: string) => {
    const { userId } = await other.actor(`${role} ${++users}`, { role })
    return refusal(by.api.conversation.create.mutate({ memberIds: [userId] }))
  }
  await using craftsman = await anyone('craftsman', other)
  await using broker = await anyone('broker', other)
  await using guest = await anyone('guest', other)
  expect(await opens(craftsman, 'client')).toBe('ok')
  expect(await opens(broker, 'craftsman')).toBe('ok')
  expect(await opens(broker, 'client')).toBe('FORBIDDEN')
  expect(await opens(craftsman, 'guest')).toBe('FORBIDDEN')
  expect(await opens(guest, 'visitor')).toBe('ok')
  expect(await opens(guest, 'craftsman')).toBe('FORBIDDEN')
  const { id } = await guest.api.message.send.mutate({
    to: (await other.actor('host', { role: 'host' })).userId,
    content: 'hi',
  })
  expect(await broker.api.message.delete.mutate({ messageId: id })).toMatchObject({ deletedBy: broker.userId })
  expect(await refusal(broker.api.admin.stats.query())).toBe('FORBIDDEN')
})

test('an actor has the school of the directory, also where the token says nothing of it; the server has none', async () => {
  expect((await server.actor('sue', { schoolId: 'north' })).schoolId).toBe('north')
  expect((await server.actor('sue')).schoolId).toBe('north')
  expect((await server.actor('sam')).schoolId).toBeNull()
  expect(server.app.system.schoolId).toBeNull()
})
