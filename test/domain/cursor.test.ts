/** How far the bridge's readers have come: kept by the server for itself, on the history of the log that they belong to. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type TestServer } from '../harness.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server?.close())

const key = (userId: string, scope = 'all') => ({ userId, dialect: 'rooms', scope })
const load = async (of: ReturnType<typeof key>) =>
  (await server.app.core.execute(server.app.system, 'cursor.load', of)).cursor
const save = (...cursors: (ReturnType<typeof key> & { cursor: string })[]) =>
  server.app.core.execute(server.app.system, 'cursor.save', { cursors })

test('each user, dialect and scope has its own, none moves back, of several the furthest counts', async () => {
  const at = (position: number) => `${server.app.store.epoch}.${position}`
  expect(await load(key('ann'))).toBeNull()
  expect(await save()).toEqual({})
  await save(
    { ...key('ann'), cursor: at(7) },
    { ...key('ann', 'conversation:c'), cursor: at(3) },
    { ...key('ann'), cursor: at(9) },
    { ...key('ann'), cursor: at(8) },
    { ...key('bob'), cursor: at(0) },
  )
  expect(await load(key('ann'))).toBe(at(9))
  expect(await load(key('ann', 'conversation:c'))).toBe(at(3))
  expect(await load(key('bob'))).toBe(at(0))
  expect(await load({ ...key('ann'), dialect: 'lms' })).toBeNull()
  await save({ ...key('ann'), cursor: at(8) }, { ...key('bob'), cursor: at(5) })
  expect([await load(key('ann')), await load(key('bob'))]).toEqual([at(9), at(5)])
})

test('a cursor of another history is passed over, its neighbours are not', async () => {
  const { epoch } = server.app.store
  await save({ ...key('cid'), cursor: `${epoch}x.9` }, { ...key('dan'), cursor: `${epoch}.4` })
  expect([await load(key('cid')), await load(key('dan'))]).toEqual([null, `${epoch}.4`])
})

test('what is no cursor, and more than a thousand, are refused', async () => {
  const many = Array.from({ length: 1_001 }, (_, n) => ({ ...key(`u${n}`), cursor: 'e.1' }))
  for (const cursors of [many, [{ ...key('ann'), cursor: '12' }], [{ ...key(''), cursor: 'e.1' }]])
    await expect(save(...cursors)).rejects.toMatchObject({ code: 'INVALID_INPUT' })
})
