/**
 * Rules 1, 2, 4 and 5: every command against a stranger, a member, the sender, an administrator and a moderator, through the door
 * itself and through the typed entrances over it. The table is keyed by the commands: a new command does not compile without a row.
 * A place is made anew only for a row that may change it: refusals and reads share one.
 */
import { createTRPCClient, createWSClient, httpLink, TRPCClientError, wsLink } from '@trpc/client'
import superjson from 'superjson'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { type CommandName, commands, type Input } from '../shared/commands.ts'
import { type ErrorCode, toAppError } from '../shared/errors.ts'
import { events } from '../shared/events.ts'
import type { Actor } from '../shared/ports.ts'
import type { AppRouter } from '../shared/router/index.ts'
import { startServer, type TestServer } from './harness.ts'

const ROLES = ['stranger', 'member', 'sender', 'admin', 'moderator'] as const
type Role = (typeof ROLES)[number]
/** A group that `sender` owns, with `member`; the message and the schedule are the sender's. */
interface Place {
  readonly conversationId: string
  readonly messageId: string
  readonly scheduleId: string
}
type Outcome = 'ok' | ErrorCode
interface Row<C extends CommandName> {
  /** Without a parameter it is about no place. */
  input: (place: Place) => Input<C>
  /** For a stranger, a member, the sender and an administrator. */
  outcome: readonly [Outcome, Outcome, Outcome, Outcome]
  /** A moderator is a stranger everywhere else. */
  moderator?: Outcome
}
const everybody = ['ok', 'ok', 'ok', 'ok'] as const
const nobody = ['NOT_FOUND', 'NOT_FOUND', 'NOT_FOUND', 'NOT_FOUND'] as const
const members = ['FORBIDDEN', 'ok', 'ok', 'FORBIDDEN'] as const
const ofMessage = ['NOT_FOUND', 'ok', 'ok', 'NOT_FOUND'] as const
const ownerOnly = ['FORBIDDEN', 'FORBIDDEN', 'ok', 'FORBIDDEN'] as const
const senderOnly = ['NOT_FOUND', 'FORBIDDEN', 'ok', 'NOT_FOUND'] as const
const ofSchedule = ['NOT_FOUND', 'NOT_FOUND', 'ok', 'ok'] as const
const adminOnly = ['FORBIDDEN', 'FORBIDDEN', 'FORBIDDEN', 'ok'] as const
/** For the server itself: no entrance has it. */
const serverOnly = ['FORBIDDEN', 'FORBIDDEN', 'FORBIDDEN', 'FORBIDDEN'] as const

const byConversation = ({ conversationId }: Place) => ({ conversationId })
const bySchedule = ({ scheduleId }: Place) => ({ scheduleId })
const byMessage = ({ messageId }: Place) => ({ messageId })

const TABLE: { [C in CommandName]: Row<C> } = {
  'user.me': { input: () => ({}), outcome: everybody },
  'user.get': { input: () => ({ userId: 'member' }), outcome: everybody },
  'user.upsert': { input: () => ({ id: 'someone', name: 'Someone' }), outcome: adminOnly },
  'account.register': {
    input: () => ({ logins: ['ann@example.org'], passwordHash: '$', name: 'Ann' }),
    outcome: serverOnly,
  },
  'account.find': { input: () => ({ login: 'ann@example.org' }), outcome: serverOnly },
  'user.block': { input: () => ({ userId: 'blocked' }), outcome: everybody },
  'user.unblock': { input: () => ({ userId: 'blocked' }), outcome: everybody },
  'user.blocks': { input: () => ({}), outcome: everybody },
  'conversation.create': { input: () => ({ kind: 'group', memberIds: ['member'] }), outcome: everybody },
  'conversation.get': { input: byConversation, outcome: ['FORBIDDEN', 'ok', 'ok', 'ok'] },
  'conversation.list': { input: () => ({}), outcome: everybody },
  'conversation.count': { input: () => ({}), outcome: everybody },
  'conversation.direct': { input: () => ({ userId: 'member' }), outcome: everybody },
  'conversation.update': { input: (place) => ({ ...byConversation(place), title: 'new' }), outcome: ownerOnly },
  'conversation.addMembers': {
    input: (place) => ({ ...byConversation(place), memberIds: ['stranger'] }),
    outcome: ownerOnly,
  },
  'conversation.setRole': {
    input: (place) => ({ ...byConversation(place), userId: 'member', role: 'admin' }),
    outcome: ownerOnly,
  },
  'conversation.removeMember': {
    input: (place) => ({ ...byConversation(place), userId: 'member' }),
    outcome: ownerOnly,
  },
  'conversation.join': { input: byConversation, outcome: members },
  'conversation.leave': { input: byConversation, outcome: everybody },
  'conversation.configure': { input: (place) => ({ ...byConversation(place), pinned: true }), outcome: members },
  'conversation.view': { input: byConversation, outcome: members },
  'message.send': { input: (place) => ({ ...byConversation(place), content: 'hi' }), outcome: members },
  'message.history': { input: byConversation, outcome: members },
  'message.get': { input: byMessage, outcome: ofMessage },
  'message.edit': { input: (place) => ({ ...byMessage(place), content: 'better' }), outcome: senderOnly },
  'message.versions': { input: byMessage, outcome: ofMessage },
  'message.delete': { input: byMessage, outcome: ['NOT_FOUND', 'FORBIDDEN', 'ok', 'ok'], moderator: 'ok' },
  'message.hide': { input: byMessage, outcome: ofMessage },
  'message.replies': { input: byMessage, outcome: ofMessage },
  'message.react': { input: (place) => ({ ...byMessage(place), reaction: '👍' }), outcome: ofMessage },
  'message.markDelivered': { input: byConversation, outcome: members },
  'message.markRead': { input: byMessage, outcome: ofMessage },
  'message.markUnread': { input: byMessage, outcome: ofMessage },
  'message.readers': { input: byMessage, outcome: ofMessage },
  'message.search': { input: (place) => ({ ...byConversation(place), query: 'first' }), outcome: members },
  'message.missed': { input: () => ({ since: new Date(0) }), outcome: everybody },
  'lock.acquire': { input: byMessage, outcome: ofMessage },
  'lock.renew': {
    input: (place) => ({ ...byMessage(place), token: 1 }),
    outcome: ['NOT_FOUND', 'CONFLICT', 'CONFLICT', 'NOT_FOUND'],
  },
  'lock.release': { input: (place) => ({ ...byMessage(place), token: 1 }), outcome: ofMessage },
  'lock.list': { input: byConversation, outcome: members },
  'notification.list': { input: () => ({}), outcome: everybody },
  'notification.count': { input: () => ({}), outcome: everybody },
  'notification.unreadCount': { input: () => ({}), outcome: everybody },
  'notification.get': { input: () => ({ notificationId: 'not theirs' }), outcome: nobody },
  'notification.read': { input: () => ({ notificationIds: ['not theirs'] }), outcome: everybody },
  'notification.readAll': { input: () => ({}), outcome: everybody },
  'notification.delete': { input: () => ({ notificationIds: ['not theirs'] }), outcome: everybody },
  'notification.deleteAll': { input: () => ({}), outcome: everybody },
  'notification.mute': { input: () => ({ types: ['call'] }), outcome: everybody },
  'notification.muted': { input: () => ({}), outcome: everybody },
  'notification.send': { input: () => ({ userId: 'member', title: 'Hello' }), outcome: adminOnly },
  'queue.size': { input: () => ({ userId: 'member' }), outcome: ['FORBIDDEN', 'ok', 'FORBIDDEN', 'ok'] },
  'queue.peek': { input: () => ({}), outcome: everybody },
  'queue.dequeue': { input: () => ({}), outcome: everybody },
  'queue.enqueue': { input: () => ({ userId: 'member', content: 'hi' }), outcome: adminOnly },
  'presence.set': { input: () => ({ status: 'away' }), outcome: everybody },
  'presence.get': { input: () => ({ userIds: ['member'] }), outcome: everybody },
  'presence.online': { input: byConversation, outcome: ['FORBIDDEN', 'ok', 'ok', 'ok'] },
  'presence.beat': { input: () => ({ roundTripMs: 12 }), outcome: everybody },
  'presence.metrics': { input: () => ({}), outcome: everybody },
  'typing.set': { input: (place) => ({ ...byConversation(place), typing: true }), outcome: members },
  'call.signal': { input: () => ({ signal: 'offer', to: 'member', data: { sdp: 'x' } }), outcome: everybody },
  'sync.snapshot': { input: () => ({}), outcome: everybody },
  'cursor.load': { input: () => ({ userId: 'member', dialect: 'rooms', scope: 'all' }), outcome: serverOnly },
  'cursor.save': { input: () => ({ cursors: [] }), outcome: serverOnly },
  'admin.stats': { input: () => ({}), outcome: adminOnly },
  'admin.audit': { input: () => ({}), outcome: adminOnly },
  'schedule.create': {
    input: () => ({
      userId: 'member',
      name: 'Bed',
      when: { kind: 'cron', cron: '0 20 1 1 *' },
      timeZone: 'UTC',
      title: 'x',
    }),
    outcome: ['FORBIDDEN', 'ok', 'FORBIDDEN', 'ok'],
  },
  'schedule.get': { input: bySchedule, outcome: ofSchedule },
  'schedule.list': { input: () => ({}), outcome: everybody },
  'schedule.update': { input: (place) => ({ ...bySchedule(place), title: 'y' }), outcome: ofSchedule },
  'schedule.toggle': { input: (place) => ({ ...bySchedule(place), enabled: false }), outcome: ofSchedule },
  'schedule.delete': { input: bySchedule, outcome: ofSchedule },
  'notification.broadcast': { input: () => ({ title: 'To all' }), outcome: adminOnly },
  'admin.connections': { input: () => ({}), outcome: adminOnly },
  'admin.rooms': { input: () => ({}), outcome: adminOnly },
  'admin.conversations': { input: () => ({}), outcome: adminOnly },
  'admin.history': { input: byConversation, outcome: adminOnly },
  'admin.queues': { input: () => ({ userId: 'member' }), outcome: adminOnly },
  'admin.kick': { input: () => ({ userId: 'someone' }), outcome: adminOnly },
  'admin.revoke': { input: () => ({ userId: 'system' }), outcome: adminOnly },
  'admin.explain': { input: byMessage, outcome: adminOnly },
  'admin.test': { input: () => ({ userId: 'member', message: 'hello' }), outcome: adminOnly },
}
const names = Object.keys(commands) as CommandName[]

let server: TestServer
const actors = new Map<Role, Actor>()
let shared: Place
const claims = (role: Role) => (role === 'admin' || role === 'moderator' ? { role } : {})
function outcomeOf(name: CommandName, role: Role): Outcome {
  const { outcome, moderator } = TABLE[name]
  const own = role === 'moderator' ? moderator : outcome[ROLES.indexOf(role)]
  return own ?? outcome[0]
}
beforeAll(async () => {
  server = await startServer()
  for (const role of ROLES) actors.set(role, await server.actor(role, claims(role)))
  await server.actor('blocked')
  shared = await place()
})
afterAll(() => server?.close())

function actor(role: Role): Actor {
  const found = actors.get(role)
  if (!found) throw new Error(`no actor ${role}`)
  return found
}

let scheduleId = ''
/** One is enough, and a user may not have one for each row: made anew where a row has deleted it. */
async function theSchedule(sender: Actor): Promise<string> {
  const { core, store } = server.app
  if (await store.reads.schedules.get(scheduleId)) return scheduleId
  const when = { kind: 'bedtime' as const, time: '20:00', weekdays: [0] }
  const given = { name: 'Bed', when, timeZone: 'Europe/Berlin', title: 'To bed' }
  scheduleId = (await core.execute(sender, 'schedule.create', given)).id
  return scheduleId
}

async function place(): Promise<Place> {
  const { core } = server.app
  const sender = actor('sender')
  const { conversation } = await core.execute(sender, 'conversation.create', { kind: 'group', memberIds: ['member'] })
  const message = await core.execute(sender, 'message.send', { conversationId: conversation.id, content: 'first' })
  return { conversationId: conversation.id, messageId: message.id, scheduleId: await theSchedule(sender) }
}

/** What a command is given by somebody whom this awaits. */
async function inputOf(name: CommandName, outcome: Outcome): Promise<unknown> {
  const { input } = TABLE[name]
  if (input.length === 0) return input(shared)
  if (commands[name].kind === 'write' && outcome === 'ok') return input(await place())
  return input({ ...shared, scheduleId: await theSchedule(actor('sender')) })
}

const code = (error: unknown): string =>
  error instanceof TRPCClientError ? (error.data?.app?.code ?? error.message) : toAppError(error).code

describe('through the door', () => {
  const rows = names.flatMap((name) => ROLES.map((role) => [name, role, outcomeOf(name, role)] as const))
  test.each(rows)('%s by %s: %s', async (name, role, outcome) => {
    // `name` and its input come from the same row of the table.
    const run = server.app.core.execute(actor(role), name, (await inputOf(name, outcome)) as never)
    expect(await run.then(() => 'ok', code)).toBe(outcome)
  })
})

describe.each(['WebSocket', 'HTTP'] as const)('through tRPC over %s', (way) => {
  test.each(ROLES)('every command by %s, as at the door', async (role) => {
    const token = server.token(role, claims(role))
    const ws = createWSClient({ url: server.wsUrl, WebSocket: WebSocket as never, connectionParams: { token } })
    const link = {
      WebSocket: () => wsLink<AppRouter>({ client: ws, transformer: superjson }),
      HTTP: () =>
        httpLink<AppRouter>({
          url: `${server.url}/trpc`,
          transformer: superjson,
          headers: { authorization: `Bearer ${token}` },
        }),
    }[way]()
    const client = createTRPCClient<AppRouter>({ links: [link] })
    const got: Record<string, string> = {}
    const expected: Record<string, string> = {}
    for (const name of names) {
      // `call` is a word that tRPC keeps for itself.
      const [noun = '', verb = ''] = name.replace(/^call\./, 'calls.').split('.')
      const procedure = (
        client as never as Record<string, Record<string, Record<string, (input: unknown) => Promise<unknown>>>>
      )[noun]?.[verb]
      const call = procedure?.[commands[name].kind === 'read' ? 'query' : 'mutate']
      const outcome = outcomeOf(name, role)
      got[name] = call ? await call(await inputOf(name, outcome)).then(() => 'ok', code) : 'no such procedure'
      expected[name] = TABLE[name].outcome === serverOnly ? 'NOT_FOUND' : outcome
    }
    await ws.close()
    expect(got).toEqual(expected)
  })
})

test('without a token, every command is UNAUTHENTICATED', async () => {
  const client = createTRPCClient<AppRouter>({
    links: [httpLink({ url: `${server.url}/trpc`, transformer: superjson })],
  })
  expect(await client.user.me.query().catch(code)).toBe('UNAUTHENTICATED')
})

test('identity is that of the handshake: a senderId in the input changes nothing', async () => {
  const { conversationId } = await place()
  const forged = { conversationId, content: 'x', senderId: 'sender', actorId: 'sender' }
  const message = await server.app.core.execute(actor('member'), 'message.send', forged)
  expect(message.senderId).toBe('member')
})

test('everything that leaves is a row of the table of events, as its schema says', async () => {
  const seen = new Map<string, boolean>()
  const feed = await server.app.core.subscribe(server.app.system, { kind: 'log' })
  for await (const _page of feed.replay());
  feed.attach({
    push: (event) => seen.set(event.name, events[event.name].payload.safeParse(event.payload).success),
    end() {},
  })
  for (const name of names) {
    for (const role of ['admin', 'sender'] as const) {
      const input = await inputOf(name, outcomeOf(name, role))
      await server.app.core.execute(actor(role), name, input as never).catch(code)
    }
  }
  feed.detach()
  expect([...seen].filter(([, valid]) => !valid)).toEqual([])
  expect(seen.size).toBeGreaterThan(10)
})
