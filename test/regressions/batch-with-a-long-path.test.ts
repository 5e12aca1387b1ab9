/** A batch over HTTP names its calls in the path; beyond 100 characters it was an unknown route. */
import { createTRPCClient, httpBatchLink } from '@trpc/client'
import superjson from 'superjson'
import { expect, test } from 'vitest'
import type { AppRouter } from '../../shared/index.ts'
import { startServer } from '../harness.ts'

test('twenty calls in one request', async () => {
  await using server = await startServer()
  const headers = { authorization: `Bearer ${server.token('ann')}` }
  const api = createTRPCClient<AppRouter>({
    links: [httpBatchLink({ url: `${server.url}/trpc`, transformer: superjson, headers })],
  })
  const answers = await Promise.all(Array.from({ length: 20 }, () => api.conversation.list.query({})))
  expect(answers).toEqual(Array.from({ length: 20 }, () => ({ conversations: [], next: null })))
})
