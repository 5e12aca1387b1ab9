/** Many at once: the frames grow with those who look, not with the pairs. `npm run bench:presence` has the figures. */
import { expect, test } from 'vitest'
import type { Person } from '../../server/core/ports.ts'
import type { Topic } from '../../shared/events.ts'
import { prepare } from '../bench/presence.storm.ts'
import { Inbox } from '../inbox.ts'
import { openFresh } from '../store/databases.ts'
import { startBackend } from '../trpc.entrance.ts'

test('60 users in 3 rooms who connect in one tick get a frame each, and those who stay one more when the rest goes', async () => {
  await using backend = await startBackend({ store: await openFresh(), presence: { windowMs: 100, graceMs: 50 } })
  const { count, feeds, connect } = await prepare(backend, 3, 20)
  const told = new Inbox<string>(String)
  const frames = () => [...count.frames.values()].reduce((sum, some) => sum + some, 0)
  await connect(false)
  // After everybody else: what they are told has been told to all.
  const last = await backend.core.subscribe(await backend.actor('r0u0'), {
    kind: 'presence',
    userIds: ['r1u0', 'r0u19'],
  })
  for await (const _page of last.replay());
  last.attach({
    push: (event) => {
      for (const one of event.name === 'presence.changed' ? event.payload.changes : [])
        told.push(`${one.userId} ${one.status}`)
    },
    end() {},
  })
  await told.count(1, 'the first window')
  expect(frames()).toBe(60)
  expect(count.changes).toBe(60 * 19)
  count.frames.clear()
  const goes = (userId: string) => /u1\d$/.test(userId)
  for (const [userId, feed] of feeds) if (goes(userId)) feed.detach()
  await told.next((one) => one === 'r0u19 offline', 'the going')
  // Timers of one tick may fall into two windows.
  expect(frames()).toBeGreaterThanOrEqual(30)
  expect(frames()).toBeLessThanOrEqual(60)
})

test('300 who come under the eyes of 300 hold nobody up: others have their turn while it is found out who is told what', async () => {
  await using backend = await startBackend({ store: await openFresh(), presence: { windowMs: 50, graceMs: 50 } })
  const { presence, store } = backend
  const school = (userId: string, role: string): Person => ({
    ...{ userId, role, schoolId: 'school', classIds: ['1a'], status: 'online', custom: null, customLeftMs: null },
    ...{ lastSeenAt: null, conversationIds: [], readAt: 1 },
  })
  const ids = Array.from({ length: 300 }, (_, n) => `${n}`)
  let turns = 0
  let over = false
  const turnsBefore = new Inbox<number>(String)
  const sink = { push: () => turnsBefore.push(turns), end: () => undefined }
  for (const id of ids) {
    const viewer = school(`teacher ${id}`, 'teacher')
    const subscriber = { ...viewer, name: '', connectionId: id, since: new Date(), topics: new Set<Topic>(), sink }
    presence.watches.add({
      viewer,
      filter: { schoolId: 'school' },
      subscriber: { ...subscriber, scope: { kind: 'presence', schoolId: 'school' } },
    })
  }
  store.reads.presence.people = async (userIds) => {
    // The turns of everybody else begin when all is known that is to be told.
    const turn = () => {
      turns++
      if (!over) setImmediate(turn)
    }
    setImmediate(turn)
    return userIds.map((userId) => school(userId, 'student'))
  }
  for (const id of ids) presence.roster.put('elsewhere', school(`student ${id}`, 'student'), true)
  presence.look(ids.map((id) => `student ${id}`))
  await turnsBefore.count(1, 'the first frame')
  over = true
  expect(turnsBefore.items[0]).toBeGreaterThan(0)
})
