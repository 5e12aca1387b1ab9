/** Schedules and broadcasts as typed clients meet them: making, changing, rights, and what arrives when the time has come. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createClient, isParleyError } from '../../client/index.ts'
import type { Event } from '../../shared/events.ts'
import type { Notification, Schedule, When } from '../../shared/model.ts'
import { startServer, type TestServer } from '../harness.ts'
import { Inbox } from '../inbox.ts'
import { newId } from '../store/drafts.ts'

type Created = Event<'notification.created'>

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server?.close())

async function device(
  userId: string,
  { role = 'client', cursor }: { role?: string; cursor?: string | undefined } = {},
) {
  const token = server.token(userId, { role })
  const client = createClient({ url: server.url, token, ...(cursor !== undefined && { cursor }) })
  const heard = new Inbox<Notification>(({ title, data }) => `${title} ${JSON.stringify(data)}`)
  client.on('notification.created', ({ payload }: Created) => heard.push(payload.notification))
  await client.ready()
  return { client, heard, api: client.api.schedule, [Symbol.asyncDispose]: () => client.close() }
}
type Device = Awaited<ReturnType<typeof device>>

let count = 0
/** A user whom no other test knows. */
const someone = () => `user${++count}`

const berlin: { timeZone: string; when: When } = {
  timeZone: 'Europe/Berlin',
  when: { kind: 'bedtime', time: '20:30', weekdays: [1, 2, 3, 4, 5] },
}
const yearly: { timeZone: string; when: When } = { timeZone: 'UTC', when: { kind: 'cron', cron: '0 0 1 1 *' } }
const say = (title: string) => ({ name: 'Evening', title, body: 'Time for bed' })

const refusal = (promise: Promise<unknown>) =>
  promise.then(
    () => 'ok',
    (error: unknown) => (isParleyError(error) ? error.code : error),
  )

/** As if its time had come so long ago: for the next look. */
async function overdue({ id }: Schedule, agoMs = 1_000): Promise<void> {
  const nextRunAt = new Date(Date.now() - agoMs)
  await server.app.store.write((tx) => tx.moveSchedules([{ id, lastRunAt: null, nextRunAt }]))
}
/** And now: the change that changes nothing makes the node look. */
async function due(owner: Device, schedule: Schedule, agoMs?: number): Promise<void> {
  await overdue(schedule, agoMs)
  await owner.api.update.mutate({ scheduleId: schedule.id })
}
const told = ({ heard }: Device, title: string) => heard.next((item) => item.title === title, `"${title}"`)

test('made, read, changed, switched off and on, and deleted by its owner', async () => {
  const ann = someone()
  await using a = await device(ann)
  const made = await a.api.create.mutate({ ...berlin, ...say('Bed') })
  expect(made).toEqual({
    ...{
      ...berlin,
      ...say('Bed'),
      id: expect.any(String),
      ownerId: ann,
      userId: ann,
      enabled: true,
      priority: 'normal',
    },
    ...{ data: null, actionUrl: null, nextRunAt: expect.any(Date), lastRunAt: null },
    ...{ createdAt: expect.any(Date), updatedAt: expect.any(Date) },
  })
  const scheduleId = made.id
  expect(made.nextRunAt?.toLocaleTimeString('de', { timeZone: 'Europe/Berlin' })).toBe('20:30:00')
  expect(made.nextRunAt && made.nextRunAt > new Date()).toBe(true)
  expect(await a.api.get.query({ scheduleId })).toEqual(made)
  expect(await a.api.list.query()).toEqual({ schedules: [made], next: null })

  const renamed = await a.api.update.mutate({ scheduleId, name: 'Night', priority: 'high', data: { sheep: 3 } })
  expect(renamed).toEqual({ ...made, name: 'Night', priority: 'high', data: { sheep: 3 }, updatedAt: expect.any(Date) })
  const moved = await a.api.update.mutate({
    scheduleId,
    when: { kind: 'cron', cron: '15 3 * * *' },
    timeZone: 'Asia/Tokyo',
  })
  expect(moved).toMatchObject({ name: 'Night', when: { kind: 'cron', cron: '15 3 * * *' }, timeZone: 'Asia/Tokyo' })
  expect(moved.nextRunAt?.toISOString().slice(11, 19)).toBe('18:15:00')

  const off = await a.api.toggle.mutate({ scheduleId, enabled: false })
  expect(off).toMatchObject({ enabled: false, nextRunAt: null })
  expect(await a.api.update.mutate({ scheduleId, ...yearly })).toMatchObject({
    enabled: false,
    nextRunAt: null,
    ...yearly,
  })
  const on = await a.api.toggle.mutate({ scheduleId, enabled: true })
  expect(on.nextRunAt?.toISOString().slice(5)).toBe('01-01T00:00:00.000Z')
  expect(await a.api.toggle.mutate({ scheduleId, enabled: true })).toMatchObject({ nextRunAt: on.nextRunAt })

  const sleeping = await a.api.create.mutate({ ...yearly, ...say('later'), enabled: false })
  expect(sleeping).toMatchObject({ enabled: false, nextRunAt: null })

  expect(await a.api.delete.mutate({ scheduleId })).toEqual({ scheduleId })
  expect(await refusal(a.api.get.query({ scheduleId }))).toBe('NOT_FOUND')
  expect(await refusal(a.api.delete.mutate({ scheduleId }))).toBe('NOT_FOUND')
})

test('refuses what cannot run, whoever asks, and a user the hundred and first', async () => {
  await using a = await device(someone())
  const made = await a.api.create.mutate({ ...yearly, ...say('kept') })
  const bad: { timeZone?: string; when?: When }[] = [
    { timeZone: 'Europe/Atlantis' },
    { timeZone: '+02:00' },
    { when: { kind: 'cron', cron: '0 0 30 2 *' } },
    { when: { kind: 'cron', cron: '*/5 * * * * *' } },
    { when: { kind: 'cron', cron: 'every day' } },
    { when: { kind: 'bedtime', time: '24:00', weekdays: [1] } },
    { when: { kind: 'bedtime', time: '20:00', weekdays: [] } },
    { when: { kind: 'bedtime', time: '20:00', weekdays: [7] } },
  ]
  for (const wrong of bad) {
    const { id: scheduleId } = made
    expect(await refusal(a.api.create.mutate({ ...yearly, ...say('x'), ...wrong }))).toBe('INVALID_INPUT')
    expect(await refusal(a.api.create.mutate({ ...yearly, ...say('x'), ...wrong, enabled: false }))).toBe(
      'INVALID_INPUT',
    )
    expect(await refusal(a.api.update.mutate({ scheduleId, ...wrong }))).toBe('INVALID_INPUT')
  }
  expect(await a.api.list.query()).toEqual({ schedules: [made], next: null })

  await server.app.store.write(async (tx) => {
    for (let n = 2; n <= 99; n++) await tx.createSchedule({ ...made, id: newId(), title: `${n}` }, 100)
  })
  const last = await Promise.all([1, 2, 3].map((n) => refusal(a.api.create.mutate({ ...yearly, ...say(`last ${n}`) }))))
  expect(last.sort()).toEqual(['CONFLICT', 'CONFLICT', 'ok'])
  const first = await a.api.list.query({ limit: 60 })
  const second = await a.api.list.query({ limit: 60, ...(first.next !== null && { after: first.next }) })
  expect([first.schedules.length, second.schedules.length, second.next]).toEqual([60, 40, null])
  const ids = [...first.schedules, ...second.schedules].map(({ id }) => id)
  expect(ids).toEqual([...new Set(ids)].sort())
})

test('a user tells nobody else; of others nothing is there; an administrator may do everything', async () => {
  const [ann, bob] = [someone(), someone()]
  await using a = await device(ann)
  await using b = await device(bob)
  await using root = await device(someone(), { role: 'Admin' })
  for (const userId of [bob, null])
    expect(await refusal(a.api.create.mutate({ ...yearly, ...say('x'), userId }))).toBe('FORBIDDEN')
  expect(await refusal(root.api.create.mutate({ ...yearly, ...say('x'), userId: 'nobody at all' }))).toBe('NOT_FOUND')
  const own = await a.api.create.mutate({ ...yearly, ...say('own'), userId: ann })
  const given = await root.api.create.mutate({ ...yearly, ...say('given'), userId: bob })
  const toAll = await root.api.create.mutate({ ...yearly, ...say('to all') })
  expect([own.userId, given.userId, toAll.userId]).toEqual([ann, bob, null])
  for (const { id: scheduleId } of [own, given, toAll]) {
    const attempts = [
      b.api.get.query({ scheduleId }),
      b.api.update.mutate({ scheduleId, title: 'mine' }),
      b.api.toggle.mutate({ scheduleId, enabled: false }),
      b.api.delete.mutate({ scheduleId }),
    ]
    expect(new Set(await Promise.all(attempts.map(refusal)))).toEqual(new Set(['NOT_FOUND']))
    expect(await root.api.get.query({ scheduleId })).toMatchObject({ enabled: true })
  }
  expect((await b.api.list.query()).schedules).toEqual([])
  const all = (await root.api.list.query({ limit: 100, after: own.id })).schedules.map(({ id }) => id)
  // Other tests of this file have some too.
  expect(all.filter((id) => [own, given, toAll].some((mine) => mine.id === id))).toEqual([given.id, toAll.id])
  await root.api.delete.mutate({ scheduleId: own.id })
  expect((await a.api.list.query()).schedules).toEqual([])
  await root.api.delete.mutate({ scheduleId: toAll.id })
})

test('who is an administrator no more tells nobody else: what they made for others they may look at and delete', async () => {
  const [ann, bob] = [someone(), someone()]
  await server.actor(bob)
  const [toAll, toBob] = await (async () => {
    await using root = await device(ann, { role: 'admin' })
    const make = (userId: string | null) =>
      root.api.create.mutate({ ...yearly, ...say('official'), userId, enabled: false })
    return [await make(null), await make(bob)] as const
  })()
  await using a = await device(ann, { role: 'client' })
  for (const { id: scheduleId } of [toAll, toBob]) {
    expect(await refusal(a.api.update.mutate({ scheduleId, title: 'mine' }))).toBe('FORBIDDEN')
    expect(await refusal(a.api.toggle.mutate({ scheduleId, enabled: true }))).toBe('FORBIDDEN')
    expect(await a.api.get.query({ scheduleId })).toMatchObject({ title: 'official', enabled: false })
    expect(await a.api.delete.mutate({ scheduleId })).toEqual({ scheduleId })
  }
})

describe('when its time has come', () => {
  test('its user is told live, and once, also when away', async () => {
    const ann = someone()
    await using a = await device(ann)
    const away = await device(ann)
    const { cursor } = away.client
    await away.client.close()
    const made = await a.api.create.mutate({
      ...berlin,
      ...say('To bed'),
      data: { sheep: 3, kind: 'mine' },
      actionUrl: '/bed',
    })
    const before = new Date()
    await due(a, made)
    const notification = await told(a, 'To bed')
    // All that the bedtime dialect says: type (the kind), title, message, scheduleName, timestamp.
    expect(notification).toMatchObject({
      ...{ userId: ann, type: 'system', priority: 'normal', title: 'To bed', body: 'Time for bed', actionUrl: '/bed' },
      ...{ data: { sheep: 3, scheduleId: made.id, scheduleName: 'Evening', kind: 'bedtime' }, readAt: null },
    })
    expect(notification.createdAt.getTime()).toBeGreaterThanOrEqual(before.getTime() - 1_000)
    const ran = await a.api.get.query({ scheduleId: made.id })
    expect(ran).toMatchObject({ nextRunAt: made.nextRunAt, lastRunAt: notification.createdAt })

    await due(a, { ...made, id: (await a.api.create.mutate({ ...yearly, ...say('after') })).id })
    await told(a, 'after')
    await using back = await device(ann, { cursor })
    await told(back, 'after')
    for (const { heard } of [a, back]) expect(heard.items.map(({ title }) => title)).toEqual(['To bed', 'after'])
  })

  test('everybody is told once: who is there, who is away, not who comes later or is not active', async () => {
    const [ann, bob, cid, dan] = [someone(), someone(), someone(), someone()]
    await using a = await device(ann)
    const away = await device(bob)
    const { cursor } = away.client
    await away.client.close()
    await using root = await device(someone(), { role: 'admin' })
    await server.app.core.execute(server.app.system, 'user.upsert', { id: cid, active: false })
    const made = await root.api.create.mutate({ ...yearly, ...say('All to bed') })
    await due(root, made)
    await told(a, 'All to bed')
    await told(root, 'All to bed')
    await using late = await device(dan)
    const after = await root.api.create.mutate({ ...yearly, ...say('All up') })
    await due(root, after)
    await using back = await device(bob, { cursor })
    for (const one of [a, root, back, late]) await told(one, 'All up')
    const titles = ({ heard }: Device) => heard.items.map(({ title }) => title)
    for (const one of [a, root, back]) expect(titles(one)).toEqual(['All to bed', 'All up'])
    expect(titles(late)).toEqual(['All up'])
    expect(a.heard.items[0]?.data).toEqual({ scheduleId: made.id, scheduleName: 'Evening', kind: 'cron' })
    const { events } = await server.app.store.log.page({ userId: cid }, 0, 10)
    expect(events.filter(({ name }) => name === 'notification.created')).toEqual([])
    for (const { id: scheduleId } of [made, after]) await root.api.delete.mutate({ scheduleId })
  })

  test('what was missed by less than an hour is made up for, older is passed over', async () => {
    await using a = await device(someone())
    const [old, recent] = [
      await a.api.create.mutate({ ...yearly, ...say('two hours old') }),
      await a.api.create.mutate({ ...yearly, ...say('fifty minutes old') }),
    ]
    await due(a, old, 7_200_000)
    await due(a, recent, 3_000_000)
    await told(a, 'fifty minutes old')
    expect(a.heard.items.map(({ title }) => title)).toEqual(['fifty minutes old'])
    expect(await a.api.get.query({ scheduleId: old.id })).toMatchObject({ nextRunAt: old.nextRunAt, lastRunAt: null })
  })

  test('what is switched off or deleted tells nobody, and who wants no such notifications gets none', async () => {
    await using a = await device(someone())
    const [off, gone, kept] = [
      await a.api.create.mutate({ ...yearly, ...say('off') }),
      await a.api.create.mutate({ ...yearly, ...say('gone') }),
      await a.api.create.mutate({ ...yearly, ...say('kept') }),
    ]
    await a.client.api.notification.mute.mutate({ types: ['system'] })
    await due(a, kept)
    const ran = async () => ((await a.api.get.query({ scheduleId: kept.id })).lastRunAt ? true : undefined)
    await expect.poll(ran, { timeout: 5_000 }).toBe(true)
    await a.client.api.notification.mute.mutate({ types: [] })
    for (const schedule of [off, gone]) await overdue(schedule)
    await a.api.delete.mutate({ scheduleId: gone.id })
    await a.api.toggle.mutate({ scheduleId: off.id, enabled: false })
    await due(a, kept)
    await told(a, 'kept')
    expect(a.heard.items.map(({ title }) => title)).toEqual(['kept'])
  })
})

test('an administrator broadcasts a notification of any type to everybody, once', async () => {
  await using a = await device(someone())
  await using b = await device(someone())
  await using root = await device(someone(), { role: 'admin' })
  const broadcast = (title: string) =>
    root.client.api.notification.broadcast.mutate({ title, type: 'call', priority: 'urgent', data: { line: 1 } })
  expect(await refusal(a.client.api.notification.broadcast.mutate({ title: 'x' }))).toBe('FORBIDDEN')
  const { broadcastId } = await broadcast('one')
  expect(broadcastId).toEqual(expect.any(String))
  await broadcast('two')
  for (const one of [a, b, root]) {
    expect(await told(one, 'one')).toMatchObject({ type: 'call', priority: 'urgent', body: '', data: { line: 1 } })
    await told(one, 'two')
    expect(one.heard.items.map(({ title }) => title)).toEqual(['one', 'two'])
  }
})
