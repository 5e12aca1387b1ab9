/** Schedules over HTTP, as `bedtime` has them: a user's own, an administrator's for everybody. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { type Asking, ask } from './ask.ts'
import { type RestServer, startRest } from './server.ts'

let server: RestServer
beforeAll(async () => {
  server = await startRest(['bedtime'])
})
afterAll(() => server?.close())

const as = (userId: string, body?: unknown): Asking => ({
  token: server.token(userId, userId === 'root' ? { role: 'admin' } : {}),
  ...(body !== undefined && { body }),
})
const call = (place: string, asking: Asking) => ask(server.url, place, asking)
const One = z.looseObject({ _id: z.string(), nextRunAt: z.string().nullable(), enabled: z.boolean() })
async function made(userId: string, given: object = {}) {
  const { body } = await call('POST /api/schedules', as(userId, { name: 'Evening', time: '21:30', ...given }))
  return One.parse(body)
}

test('a bedtime: every day in UTC unless said otherwise, with the name for a title', async () => {
  const { status, body } = await call('POST /api/schedules', as('ann', { name: 'Evening', time: '21:30' }))
  expect(status).toBe(201)
  expect(body).toEqual({
    ...{ _id: expect.stringMatching(/^[0-9a-f]{24}$/), ownerId: 'ann', userId: 'ann', name: 'Evening' },
    ...{ type: 'bedtime', time: '21:30', weekdays: [0, 1, 2, 3, 4, 5, 6], cron: null, timeZone: 'UTC', enabled: true },
    payload: { title: 'Evening', message: '', data: null },
    nextRunAt: expect.stringMatching(/T21:30:00\.000Z$/),
    lastRunAt: null,
    ...{ createdAt: expect.any(String), updatedAt: expect.any(String) },
  })
})

test('a cron expression, with a payload and a time zone, not enabled', async () => {
  const given = { name: 'Monday', cron: '0 7 * * 1', timeZone: 'Europe/Berlin', enabled: false }
  const payload = { title: 'Up!', message: 'It is Monday', data: { tone: 'soft' } }
  const { body } = await call('POST /api/schedules', as('bob', { ...given, payload }))
  expect(body).toMatchObject({ ...given, type: 'cron', time: null, weekdays: null, payload, nextRunAt: null })
})

test('is read, listed page by page, changed, turned over and deleted by who made it', async () => {
  const [first, second] = [await made('cat'), await made('cat', { weekdays: [5] })]
  expect(second).toMatchObject({ weekdays: [5] })
  expect((await call(`GET /api/schedules/${first._id}`, as('cat'))).body).toEqual(first)
  const page = await call('GET /api/schedules?limit=1', as('cat'))
  expect(page.body).toEqual({ schedules: [first], next: first._id })
  const rest = await call(`GET /api/schedules?after=${first._id}`, as('cat'))
  expect(rest.body).toEqual({ schedules: [second], next: null })

  const place = `/api/schedules/${first._id}`
  const patched = await call(`PATCH ${place}`, as('cat', { name: 'Late', payload: { message: 'Lights out' } }))
  expect(patched.body).toMatchObject({ name: 'Late', time: '21:30', payload: { title: 'Late', message: 'Lights out' } })
  const put = await call(`PUT ${place}`, as('cat', { cron: '15 22 * * *' }))
  expect(put.body).toMatchObject({ name: 'Late', type: 'cron', time: null, cron: '15 22 * * *' })

  expect((await call(`POST ${place}/toggle`, as('cat'))).body).toMatchObject({ enabled: false, nextRunAt: null })
  expect((await call(`POST ${place}/toggle`, as('cat', {}))).body).toMatchObject({ enabled: true })
  for (const enabled of [false, false, true])
    expect((await call(`POST ${place}/toggle`, as('cat', { enabled }))).body).toMatchObject({ enabled })

  expect((await call(`DELETE ${place}`, as('cat'))).body).toEqual({ _id: first._id })
  expect((await call(`GET ${place}`, as('cat'))).status).toBe(404)
})

test('another user’s schedule does not exist; an administrator sees it', async () => {
  const { _id } = await made('dan')
  const place = `/api/schedules/${_id}`
  for (const [method, body] of [
    ['GET', undefined],
    ['PATCH', { name: 'x' }],
    ['DELETE', undefined],
  ] as const)
    expect(await call(`${method} ${place}`, as('eve', body))).toMatchObject({
      status: 404,
      body: { code: 'NOT_FOUND' },
    })
  expect((await call(`POST ${place}/toggle`, as('eve'))).status).toBe(404)
  expect((await call(`GET ${place}`, as('root'))).status).toBe(200)
})

test('an administrator’s is for everybody, or for whom it names; a user may tell nobody else', async () => {
  await made('fay')
  expect(await made('root')).toMatchObject({ ownerId: 'root', userId: null })
  expect(await made('root', { userId: 'fay' })).toMatchObject({ ownerId: 'root', userId: 'fay' })
  for (const userId of ['root', null])
    expect(await call('POST /api/schedules', as('fay', { name: 'x', time: '20:00', userId }))).toMatchObject({
      status: 403,
      body: { code: 'FORBIDDEN', error: 'Only an administrator may tell others', message: expect.any(String) },
    })
})

test.each([
  ['a schedule without a name', { time: '21:30' }, /^name: /],
  ['without a time', { name: 'x' }, /either time/],
  ['weekdays alone', { name: 'x', weekdays: [1] }, /either time/],
  ['a time and a cron expression', { name: 'x', time: '21:30', cron: '* * * * *' }, /either time/],
  ['a time that is none', { name: 'x', time: '25:00' }, /HH:MM/],
  ['a weekday that is none', { name: 'x', time: '21:30', weekdays: [7] }, /^weekdays\.0: /],
  ['an unknown time zone', { name: 'x', time: '21:30', timeZone: 'Mars' }, /time zone/],
  ['a cron expression that is none', { name: 'x', cron: 'whenever' }, /./],
  ['a long name', { name: 'x'.repeat(101), time: '21:30' }, /^name: /],
  ['an empty title', { name: 'x', time: '21:30', payload: { title: '' } }, /^payload\.title: /],
  ['large data', { name: 'x', time: '21:30', payload: { data: { text: 'x'.repeat(3_000) } } }, /^payload\.data: /],
])('refuses %s', async (_, given, words) => {
  const { status, body } = await call('POST /api/schedules', as('gus', given))
  expect([status, body]).toMatchObject([400, { code: 'INVALID_INPUT', error: expect.stringMatching(words) }])
})

test('a change that is no time is refused too, and a limit that is none', async () => {
  const { _id } = await made('hal')
  for (const given of [{ weekdays: [1] }, { time: '20:00', cron: '* * * * *' }])
    expect((await call(`PATCH /api/schedules/${_id}`, as('hal', given))).status).toBe(400)
  expect((await call(`POST /api/schedules/${_id}/toggle`, as('hal', { enabled: 'no' }))).status).toBe(400)
  for (const query of ['limit=0', 'limit=101', 'limit=x', 'limit=1&limit=2', 'after='])
    expect([query, (await call(`GET /api/schedules?${query}`, as('hal'))).status]).toEqual([query, 400])
})

test('the routes of a dialect that is not enabled are not there', async () => {
  expect((await call('GET /debug/sockets', as('root'))).status).toBe(404)
  expect((await call('GET /diagnostics/sockets', as('root'))).status).toBe(200)
})
