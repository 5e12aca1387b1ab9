/** Every write in a conversation takes its turn there: while somebody holds the conversation's lock, it waits. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CommandName, Input } from '../../shared/commands.ts'
import { startServer, type TestServer } from '../harness.ts'
import { withSql } from '../postgres.ts'
import { nativeDatabase, withoutNative } from '../store/databases.ts'

interface Place {
  readonly conversationId: string
  readonly messageId: string
}
const WRITES: { [C in CommandName]?: (place: Place) => Input<C> } = {
  'conversation.update': ({ conversationId }) => ({ conversationId, title: 'new' }),
  'conversation.addMembers': ({ conversationId }) => ({ conversationId, memberIds: ['cid'] }),
  'conversation.removeMember': ({ conversationId }) => ({ conversationId, userId: 'bob' }),
  'conversation.join': ({ conversationId }) => ({ conversationId }),
  'conversation.leave': ({ conversationId }) => ({ conversationId }),
  'conversation.view': ({ conversationId }) => ({ conversationId }),
  'message.send': ({ conversationId }) => ({ conversationId, content: 'x' }),
  'message.edit': ({ messageId }) => ({ messageId, content: 'x' }),
  'message.delete': ({ messageId }) => ({ messageId }),
  'message.markRead': ({ conversationId }) => ({ conversationId }),
  'message.markDelivered': ({ messageId }) => ({ messageId }),
}

describe.skipIf(withoutNative())('on native Postgres', () => {
  let database: Awaited<ReturnType<typeof nativeDatabase>>
  let server: TestServer
  beforeAll(async () => {
    database = await nativeDatabase()
    server = await startServer({ env: { DATABASE_URL: database.url } })
  })
  afterAll(async () => {
    await server?.close()
    await database?.drop()
  })

  test.each(Object.keys(WRITES) as (keyof typeof WRITES)[])('%s', async (name) => {
    const { core } = server.app
    const [ann] = await Promise.all([server.actor('ann'), server.actor('bob'), server.actor('cid')])
    const { conversation } = await core.execute(ann, 'conversation.create', { kind: 'group', memberIds: ['bob'] })
    const conversationId = conversation.id
    const { id: messageId } = await core.execute(ann, 'message.send', { conversationId, content: 'first' })
    let done = false
    const order = await withSql(database.url, async (sql) => {
      await sql`begin`
      await sql`select from conversations where id = ${conversationId} for no key update`
      // `name` and its input come from the same row.
      const write = core.execute(ann, name, WRITES[name]?.({ conversationId, messageId }) as never).finally(() => {
        done = true
      })
      write.catch(() => {})
      const waits = await withSql(database.url, async (other) => {
        for (let waiting = 0; waiting === 0 && !done; ) {
          const [row] = await other`select count(*)::int as waiting from pg_stat_activity
            where datname = current_database() and application_name = 'parley' and wait_event_type = 'Lock'`
          waiting = row?.waiting ?? 0
        }
        return !done
      })
      await sql`commit`
      await write
      return waits ? 'waited' : 'did not wait'
    })
    expect(order).toBe('waited')
  })
})
