/** What is fired by several nodes on one native database, of which some die: each run once, each user once. */
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createClient } from '../../client/index.ts'
import { Firing } from '../../server/core/firing.ts'
import type { ScheduleDraft, Store } from '../../server/core/ports.ts'
import { openStore } from '../../server/store/store.ts'
import type { Durable } from '../../shared/events.ts'
import { startServer } from '../harness.ts'
import { Inbox } from '../inbox.ts'
import { nativeDatabase, withoutNative } from './databases.ts'
import { checkGapless, newId } from './drafts.ts'

const schedule = (userId: string | null, more: Partial<ScheduleDraft> = {}): ScheduleDraft => ({
  ...{
    id: newId(),
    ownerId: 'ann',
    userId,
    name: 'Evening',
    when: { kind: 'cron', cron: '0 0 1 1 *' },
    timeZone: 'UTC',
  },
  ...{ title: 'To bed', body: '', priority: 'normal', data: null, actionUrl: null, enabled: true },
  nextRunAt: new Date(Date.now() - 1_000),
  ...more,
})

/** A node that looks all the time; what fails is looked at again at once. */
function node(store: Store): AsyncDisposable & { failures: unknown[] } {
  const failures: unknown[] = []
  const firing = new Firing({
    ...{ store, newId, hub: { publish: async () => {} }, everyMs: 5, pauseMs: 5, batch: 25 },
    onError: (error) => failures.push(error),
  })
  firing.start()
  return { failures, [Symbol.asyncDispose]: () => firing.stop() }
}

describe.skipIf(withoutNative())('on native Postgres', () => {
  let database: Awaited<ReturnType<typeof nativeDatabase>>
  let one: Store
  let two: Store
  let sql: postgres.Sql
  const users = Array.from({ length: 300 }, (_, n) => `user ${String(n).padStart(3, '0')}`)
  beforeAll(async () => {
    database = await nativeDatabase()
    sql = postgres(database.url, { max: 1 })
    one = await openStore({ databaseUrl: database.url })
    two = await openStore({ databaseUrl: database.url })
    await one.write(async (tx) => {
      for (const id of ['ann', 'bob', ...users]) await tx.upsertUser({ id })
    })
  })
  afterAll(async () => {
    await Promise.all([one?.close(), two?.close(), sql?.end()])
    await database?.drop()
  })

  const make = (draft: ScheduleDraft) => one.write((tx) => tx.createSchedule(draft, 1_000))
  const rows = <T extends object>(text: string) => sql.unsafe<T[]>(text)
  const kill = (where: string) =>
    rows<{ killed: boolean }>(`select pg_terminate_backend(pid) as killed from pg_stat_activity
      where application_name = 'parley' and datname = current_database() and ${where}`)
  async function settled(): Promise<void> {
    const open = () =>
      rows(
        `select id from schedules where next_run_at < now() union all select id from broadcasts where done_at is null`,
      )
    while ((await open()).length > 0);
  }
  /** Whom the notifications with this title were made for, as the table and as the log have it. */
  async function told(title: string): Promise<string[]> {
    const made = await rows<{ user_id: string }>(
      `select user_id from notifications where title = '${title}' order by id`,
    )
    const { events } = await one.log.page(null, 0, 100_000)
    const logged = events.flatMap((event: Durable) =>
      event.name === 'notification.created' && event.payload.notification.title === title ? [event.topic] : [],
    )
    const ids = made.map(({ user_id }) => user_id)
    expect(logged.sort()).toEqual(ids.map((id) => `user:${id}`).sort())
    return ids.sort()
  }

  test('two nodes find the same due schedules: each runs once, and waits for its next time', async () => {
    const drafts = Array.from({ length: 60 }, (_, n) => schedule(n % 2 ? 'ann' : 'bob', { title: 'raced' }))
    for (const draft of drafts) await make(draft)
    const [first, second] = [node(one), node(two)]
    await settled()
    for (const each of [first, second]) await each[Symbol.asyncDispose]()
    expect([...first.failures, ...second.failures]).toEqual([])
    expect((await told('raced')).filter((id) => id === 'ann')).toHaveLength(30)
    expect(await told('raced')).toHaveLength(60)
    const { schedules } = await one.reads.schedules.list({ limit: 200 })
    expect(schedules.every(({ nextRunAt, lastRunAt }) => nextRunAt && lastRunAt && nextRunAt > lastRunAt)).toBe(true)
    expect(await one.reads.schedules.nextDue()).toBeGreaterThan(0)
  })

  test('a node that dies between the notification and the next time leaves nothing: another one does it', async () => {
    const id = newId()
    await make(schedule('ann', { id, title: 'orphaned' }))
    const dies = one.write(async (tx) => {
      const [due] = await tx.dueSchedules(1)
      expect(due?.id).toBe(id)
      const about = {
        id: newId(),
        userId: 'ann',
        type: 'system',
        priority: 'normal',
        title: 'orphaned',
        body: '',
      } as const
      const rest = {
        data: null,
        actionUrl: null,
        messageId: null,
        conversationId: null,
        by: null,
        createdAt: new Date(),
      }
      await tx.notify([{ ...about, ...rest, cause: 'schedule' }], null)
      // Another node passes over what this one has in hand.
      expect((await two.write((other) => other.dueSchedules(1))).result).toEqual([])
      await kill("state = 'idle in transaction'")
      await tx.moveSchedules([{ id, lastRunAt: new Date(), nextRunAt: null }])
    })
    await expect(dies).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(await told('orphaned')).toEqual([])
    const left = node(two)
    await settled()
    await left[Symbol.asyncDispose]()
    expect(await told('orphaned')).toEqual(['ann'])
  })

  test('a broadcast reaches each active user once, though nodes lose their connection in the middle of it', async () => {
    await one.write((tx) => tx.upsertUser({ id: 'user 100', active: false }))
    await make(schedule(null, { title: 'to all' }))
    const nodes = [node(one), node(two)]
    while ((await rows('select from broadcasts')).length === 0);
    await rows(`insert into users (id, name) values ('user 299 b', 'too late')`)
    let killed = 0
    for (let round = 0; round < 20; round++) killed += (await kill("state = 'idle in transaction'")).length
    await settled()
    for (const each of nodes) await each[Symbol.asyncDispose]()
    expect(killed).toBeGreaterThan(0)
    expect(await told('to all')).toEqual(['ann', 'bob', ...users.filter((id) => id !== 'user 100')])
    await checkGapless(one, [])
  })

  test('a broadcast that is done is forgotten with the notifications that were read then, one on its way is not', async () => {
    const at = "timestamptz '2020-01-02 00:00:00Z'"
    await rows(`insert into broadcasts (id, type, priority, title, body, created_at, done_at) values
      ('old', 'system', 'low', '', '', ${at}, ${at}), ('young', 'system', 'low', '', '', ${at}, ${at} + interval '1 day'),
      ('open', 'system', 'low', '', '', ${at}, null)`)
    const left = async () =>
      (await rows<{ id: string }>(`select id from broadcasts where created_at = ${at} order by id`)).map(({ id }) => id)
    await one.forgetNotifications(new Date('2020-01-02T12:00:00Z'))
    expect(await left()).toEqual(['open', 'young'])
    await rows(`delete from broadcasts where created_at = ${at}`)
  })

  test('what fell due while no node was up is told at the next start, once, also to who was away', async () => {
    const start = () => startServer({ env: { DATABASE_URL: database.url } })
    const before = await start()
    const away = createClient({ url: before.url, token: before.token('bob') })
    const cursor = await away.ready()
    await away.close()
    await before.close()
    await make(schedule('bob', { title: 'missed', nextRunAt: new Date(Date.now() - 3_000_000) }))
    for (let starts = 0; starts < 2; starts++) {
      await using server = await start()
      await using client = createClient({ url: server.url, token: server.token('bob'), cursor })
      const heard = new Inbox<string>()
      client.on('notification.created', ({ payload }) => heard.push(payload.notification.title))
      await heard.next((title) => title === 'missed', 'what was missed')
      await settled()
      expect(heard.items).toEqual(['missed'])
    }
    expect(await told('missed')).toEqual(['bob'])
  })

  test('a user who makes many at once gets no more than the most', async () => {
    await one.write((tx) => tx.upsertUser({ id: 'eager' }))
    const made = await Promise.all(
      Array.from({ length: 12 }, (_, n) =>
        (n % 2 ? one : two).write((tx) =>
          tx.createSchedule(schedule('eager', { ownerId: 'eager', nextRunAt: null }), 5),
        ),
      ),
    )
    expect(made.filter(({ result }) => result !== null)).toHaveLength(5)
    expect((await one.reads.schedules.list({ ownerId: 'eager', limit: 100 })).schedules).toHaveLength(5)
  })
})
