/** A member may follow a conversation from the moment that one node says so, also on a node whose tail is still behind. */
import { expect, test } from 'vitest'
import { memoryBroker } from '../../server/cluster/memory.ts'
import { Attendance } from '../../server/core/attendance.ts'
import { createCore } from '../../server/core/core.ts'
import { Counting } from '../../server/core/counting.ts'
import { Expiry } from '../../server/core/expiry.ts'
import { Firing } from '../../server/core/firing.ts'
import { Heartbeats } from '../../server/core/heartbeat.ts'
import { Hub } from '../../server/core/hub.ts'
import { Rights } from '../../server/core/rights.ts'
import { Typing } from '../../server/core/typing.ts'
import type { Event } from '../../shared/events.ts'
import { startServer } from '../harness.ts'
import { Inbox } from '../inbox.ts'
import { newId } from '../store/drafts.ts'

test('a stream of a conversation does not end because the joining has not been passed yet', async () => {
  await using server = await startServer()
  const { core, store } = server.app
  const [ann, bob] = await Promise.all([server.actor('ann'), server.actor('bob')])
  const { conversation } = await core.execute(ann, 'conversation.create', { kind: 'group' })
  const conversationId = conversation.id

  // Another node on the same database, which nobody rings.
  const broker = memoryBroker()
  const onError = (error: unknown) => {
    throw error
  }
  const hub = new Hub({ log: store.log, epoch: store.epoch, broker, tickMs: 100, onError })
  await hub.start()
  const expiry = new Expiry({ store, hub, lockMs: 300_000, onError, online: () => true })
  const firing = new Firing({ store, hub, newId, onError })
  const typing = new Typing({ hub, now: Date.now })
  const world = { now: Date.now, newId }
  const counting = new Counting({ store, hub, onError })
  const presence = new Attendance({ store, hub, broker, rights: new Rights(), name: newId(), onError })
  const heartbeats = new Heartbeats({ hub, intervalMs: 25_000, now: Date.now })
  const far = createCore({
    store,
    hub,
    expiry,
    firing,
    typing,
    presence,
    heartbeats,
    counting,
    auditor: { last: null },
    world,
    limit: async () => {},
    onError,
  })
  try {
    await core.execute(ann, 'conversation.addMembers', { conversationId, memberIds: ['bob'] })
    const seen = new Inbox<string>((name) => name)
    const feed = await far.subscribe(bob, { kind: 'conversation', conversationId })
    const sink = { push: (event: Event) => seen.push(event.name), end: () => seen.push('end') }
    do for await (const page of feed.replay()) page.events.forEach(sink.push)
    while (!feed.attach(sink))
    await core.execute(ann, 'message.send', { conversationId, content: 'hi' })
    await seen.next((name) => name === 'message.created', 'the message')
    expect(seen.items).not.toContain('end')
    feed.detach()
  } finally {
    await hub.stop()
  }
})
