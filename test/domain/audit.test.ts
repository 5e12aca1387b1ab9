/** The audit of unread counts: 0 over whatever happens, and not 0 once a row says something else than the messages. */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createClient, type Parley } from '../../client/index.ts'
import type { Actor } from '../../shared/ports.ts'
import { startServer, type TestServer } from '../harness.ts'
import { withSql } from '../postgres.ts'
import { nativeDatabase, withoutNative } from '../store/databases.ts'

describe.skipIf(withoutNative())('admin.audit', () => {
  let database: Awaited<ReturnType<typeof nativeDatabase>>
  let server: TestServer
  let admin: Parley
  const users: Actor[] = []
  beforeAll(async () => {
    database = await nativeDatabase()
    server = await startServer({ env: { DATABASE_URL: database.url, COMMAND_LIMIT: '1000000' } })
    for (const name of ['owner', 'ann', 'bob', 'cid']) users.push(await server.actor(name))
    admin = createClient({ url: server.url, token: server.token('root', { role: 'admin' }) })
  })
  afterAll(async () => {
    await admin?.close()
    await server?.close()
    await database?.drop()
  })

  /** All pages, through the typed entrance. */
  async function audit(limit = 3) {
    let [checked, drift, pages] = [0, 0, 0]
    for (let after: string | undefined; ; pages++) {
      const page = await admin.api.admin.audit.query({ limit, ...(after !== undefined && { after }) })
      checked += page.checked
      drift += page.drift
      if (page.next === null) return { checked, drift, pages: pages + 1 }
      after = page.next
    }
  }

  async function group() {
    const [owner] = users
    if (!owner) throw new Error('there are four')
    const { core } = server.app
    const memberIds = ['ann', 'bob', 'cid']
    const { conversation } = await core.execute(owner, 'conversation.create', { kind: 'group', memberIds })
    return { owner, conversationId: conversation.id }
  }

  const act = fc.record({
    act: fc.constantFrom('send', 'send', 'send', 'read', 'delivered', 'unread', 'delete', 'leave', 'add'),
    who: fc.nat({ max: 3 }),
    seq: fc.integer({ min: 1, max: 12 }),
  })

  test('finds no drift over random activity, one after the other and all at once', async () => {
    const { core } = server.app
    const runs = fc.asyncProperty(
      fc.array(act, { minLength: 10, maxLength: 40 }),
      fc.boolean(),
      async (acts, atOnce) => {
        const { owner, conversationId } = await group()
        const sent: string[] = []
        const perform = ({ act, who, seq }: (typeof acts)[number]): Promise<unknown> => {
          const actor = users[who] ?? owner
          const at = { conversationId, seq }
          if (act === 'send') {
            const send = core.execute(actor, 'message.send', { conversationId, content: 'x' })
            return send.then(({ id }) => sent.push(id))
          }
          if (act === 'read') return core.execute(actor, 'message.markRead', at)
          if (act === 'delivered') return core.execute(actor, 'message.markDelivered', at)
          if (act === 'unread') return core.execute(actor, 'message.markUnread', at)
          if (act === 'delete') return core.execute(actor, 'message.delete', { messageId: sent[seq] ?? 'none' })
          if (act === 'leave') return core.execute(actor, 'conversation.leave', { conversationId })
          return core.execute(owner, 'conversation.addMembers', { conversationId, memberIds: [actor.userId] })
        }
        // Some are refused, by chance (who left may not send); what matters is what was written.
        if (atOnce) await Promise.allSettled(acts.map(perform))
        else for (const one of acts) await perform(one).catch(() => {})
      },
    )
    await fc.assert(runs, { numRuns: 15 })
    const { checked, drift, pages } = await audit()
    expect(drift).toBe(0)
    expect(checked).toBeGreaterThan(15)
    expect(pages).toBeGreaterThan(4)
    expect(await audit(100)).toEqual({ checked, drift, pages: 1 })
  })

  test.each([
    ['a count of own messages that is wrong', 'sent_at_read = sent_at_read + 1'],
    ['a mark moved without its count', 'last_read_seq = 0'],
    ['a mark beyond what was delivered', 'last_delivered_seq = last_read_seq - 1'],
  ])('finds %s', async (_, change) => {
    const { owner, conversationId } = await group()
    const { core } = server.app
    const bob = users[2] ?? owner
    for (const sender of [owner, bob, bob]) {
      await core.execute(sender, 'message.send', { conversationId, content: 'x' })
    }
    await core.execute(bob, 'message.markRead', { conversationId })
    expect(await audit()).toMatchObject({ drift: 0 })
    const row = `conversation_id = '${conversationId}' and user_id = 'bob'`
    const update = (set: string) => withSql(database.url, (sql) => sql.unsafe(`update members set ${set} where ${row}`))
    await update(change)
    expect(await audit()).toMatchObject({ drift: 1 })
    await update('last_read_seq = 3, last_delivered_seq = 3, sent_at_read = 2')
    expect(await audit()).toMatchObject({ drift: 0 })
  })
})
