/** The worker that fills the index: by itself, a page at a time, and on after a failure. */
import { expect, test } from 'vitest'
import { createClient } from '../../client/index.ts'
import type { Watcher } from '../../server/core/hub.ts'
import { Indexing } from '../../server/core/indexing.ts'
import type { Store } from '../../server/core/ports.ts'
import { startServer } from '../harness.ts'
import { Inbox } from '../inbox.ts'
import { openFresh } from '../store/databases.ts'

type State = Awaited<ReturnType<Store['index']>> | 'failed'
const MESSAGE = { name: 'message.created' } as Parameters<NonNullable<Watcher['passed']>>[0]

test('a server takes up what was sent by itself, many messages in few pages', async () => {
  const real = await openFresh()
  const pages = new Inbox<State>()
  // The store itself but for one method, which is looked at.
  const store: Store = Object.create(real, {
    index: {
      value: async (limit: number) => {
        const state = await real.index(limit)
        pages.push(state)
        return state
      },
    },
  })
  await using server = await startServer({ store })
  await pages.count(1, 'the look at the start')
  await using ann = createClient({ url: server.url, token: server.token('ann') })
  const { conversation } = await ann.api.conversation.create.mutate({ kind: 'group', memberIds: [] })
  const before = pages.items.length
  const words = Array.from({ length: 60 }, (_, n) => `word${n}`)
  await Promise.all(words.map((content) => ann.api.message.send.mutate({ conversationId: conversation.id, content })))
  await pages.until((items) => (items.slice(before).includes('done') ? true : undefined), 'the messages to be indexed')
  expect(pages.items.length - before).toBeLessThan(10)
})

test('a failure is told once and tried again; what comes meanwhile is not forgotten', async () => {
  const pages = new Inbox<State>()
  const errors: unknown[] = []
  let watcher: Watcher = {}
  let watching = true
  const states: State[] = ['failed', 'failed', 'busy', 'more', 'done', 'done', 'failed', 'done']
  const store = {
    async index(): Promise<'done' | 'more' | 'busy'> {
      const state = states[pages.items.length] ?? 'done'
      // Passes while a page is being taken up: there must be another page.
      if (pages.items.length === 4) watcher.passed?.(MESSAGE)
      pages.push(state)
      if (state === 'failed') throw new Error(`failed ${pages.items.length}`)
      return state
    },
  }
  const hub = {
    watch: (given: Watcher) => {
      watcher = given
      return () => {
        watching = false
      }
    },
  }
  const indexing = new Indexing({ store, hub, onError: (error) => errors.push(error), pauseMs: 1, retryMs: 1 })
  indexing.start()
  await pages.count(6, 'pages until nothing is left')
  expect(errors).toHaveLength(1)
  watcher.passed?.({ ...MESSAGE, name: 'message.deleted' } as typeof MESSAGE)
  await pages.count(8, 'pages after a message')
  expect(errors.map(String)).toEqual(['Error: failed 1', 'Error: failed 7'])
  await indexing.stop()
  expect(watching).toBe(false)
})
