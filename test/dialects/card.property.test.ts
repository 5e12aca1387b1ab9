/** A card moved along the log is the card that would be loaded afresh, whatever happened. */
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { LiveCard } from '../../server/transports/socketio/card.ts'
import { type Event, isDurable } from '../../shared/events.ts'
import type { Actor } from '../../shared/ports.ts'
import { startServer, type TestServer } from '../harness.ts'

let server: TestServer
const actors: Actor[] = []
beforeAll(async () => {
  server = await startServer({ env: { COMMAND_LIMIT: '1000000' } })
  for (const name of ['owner', 'ann', 'bob', 'carl']) actors.push(await server.actor(name, { fullName: name }))
})
afterAll(() => server?.close())

const who = fc.integer({ min: 0, max: 3 })
const act = fc.oneof(
  { weight: 4, arbitrary: fc.record({ act: fc.constant('send' as const), who }) },
  { weight: 3, arbitrary: fc.record({ act: fc.constant('read' as const), who }) },
  { weight: 3, arbitrary: fc.record({ act: fc.constant('unread' as const), who }) },
  fc.record({
    act: fc.constantFrom('edit', 'delete', 'add', 'remove', 'leave', 'title', 'rename', 'deliver'),
    who,
  }),
)

test('a card follows the log', async () => {
  const { core, system } = server.app
  const [owner] = actors
  if (!owner) throw new Error('there are four')
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 1, maxLength: 14 }), fc.nat({ max: 10 }), async (acts, start) => {
      const { conversation } = await core.execute(owner, 'conversation.create', {
        kind: 'group',
        memberIds: ['ann', 'bob'],
      })
      const conversationId = conversation.id
      const fresh = () => core.execute(system, 'conversation.get', { conversationId })
      const feed = await core.subscribe(system, { kind: 'log' })
      const log: Event[] = []
      for await (const page of feed.replay()) log.push(...page.events)
      expect(feed.attach({ push: (event) => log.push(event), end: () => {} })).toBe(true)

      let card = new LiveCard(await fresh())
      let last = ''
      for (const [index, { act, who }] of acts.entries()) {
        // Loaded in the middle, it is told some of what it knows already.
        if (index === start) card = new LiveCard(await fresh())
        const actor = actors[who] ?? owner
        const { userId } = actor
        const done = {
          send: async () => {
            last = (await core.execute(actor, 'message.send', { conversationId, content: 'Hello' })).id
          },
          read: () => core.execute(actor, 'message.markRead', { conversationId }),
          unread: () => core.execute(actor, 'message.markUnread', { conversationId, seq: 1 + (index % 2) }),
          deliver: () => core.execute(actor, 'message.markDelivered', { conversationId }),
          edit: () => core.execute(actor, 'message.edit', { messageId: last || 'none', content: `${index}` }),
          delete: () => core.execute(actor, 'message.delete', { messageId: last || 'none' }),
          add: () => core.execute(owner, 'conversation.addMembers', { conversationId, memberIds: [userId] }),
          remove: () => core.execute(owner, 'conversation.removeMember', { conversationId, userId }),
          leave: () => core.execute(actor, 'conversation.leave', { conversationId }),
          title: () => core.execute(owner, 'conversation.update', { conversationId, title: `Title ${index}` }),
          rename: () => core.execute(system, 'user.upsert', { id: userId, name: `${userId} ${index}` }),
        }[act]()
        // Many are refused, by chance; what matters is what was written.
        await done.catch(() => {})
      }
      for (const event of log) {
        if (!isDurable(event)) continue
        const concerns =
          event.name === 'user.updated' ||
          event.topic === `conversation:${conversationId}` ||
          (event.name === 'receipt.unread' && event.payload.conversationId === conversationId)
        if (concerns) card.apply(event)
      }
      const truth = await fresh()
      feed.detach()
      const view = ({ lastViewedAt: _, ...member }: (typeof truth.members)[number]) => member
      expect([...card.members.values()].map(view)).toEqual(truth.members.map(view))
      expect(card.memberCount).toBe(truth.memberCount)
      expect(card.lastMessage).toEqual(truth.lastMessage)
      expect(card.conversation).toEqual(truth.conversation)
    }),
    {
      numRuns: 25,
      examples: [[(['send', 'read', 'unread'] as const).map((act, at) => ({ act, who: at === 0 ? 0 : 1 })), 0]],
    },
  )
})
