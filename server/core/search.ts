/** Full-text search: the statement itself finds only what the actor may read. What it looks at, indexing.ts keeps up. */
import type { HandlersOf } from './handler.ts'
import { memberIfNamed } from './policy.ts'

export const search: HandlersOf<'message.search'> = {
  'message.search': {
    policy: memberIfNamed,
    run: async ({ tx, actor, input: { query, conversationId = null, senderId = null, before, limit } }) => {
      const found = await tx.searches.find({
        ...{ userId: actor.userId, query, conversationId, senderId },
        before: before === undefined ? null : Number(before),
        limit: limit + 1,
      })
      const page = found.slice(0, limit)
      return {
        results: page.map(({ message, highlights }) => ({ message, highlights })),
        next: found.length > limit ? String(page.at(-1)?.position) : null,
      }
    },
  },
}
