/**
 * What an operator looks at and does. Kicking closes connections and keeps nobody out. Revoking refuses what tokens the user has,
 * durably, and closes their connections on every node that hears of it by the log; so does deactivating.
 */
import { COUNTED } from '../../shared/commands/queue.ts'
import { AppError } from '../../shared/errors.ts'
import { census, connectionsPage, roomsPage } from './census.ts'
import { conversationTopic, draft, ephemeral, type HandlersOf, type Node, userTopic } from './handler.ts'
import { admin as administrator } from './policy.ts'

type Looking = 'stats' | 'audit' | 'connections' | 'rooms' | 'conversations' | 'history' | 'queues' | 'explain'
type Doing = 'test' | 'kick' | 'revoke'

/** How many edits and deletions of a message are shown. */
const CHANGES = 100

const tailLag = ({ hub }: Node, position: number) => Math.max(0, position - hub.tail.position)

export const admin: HandlersOf<`admin.${Looking | Doing}`> = {
  'admin.stats': {
    policy: administrator,
    run: async ({ tx, node }) => {
      const { hub, auditor } = node
      const stored = await tx.stats()
      const here = { ...census(hub), epoch: hub.epoch, queued: node.queued(), audit: auditor.last }
      return { ...stored, ...here, tailLag: tailLag(node, stored.position) }
    },
  },
  'admin.audit': { policy: administrator, run: ({ tx, input }) => tx.receipts.audit(input) },
  'admin.connections': { policy: administrator, run: async ({ input, node }) => connectionsPage(node.hub, input) },
  'admin.rooms': { policy: administrator, run: async ({ input, node }) => roomsPage(node.hub, input) },
  'admin.conversations': {
    policy: administrator,
    run: ({ tx, input }) => tx.admin.conversations(input),
  },
  'admin.history': {
    policy: administrator,
    run: async ({ tx, input: { conversationId, before, limit } }) => {
      const toSeq = before === undefined ? Number.MAX_SAFE_INTEGER : before - 1
      return { messages: await tx.messages.range(conversationId, { fromSeq: 1, toSeq, limit, newest: true }) }
    },
  },
  'admin.queues': {
    policy: administrator,
    run: async ({ tx, input: { userId }, node }) => ({
      sends: node.queued(),
      subscriptions: node.hub.subscribers().length,
      receipts: node.counting.pending,
      tailLag: tailLag(node, await tx.admin.position()),
      offline: userId === undefined ? null : await tx.queue.size(userId, node.queueSeconds, COUNTED),
    }),
  },
  'admin.explain': {
    policy: administrator,
    run: async ({ tx, input }) => {
      const message = await tx.messages.get(input.messageId)
      if (!message) throw new AppError('NOT_FOUND', 'Message not found')
      const { id, conversationId, seq, senderId, clientId, createdAt } = message
      const { version, editedAt, deletedAt, deletedBy } = message
      const happened = await tx.admin.happened(message, CHANGES + 1)
      const sent = happened.find(({ name }) => name === 'message.created')
      const changes = happened.flatMap(({ name, ...rest }) => (name === 'message.created' ? [] : [{ name, ...rest }]))
      const told = await tx.admin.told(message, { ...input, from: sent?.position ?? 0 })
      return {
        ...{ messageId: id, conversationId, seq, senderId, clientId, createdAt },
        ...{ version, editedAt, deletedAt, deletedBy },
        ...{ position: sent?.position ?? null, committedAt: sent?.at ?? null, origin: sent?.origin ?? null },
        ...{ ...told, changes: changes.slice(0, CHANGES), notifications: await tx.admin.notified(message) },
      }
    },
  },
  'admin.test': {
    policy: administrator,
    cast: async (call) => {
      const { userId, conversationId, message } = call.input
      const topic = conversationId === undefined ? userTopic(userId ?? '') : conversationTopic(conversationId)
      const payload = { conversationId: conversationId ?? null, message, at: new Date(call.node.world.now()) }
      return { result: {}, event: ephemeral(call, 'admin.tested', topic, payload) }
    },
  },
  'admin.kick': {
    policy: administrator,
    cast: async (call) => {
      const { userId, connectionId = null, reason } = call.input
      const event = ephemeral(call, 'connection.kicked', userTopic(userId), { userId, connectionId, reason })
      return { result: {}, event }
    },
  },
  'admin.revoke': {
    policy: administrator,
    run: async ({ tx, actor, input: { userId } }) => {
      const at = await tx.revokeTokens(userId)
      if (!at) throw new AppError('NOT_FOUND', 'User not found')
      tx.append(draft(actor, 'user.revoked', userTopic(userId), { userId, at }))
      return { at }
    },
  },
}
