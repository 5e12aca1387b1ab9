/** Where a client starts from, and what an operator looks at. */
import { cursorAt } from './cursor.ts'
import { conversationTopic, ephemeral, type HandlersOf, userTopic } from './handler.ts'
import { admin, anyone } from './policy.ts'

export const sync: HandlersOf<'sync.snapshot' | 'admin.stats' | 'admin.audit' | 'admin.test'> = {
  'sync.snapshot': {
    policy: anyone,
    run: async ({ tx, actor, input, node: { hub } }) => {
      const { position, conversations, next } = await tx.snapshot(actor.userId, input.limit)
      return { cursor: cursorAt(hub.epoch, position), conversations, next }
    },
  },
  'admin.stats': {
    policy: admin,
    run: async ({ tx, node }) => {
      const { hub } = node
      return { ...(await tx.stats()), ...hub.census(), epoch: hub.epoch, queued: node.queued() }
    },
  },
  'admin.audit': { policy: admin, run: ({ tx, input }) => tx.receipts.audit(input) },
  'admin.test': {
    policy: admin,
    cast: async (call) => {
      const { userId, conversationId, message } = call.input
      const topic = conversationId === undefined ? userTopic(userId ?? '') : conversationTopic(conversationId)
      const payload = { conversationId: conversationId ?? null, message, at: new Date(call.node.world.now()) }
      return { result: {}, event: ephemeral(call, 'admin.tested', topic, payload) }
    },
  },
}
