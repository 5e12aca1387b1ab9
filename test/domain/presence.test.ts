/** Presence, as typed clients see it: who is told of whom, how often, and what is never told. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createClient } from '../../client/index.ts'
import { system } from '../../server/auth.ts'
import type { Event } from '../../shared/events.ts'
import type { CustomStatus, Presence, Status } from '../../shared/model.ts'
import type { Actor } from '../../shared/ports.ts'
import { Inbox } from '../inbox.ts'
import { openMemory } from '../store/databases.ts'
import { type Backend, startBackend, startEntrance } from '../trpc.entrance.ts'

type Heard = Event<'presence.changed'>
const show = ({ payload }: Heard) => payload.changes.map(({ userId, status }) => `${userId} ${status}`).join(', ')

let backend: Backend
let entrance: Awaited<ReturnType<typeof startEntrance>>
beforeAll(async () => {
  backend = await startBackend({ store: await openMemory(), presence: { windowMs: 25, graceMs: 150 }, beatMs: 1_000 })
  entrance = await startEntrance(backend)
})
afterAll(async () => {
  await entrance?.[Symbol.asyncDispose]()
  await backend?.[Symbol.asyncDispose]()
})

/** A device of a user of whose coming all have been told. */
async function device(userId: string, claims: object = { role: 'client' }) {
  const client = createClient({ url: entrance.url, token: backend.auth.sign({ userId, ...claims }, 3_600) })
  const heard = new Inbox<Heard>(show)
  client.on('presence.changed', heard.push)
  await client.ready()
  await vi.waitUntil(() => backend.presence.roster.get(userId)?.told, { interval: 5, timeout: 5_000 })
  /** The next that is told of this user. */
  const of = async (other: string, what = `what is told of ${other}`) => {
    const event = await heard.next(({ payload }) => payload.changes.some((change) => change.userId === other), what)
    const change = event.payload.changes.find(({ userId }) => userId === other)
    if (!change) throw new Error('the inbox gave another event')
    return change
  }
  const get = async (...userIds: string[]) => (await client.api.presence.get.query({ userIds })).users
  return { client, api: client.api, heard, of, get, [Symbol.asyncDispose]: () => client.close() }
}

const run: Backend['core']['execute'] = (actor, name, input) => backend.core.execute(actor, name, input)

let places = 0
/** Three who share a group, and one who does not. */
async function place() {
  places++
  const [ann, bob, cid, dan] = [`ann${places}`, `bob${places}`, `cid${places}`, `dan${places}`]
  const actors = await Promise.all([ann, bob, cid, dan].map((id) => backend.actor(id)))
  const [annActor] = actors as [Actor, ...Actor[]]
  const { conversation } = await run(annActor, 'conversation.create', { kind: 'group', memberIds: [bob, cid] })
  return { ann, bob, cid, dan, annActor, conversationId: conversation.id }
}
const custom = (message: string, expiresAt: Date | null = null): CustomStatus => ({ message, emoji: '🌴', expiresAt })
const away = (userId: string, status: Status = 'offline'): Presence => ({
  ...{ userId, status, custom: null, lastSeenAt: null },
})
/** The same as a change, of a client unless said otherwise. */
const changed = (presence: Presence, was: Status, role = 'client') => ({ ...presence, role, was })
/** What is seen of somebody whose change was told. */
const seen = ({ role: _, was: __, ...presence }: Presence & { role?: string; was?: Status }): Presence => presence

test('who comes is told once, who goes once the grace is over with when; a device more or less changes nothing', async () => {
  const { ann, bob, dan } = await place()
  await using a = await device(ann)
  await using stranger = await device(dan)
  const phone = await device(bob)
  expect(await a.of(bob)).toEqual(changed(away(bob, 'online'), 'offline'))
  const laptop = await device(bob)
  await phone.client.close()
  await laptop.client.close()
  const before = Date.now()
  const left = await a.of(bob)
  expect(left).toMatchObject({ status: 'offline', was: 'online', lastSeenAt: expect.any(Date) })
  expect(Math.abs((left.lastSeenAt?.getTime() ?? 0) - before)).toBeLessThan(10_000)
  expect(await a.get(bob, dan, ann)).toEqual(expect.arrayContaining([seen(left), away(ann, 'online')]))
  expect(await a.get(dan)).toEqual([])
  await using back = await device(bob)
  expect(await a.of(bob)).toMatchObject({ status: 'online', was: 'offline' })
  expect(a.heard.items.map(show)).toEqual([`${bob} online`, `${bob} offline`, `${bob} online`])
  expect(back.heard.items).toEqual([])
  expect(stranger.heard.items).toEqual([])
})

test('a status is stored, told to the others and to the own devices, and there is after a reconnect', async () => {
  const { ann, bob } = await place()
  await using a = await device(ann)
  await using phone = await device(bob)
  await using b = await device(bob)
  await a.of(bob)
  expect(await b.api.presence.set.mutate({ status: 'dnd', custom: custom('on a beach') })).toEqual({
    status: 'dnd',
    custom: custom('on a beach'),
  })
  const expected = { ...away(bob, 'dnd'), custom: custom('on a beach') }
  // At once for who asks.
  expect(await a.get(bob)).toEqual([expected])
  for (const { of } of [a, phone, b]) expect(await of(bob)).toEqual(changed(expected, 'online'))
  await b.api.presence.set.mutate({ status: 'busy' })
  expect(await a.of(bob)).toEqual(changed({ ...expected, status: 'busy' }, 'dnd'))
  await b.api.presence.set.mutate({ custom: null })
  expect(await a.of(bob)).toEqual(changed(away(bob, 'busy'), 'busy'))
  await Promise.all([phone.client.close(), b.client.close()])
  expect(await a.of(bob)).toMatchObject({ status: 'offline', was: 'busy', custom: null })
  await using back = await device(bob)
  expect(await a.of(bob)).toMatchObject({ status: 'busy' })
  // The same again is no news.
  await back.api.presence.set.mutate({ status: 'busy' })
  await back.api.presence.set.mutate({ status: 'away' })
  expect(await a.of(bob)).toMatchObject({ status: 'away' })
})

test('a custom status ends by itself, and that is told; it is over for who asks, also of somebody who is away', async () => {
  const { ann, bob, cid } = await place()
  await using a = await device(ann)
  await using b = await device(bob)
  await a.of(bob)
  const soon = () => new Date(Date.now() + 400)
  await b.api.presence.set.mutate({ custom: custom('back soon', soon()) })
  expect(await a.of(bob)).toMatchObject({ custom: { message: 'back soon' } })
  expect(await a.of(bob)).toEqual(changed(away(bob, 'online'), 'online'))
  const cidActor = await backend.actor(cid)
  await run(cidActor, 'presence.set', { custom: custom('gone fishing', soon()) })
  expect(await a.get(cid)).toMatchObject([{ status: 'offline', custom: { message: 'gone fishing' } }])
  await expect.poll(() => a.get(cid)).toEqual([away(cid)])
  const past = { custom: custom('late', new Date(Date.now() - 1_000)) }
  expect(await run(cidActor, 'presence.set', past)).toEqual({ status: 'online', custom: null })
})

test('bad input is refused by name', async () => {
  const { annActor } = await place()
  for (const input of [
    { status: 'asleep' as never },
    { custom: { message: 'x'.repeat(101) } },
    { custom: { message: null } },
  ])
    await expect(run(annActor, 'presence.set', input)).rejects.toMatchObject({ code: 'INVALID_INPUT' })
  for (const userIds of [[], Array.from({ length: 201 }, (_, n) => `u${n}`)])
    await expect(run(annActor, 'presence.get', { userIds })).rejects.toMatchObject({ code: 'INVALID_INPUT' })
  for (const input of [{}, { role: 'teacher' }, { conversationId: 'c', schoolId: 's' }])
    await expect(run(annActor, 'presence.online', input)).rejects.toMatchObject({ code: 'INVALID_INPUT' })
})

test('who is invisible appears as one who left, hears the others, and their going is not noticed', async () => {
  const { ann, bob, conversationId } = await place()
  await using a = await device(ann)
  const b = await device(bob)
  await a.of(bob)
  await b.api.presence.set.mutate({ status: 'offline' })
  const left = await a.of(bob)
  expect(left).toMatchObject({ status: 'offline', lastSeenAt: expect.any(Date) })
  expect(backend.presence.online(bob)).toBe(true)
  expect((await a.api.presence.online.query({ conversationId })).users.map(({ userId }) => userId)).toEqual([ann])
  await a.api.presence.set.mutate({ status: 'away' })
  expect(await b.of(ann)).toMatchObject({ status: 'away' })
  await b.client.close()
  await expect.poll(() => backend.presence.shown(bob)).toBe(false)
  expect(await a.get(bob)).toEqual([seen(left)])
  expect(a.heard.items.map(show)).toEqual([`${bob} online`, `${bob} offline`, `${ann} away`])
})

test('who joins a conversation is told of from then on, and who leaves it no longer', async () => {
  const { ann, dan, annActor, conversationId } = await place()
  await using a = await device(ann)
  await using d = await device(dan)
  await run(annActor, 'conversation.addMembers', { conversationId, memberIds: [dan] })
  const online = async () => (await a.api.presence.online.query({ conversationId })).users
  await expect.poll(online).toEqual([away(ann, 'online'), away(dan, 'online')])
  await d.api.presence.set.mutate({ status: 'busy' })
  expect(await a.of(dan)).toMatchObject({ status: 'busy' })
  await run(annActor, 'conversation.removeMember', { conversationId, userId: dan })
  await d.api.presence.set.mutate({ status: 'away' })
  await d.of(dan, 'their own')
  await d.of(dan, 'their own, again')
  expect(await a.get(dan)).toEqual([])
  expect(a.heard.items.map(show)).toEqual([`${dan} busy`])
})

test('two with a block between them are offline to each other, from the block on until it ends', async () => {
  const { ann, bob, cid, conversationId } = await place()
  await using a = await device(ann)
  await using b = await device(bob)
  await a.of(bob)
  await a.api.user.block.mutate({ userId: bob })
  expect(await a.of(bob)).toEqual(changed(away(bob), 'online'))
  expect(await b.of(ann)).toEqual(changed(away(ann), 'online'))
  await using c = await device(cid)
  await Promise.all([a.of(cid), b.of(cid)])
  for (const one of [a, b]) {
    const { users } = await one.api.presence.online.query({ conversationId })
    expect(users.map(({ userId }) => userId).sort()).toEqual([one === a ? ann : bob, cid].sort())
  }
  expect(await b.get(ann)).toEqual([away(ann)])
  expect(await c.get(ann, bob)).toHaveLength(2)
  await a.api.presence.set.mutate({ status: 'busy' })
  expect(await c.of(ann)).toMatchObject({ status: 'busy' })
  await a.api.user.unblock.mutate({ userId: bob })
  expect(await b.of(ann)).toEqual(changed(away(ann, 'busy'), 'offline'))
  expect(await a.of(bob)).toEqual(changed(away(bob, 'online'), 'offline'))
  expect(b.heard.items.map(show)).toEqual([`${ann} offline`, `${cid} online`, `${ann} busy`])
})

describe('a school', () => {
  /** Who is online in it, in the order of their names. */
  const SCHOOL = {
    anna: { role: 'Admin', schoolId: 'school' },
    gus: { role: 'client', schoolId: 'school' },
    head: { role: 'admin', schoolId: 'elsewhere' },
    sam: { role: 'student', schoolId: 'school', classIds: ['2b'] },
    sue: { role: 'STUDENT', schoolId: 'school', classIds: ['1a'] },
    tess: { role: 'teacher', schoolId: 'school', classIds: ['2b'] },
    tom: { role: 'Teacher', schoolId: 'school', classIds: ['1a'] },
  }
  type Name = keyof typeof SCHOOL
  const names = Object.keys(SCHOOL) as Name[]
  const devices = new Map<Name, Awaited<ReturnType<typeof device>>>()
  const of = (name: Name) => {
    const found = devices.get(name)
    if (!found) throw new Error(`no device of ${name}`)
    return found
  }
  const sorted = (users: readonly Presence[]) => users.map(({ userId }) => userId).sort()
  beforeAll(async () => {
    for (const name of names) devices.set(name, await device(name, SCHOOL[name]))
  })
  afterAll(async () => {
    for (const { client } of devices.values()) await client.close()
  })

  test.each([
    ['anna', names],
    ['gus', ['gus']],
    ['tom', ['anna', 'sue', 'tess', 'tom']],
    ['tess', ['anna', 'sam', 'tess', 'tom']],
    ['sue', ['anna', 'sue', 'tom']],
    ['sam', ['anna', 'sam', 'tess']],
  ] as const)('%s sees %s', async (name, seen) => {
    expect(sorted(await of(name).get(...names, 'nobody'))).toEqual(seen)
    const { users } = await of(name).api.presence.online.query({ schoolId: 'school' })
    expect(sorted(users)).toEqual(seen.filter((other) => other !== 'head'))
  })

  test('those online are found by school, role and class', async () => {
    const online = async (input: Parameters<ReturnType<typeof of>['api']['presence']['online']['query']>[0]) =>
      sorted((await of('anna').api.presence.online.query(input)).users)
    expect(await online({ schoolId: 'school', role: 'student' })).toEqual(['sam', 'sue'])
    expect(await online({ schoolId: 'school', role: 'TEACHER' })).toEqual(['tess', 'tom'])
    expect(await online({ classId: '1a' })).toEqual(['sue', 'tom'])
    expect(await online({ classId: '1a', role: 'teacher' })).toEqual(['tom'])
    expect(await online({ classId: '1a', schoolId: 'elsewhere' })).toEqual([])
    expect(await online({ schoolId: 'school', limit: 3 })).toHaveLength(3)
  })

  test('a subscription hears of those it is about, as far as it may, and of nobody else', async () => {
    const watch = async (
      name: Name,
      input: Parameters<ReturnType<typeof of>['api']['presence']['onChange']['subscribe']>[0],
    ) => {
      const heard = new Inbox<string>(String)
      const ready = new Inbox<true>()
      const subscription = of(name).api.presence.onChange.subscribe(input, {
        onData: ({ data }) => {
          if (data.length === 0) ready.push(true)
          for (const { payload } of data)
            if ('changes' in payload) for (const one of payload.changes) heard.push(`${one.userId} ${one.status}`)
        },
      })
      await ready.count(1, 'the first page')
      return { heard, stop: () => subscription.unsubscribe() }
    }
    const watches = {
      school: await watch('tom', { schoolId: 'school' }),
      teachers: await watch('anna', { schoolId: 'school', role: 'teacher' }),
      class: await watch('tess', { classId: '2b' }),
      two: await watch('sue', { userIds: ['tom', 'tess', 'sue'] }),
      stranger: await watch('gus', { schoolId: 'school' }),
    }
    // Last of all somebody of whom each of them hears, but the stranger.
    for (const name of ['sam', 'tess', 'gus', 'sue', 'tom'] as const) {
      await of(name).api.presence.set.mutate({ status: 'busy' })
      await of(name).of(name)
    }
    for (const { heard } of [watches.school, watches.teachers]) await heard.count(2, 'two of them')
    for (const { heard } of [watches.two, watches.class]) await heard.count(1, 'one of them')
    expect(watches.school.heard.items).toEqual(['tess busy', 'sue busy'])
    expect(watches.teachers.heard.items).toEqual(['tess busy', 'tom busy'])
    expect(watches.class.heard.items).toEqual(['sam busy'])
    expect(watches.two.heard.items).toEqual(['tom busy'])
    expect(watches.stranger.heard.items).toEqual([])
    for (const { stop } of Object.values(watches)) stop()
  })
})

test('one frame has each user once, however they are found', async () => {
  await using tess = await device('tess2', { role: 'teacher', schoolId: 'other school', classIds: ['1c'] })
  await using sue = await device('sue2', { role: 'student', schoolId: 'other school', classIds: ['1c', '1c'] })
  const heard = new Inbox<Event>(({ name }) => name)
  const ready = new Inbox<true>()
  const subscription = tess.api.presence.onChange.subscribe(
    { classId: '1c' },
    { onData: ({ data }) => (data.length === 0 ? ready.push(true) : data.forEach(heard.push)) },
  )
  await ready.count(1, 'the first page')
  await sue.api.presence.set.mutate({ status: 'busy' })
  const [event] = await heard.count(1, 'that sue is busy')
  expect(event?.payload).toEqual({ changes: [changed(away('sue2', 'busy'), 'online', 'student')] })
  subscription.unsubscribe()
})

test('who subscribes while a change is being read hears of it', async () => {
  const { ann, bob } = await place()
  const b = await device(bob)
  const reads = backend.store.reads.presence
  const { people } = reads
  const held = new Inbox<string>(String)
  let release: () => void = () => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  reads.people = async (userIds) => {
    const found = await people(userIds)
    held.push(userIds.join())
    if (userIds.includes(bob)) await released
    return found
  }
  try {
    await b.client.close()
    await held.next((userIds) => userIds.includes(bob), 'the reading of bob')
    await using a = createClient({ url: entrance.url, token: backend.token(ann) })
    const heard = new Inbox<Event>(({ name }) => name)
    const ready = new Inbox<true>()
    a.api.presence.onChange.subscribe(
      { userIds: [bob] },
      { onData: ({ data }) => (data.length === 0 ? ready.push(true) : data.forEach(heard.push)) },
    )
    await ready.count(1, 'the first page')
    expect((await a.api.presence.get.query({ userIds: [bob] })).users).toMatchObject([{ status: 'online' }])
    release()
    const [event] = await heard.count(1, 'that bob has gone', 3_000)
    expect(event?.payload).toMatchObject({ changes: [{ userId: bob, status: 'offline' }] })
  } finally {
    release()
    reads.people = people
  }
})

test('the server itself hears of everybody it asks about', async () => {
  const { bob } = await place()
  await run(system, 'user.upsert', { id: system.userId })
  await using b = await device(bob)
  const heard = new Inbox<Event>(({ name }) => name)
  const feed = await backend.core.subscribe(system, { kind: 'presence', userIds: [bob] })
  for await (const _ of feed.replay());
  feed.attach({ push: heard.push, end: () => undefined })
  await b.api.presence.set.mutate({ status: 'busy' })
  const [event] = await heard.count(1, 'that bob is busy')
  expect(event?.payload).toEqual({ changes: [changed(away(bob, 'busy'), 'online')] })
  feed.detach()
})

test('beats are counted for the connection, and one without a subscription keeps none', async () => {
  const { ann, annActor } = await place()
  await using a = await device(ann)
  expect(await a.api.presence.metrics.query()).toMatchObject({
    userId: ann,
    averageMs: null,
    lastBeatAt: null,
    missed: 0,
  })
  const { serverTime, metrics } = await a.api.presence.beat.mutate({ roundTripMs: 10 })
  expect(metrics).toMatchObject({ averageMs: 10, lastMs: 10, missed: 0, consecutiveMissed: 0 })
  // The answer is made after the beat, perhaps in the next millisecond.
  expect(metrics.lastBeatAt?.getTime()).toBeLessThanOrEqual(serverTime.getTime())
  await a.api.presence.beat.mutate({ roundTripMs: 40 })
  await a.api.presence.beat.mutate()
  expect(await a.api.presence.metrics.query()).toMatchObject({ averageMs: 25, lastMs: 40 })
  expect((await run(annActor, 'presence.beat', { roundTripMs: 7 })).metrics).toMatchObject({ averageMs: 7 })
  expect(await run(annActor, 'presence.metrics', {})).toMatchObject({ averageMs: null, lastBeatAt: null })
})

test('a client with heartbeats has its round trip measured', async () => {
  const { ann } = await place()
  await using client = createClient({ url: entrance.url, token: backend.token(ann), heartbeatMs: 20 })
  await client.ready()
  const measured = async () => {
    const { lastMs } = await client.api.presence.metrics.query()
    return lastMs === null ? Promise.reject(new Error('no round trip yet')) : lastMs
  }
  expect(await vi.waitFor(measured, { timeout: 10_000 })).toBeGreaterThan(0)
})
