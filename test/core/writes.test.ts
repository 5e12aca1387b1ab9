/**
 * Every kind of write at once, from two nodes on one native database: no deadlock, no failure that is ours, and afterwards
 * the log, the intervals and the counts tell one story. What happens is drawn from a seed, which a failure names.
 */
import { describe, expect, test } from 'vitest'
import { toAppError } from '../../shared/errors.ts'
import type { Actor } from '../../shared/ports.ts'
import { startServer } from '../harness.ts'
import { nativeDatabase, withoutNative } from '../store/databases.ts'
import { checkGapless } from '../store/drafts.ts'

const USERS = ['ann', 'bob', 'cid', 'dan', 'eve', 'fay']
const OURS = ['INTERNAL', 'TIMEOUT', 'UNAVAILABLE', 'OVERLOADED']

/** Numbers from 0 to n - 1, the same for the same seed (mulberry32). */
function dice(seed: number) {
  let state = seed
  return (n: number) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % n
  }
}

describe.skipIf(withoutNative())('on native Postgres', () => {
  test('every kind of write at once, from two nodes', async () => {
    const seed = Date.now() | 0
    const roll = dice(seed)
    const pick = <T>(from: readonly T[]): T => {
      const one = from[roll(from.length)]
      if (one === undefined) throw new Error('nothing to pick from')
      return one
    }
    const database = await nativeDatabase()
    const env = { DATABASE_URL: database.url, COMMAND_LIMIT: '1000000' }
    const nodes = [await startServer({ env }), await startServer({ env })]
    try {
      const { core: first, store } = pick(nodes).app
      const actors: Actor[] = []
      for (const user of USERS) actors.push(await pick(nodes).actor(user, { role: 'admin' }))
      const groups: string[] = []
      for (const actor of actors.slice(0, 3)) {
        const { conversation } = await first.execute(actor, 'conversation.create', {
          ...{ kind: 'group', joinPolicy: 'open' },
        })
        const [conversationId, memberIds] = [conversation.id, USERS]
        await first.execute(actor, 'conversation.addMembers', { conversationId, memberIds, role: 'owner' })
        groups.push(conversationId)
      }
      const sent = ['none']
      const failures: string[] = []
      const step = async () => {
        const { core } = pick(nodes).app
        const [actor, other, conversationId, messageId] = [pick(actors), pick(USERS), pick(groups), pick(sent)]
        const message = { content: 'first' }
        const writes = [
          () => core.execute(actor, 'conversation.create', { memberIds: [other], message }),
          () => core.execute(actor, 'conversation.create', { kind: 'group', memberIds: USERS, message }),
          () => core.execute(actor, 'conversation.join', { conversationId: `room ${roll(30)}` }),
          () => core.execute(actor, 'conversation.join', { conversationId }),
          () => core.execute(actor, 'conversation.join', { conversationId }),
          () => core.execute(actor, 'conversation.leave', { conversationId }),
          () => core.execute(actor, 'conversation.addMembers', { conversationId, memberIds: USERS, role: 'owner' }),
          () => core.execute(actor, 'conversation.removeMember', { conversationId, userId: other }),
          () => core.execute(actor, 'conversation.update', { conversationId, title: `t${roll(9)}` }),
          () => core.execute(actor, 'conversation.view', { conversationId }),
          () => core.execute(actor, 'message.send', { conversationId, content: 'x' }).then(({ id }) => sent.push(id)),
          () => core.execute(actor, 'message.send', { conversationId, content: 'x', clientId: `c${roll(20)}` }),
          () => core.execute(actor, 'message.send', { to: other, content: 'x' }),
          () => core.execute(actor, 'message.edit', { messageId, content: 'edited' }),
          () => core.execute(actor, 'message.delete', { messageId }),
          () => core.execute(actor, 'message.markRead', { conversationId, seq: roll(200) }),
          () => core.execute(actor, 'message.markDelivered', { messageId }),
          () => core.execute(actor, 'user.upsert', { id: other, name: `n${roll(5)}` }),
          () => core.execute(actor, 'user.upsert', { id: `new ${roll(30)}`, name: `n${roll(5)}` }),
        ]
        try {
          await pick(writes)()
        } catch (error) {
          const { code, message: text, cause } = toAppError(error)
          if (OURS.includes(code)) failures.push(`${code}: ${text} ${cause}`)
        }
      }
      const busy = async () => {
        for (let i = 0; i < 100; i++) await step()
      }
      await Promise.all(Array.from({ length: 16 }, busy))
      expect(failures, `seed ${seed}`).toEqual([])

      await checkGapless(store, groups)
      const members = new Map<string, Set<string>>()
      const odd: string[] = []
      const { events } = await store.log.page(null, 0, 1e6)
      for (const event of events) {
        const inside = members.get(event.topic) ?? new Set()
        members.set(event.topic, inside)
        if (event.name === 'conversation.created' || event.name === 'member.added') {
          for (const { userId } of event.payload.members) {
            if (inside.has(userId)) odd.push(`${event.position}: ${userId} is added twice`)
            inside.add(userId)
          }
        }
        if (event.name === 'member.removed' && !inside.delete(event.payload.userId))
          odd.push(`${event.position}: a stranger is removed`)
        if (event.name === 'message.created' && !inside.has(event.payload.message.senderId))
          odd.push(`${event.position}: a stranger sends`)
      }
      expect(odd, `seed ${seed}`).toEqual([])
      for (const user of USERS) {
        const told = [...members].filter(([, inside]) => inside.has(user)).map(([topic]) => topic)
        const held = (await store.log.memberships(user, events.length)).map((id) => `conversation:${id}`)
        expect(held.sort(), `seed ${seed}`).toEqual(told.sort())
        for (const { id, lastReadSeq, unread } of (await store.reads.snapshot(user, 500)).conversations) {
          const rest = { fromSeq: lastReadSeq + 1, toSeq: 1e9, limit: 1e6, newest: false }
          const others = (await store.reads.messages.range(id, rest)).filter(({ senderId }) => senderId !== user)
          expect({ id, unread }, `seed ${seed}`).toEqual({ id, unread: others.length })
        }
      }
    } finally {
      await Promise.all(nodes.map((node) => node.close()))
      await database.drop()
    }
  }, 60_000)
})
