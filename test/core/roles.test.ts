/** Rights inside a conversation: an admin manages members, only an owner makes or removes an owner. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { toAppError } from '../../shared/errors.ts'
import type { Actor } from '../../shared/ports.ts'
import { startServer, type TestServer } from '../harness.ts'

const USERS = ['owner', 'second', 'admin', 'member', 'novice'] as const
type User = (typeof USERS)[number]
let server: TestServer
const actors = new Map<User, Actor>()
beforeAll(async () => {
  server = await startServer()
  for (const user of USERS) actors.set(user, await server.actor(user))
})
afterAll(() => server?.close())

function actor(user: User): Actor {
  const found = actors.get(user)
  if (!found) throw new Error(`no actor ${user}`)
  return found
}

async function group(): Promise<string> {
  const { core } = server.app
  const owner = actor('owner')
  const { conversation } = await core.execute(owner, 'conversation.create', { kind: 'group', memberIds: ['member'] })
  const conversationId = conversation.id
  for (const [user, role] of [['second', 'owner'] as const, ['admin', 'admin'] as const])
    await core.execute(owner, 'conversation.addMembers', { conversationId, memberIds: [user], role })
  return conversationId
}

const outcome = (answer: Promise<unknown>) =>
  answer.then(
    () => 'ok',
    (error: unknown) => toAppError(error).code,
  )

test.each([
  ['owner', 'owner', 'ok'],
  ['owner', 'admin', 'ok'],
  ['admin', 'owner', 'FORBIDDEN'],
  ['admin', 'admin', 'ok'],
  ['admin', 'member', 'ok'],
  ['member', 'member', 'FORBIDDEN'],
] as const)('%s adds somebody as %s: %s', async (by, role, expected) => {
  const conversationId = await group()
  const { core, store } = server.app
  const added = core.execute(actor(by), 'conversation.addMembers', { conversationId, memberIds: ['novice'], role })
  expect(await outcome(added)).toBe(expected)
  const standing = await store.reads.members.standing(conversationId, 'novice')
  expect(standing?.role).toBe(expected === 'ok' ? role : undefined)
})

test.each([
  ['owner', 'second', 'ok'],
  ['owner', 'admin', 'ok'],
  ['admin', 'second', 'FORBIDDEN'],
  ['admin', 'member', 'ok'],
  ['member', 'admin', 'FORBIDDEN'],
] as const)('%s removes %s: %s', async (by, userId, expected) => {
  const conversationId = await group()
  const { core, store } = server.app
  expect(await outcome(core.execute(actor(by), 'conversation.removeMember', { conversationId, userId }))).toBe(expected)
  expect((await store.reads.members.standing(conversationId, userId)) === null).toBe(expected === 'ok')
})

test('who is a member already keeps their role', async () => {
  const conversationId = await group()
  const { core, store } = server.app
  const again = { conversationId, memberIds: ['second', 'member', 'member'], role: 'admin' as const }
  expect(await core.execute(actor('admin'), 'conversation.addMembers', again)).toMatchObject({ added: [] })
  expect((await store.reads.members.standing(conversationId, 'second'))?.role).toBe('owner')
  expect((await store.reads.members.standing(conversationId, 'member'))?.role).toBe('member')
})

test.each([
  ['owner', 'member', 'admin', 'ok'],
  ['owner', 'second', 'member', 'ok'],
  ['admin', 'member', 'admin', 'FORBIDDEN'],
  ['member', 'member', 'owner', 'FORBIDDEN'],
  ['owner', 'novice', 'admin', 'NOT_FOUND'],
] as const)('%s makes %s %s: %s', async (by, userId, role, expected) => {
  const conversationId = await group()
  const { core, store } = server.app
  const before = await store.reads.members.standing(conversationId, userId)
  const made = core.execute(actor(by), 'conversation.setRole', { conversationId, userId, role })
  expect(await outcome(made)).toBe(expected)
  expect((await store.reads.members.standing(conversationId, userId))?.role).toBe(
    expected === 'ok' ? role : before?.role,
  )
})

test('there is always an owner: the last one cannot step down, and leaves it to an admin, then to a member', async () => {
  const conversationId = await group()
  const { core, store } = server.app
  const roleOf = async (userId: string) => (await store.reads.members.standing(conversationId, userId))?.role
  const feed = await core.subscribe(actor('member'), {
    kind: 'conversation',
    conversationId,
    names: ['member.updated'],
  })
  for await (const _ of feed.replay());
  const told: unknown[] = []
  feed.attach({ push: ({ payload }) => told.push(payload), end() {} })
  await core.execute(actor('second'), 'conversation.leave', { conversationId })
  expect(told).toEqual([])
  const down = { conversationId, userId: 'owner', role: 'member' } as const
  expect(await outcome(core.execute(actor('owner'), 'conversation.setRole', down))).toBe('CONFLICT')
  await core.execute(actor('owner'), 'conversation.leave', { conversationId })
  expect(await roleOf('admin')).toBe('owner')
  await core.execute(actor('admin'), 'conversation.leave', { conversationId })
  expect(await roleOf('member')).toBe('owner')
  await core.execute(actor('member'), 'conversation.leave', { conversationId })
  expect(told).toEqual([
    { conversationId, userId: 'admin', role: 'owner' },
    { conversationId, userId: 'member', role: 'owner' },
  ])
  feed.detach()
})
