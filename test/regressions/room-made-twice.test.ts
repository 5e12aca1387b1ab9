/** Users who join a room that nobody has made yet, all at once: one makes it and owns it, the others are added to it. */
import { describe, expect, test } from 'vitest'
import { toAppError } from '../../shared/errors.ts'
import { startServer } from '../harness.ts'
import { nativeDatabase, withoutNative } from '../store/databases.ts'

const USERS = ['ann', 'bob', 'cid', 'dan', 'eve']

describe.skipIf(withoutNative())('on native Postgres', () => {
  test('the first to join a room owns it, alone', async () => {
    const database = await nativeDatabase()
    try {
      await using server = await startServer({ env: { DATABASE_URL: database.url } })
      const { core, store } = server.app
      const actors = await Promise.all(USERS.map((user) => server.actor(user)))
      for (let round = 0; round < 10; round++) {
        const conversationId = `room ${round}`
        const joins = actors.map((actor) => core.execute(actor, 'conversation.join', { conversationId }))
        const joined = await Promise.all(joins)
        expect(joined.map((answer) => answer.joined)).toEqual(USERS.map(() => true))
        const members = await store.reads.members.list(conversationId, USERS)
        expect(members.map((member) => member.role).sort()).toEqual(['member', 'member', 'member', 'member', 'owner'])
        const { events } = await store.log.page(null, 0, 1_000)
        const told = events.filter((event) => event.topic === `conversation:${conversationId}`).map(({ name }) => name)
        expect(told).toEqual(['conversation.created', ...Array(4).fill('member.added')])
      }
    } finally {
      await database.drop()
    }
  })
})

test("a user's own room is nobody else's to make, whatever other ids its name ends in", async () => {
  await using server = await startServer()
  const { core } = server.app
  await server.actor('ann', { name: 'x-y' })
  await server.actor('y-ann', { name: 'Another' })
  const eve = await server.actor('eve')
  const join = core.execute(eve, 'conversation.join', { conversationId: 'x-y-ann' })
  expect(await join.catch(toAppError)).toMatchObject({ code: 'FORBIDDEN' })
})
