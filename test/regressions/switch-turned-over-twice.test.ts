/** Turning a schedule over was reading it, then setting the opposite: of two who did so at once, one was lost. */
import { expect, test } from 'vitest'
import { startServer } from '../harness.ts'
import { ask } from '../rest/ask.ts'
import { nativeDatabase, withoutNative } from '../store/databases.ts'

test.skipIf(withoutNative())('turned over by several at the same moment, each of them counts', async () => {
  const { url: DATABASE_URL, drop } = await nativeDatabase()
  const server = await startServer({ env: { DATABASE_URL } })
  const { core } = server.app
  const ann = await server.actor('ann')
  const when = { kind: 'bedtime' as const, time: '21:00', weekdays: [1] }
  const { id } = await core.execute(ann, 'schedule.create', { name: 'Evening', title: 'Bed', timeZone: 'UTC', when })
  const asking = { token: server.token('ann') }
  const all = await Promise.all(
    Array.from({ length: 10 }, () => ask(server.url, `POST /api/schedules/${id}/toggle`, asking)),
  )
  const off = all.filter(({ body }) => JSON.stringify(body).includes('"enabled":false'))
  expect(off).toHaveLength(5)
  expect((await core.execute(ann, 'schedule.get', { scheduleId: id })).enabled).toBe(true)
  await server.close()
  await drop()
})
