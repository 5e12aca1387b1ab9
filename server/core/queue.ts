/**
 * The offline queue. A dequeue reads what waits and the end of the log in one look, then locks those conversations and moves each
 * delivered mark to the last message of the page: a message counts as given only by the mark that moved past it, so two devices
 * never get the same one. A page that the limit cuts leaves the mark where it was cut.
 */
import { COUNTED } from '../../shared/commands/queue.ts'
import type { Parsed } from '../../shared/commands.ts'
import { cursorAt } from './cursor.ts'
import type { HandlersOf, RunCall } from './handler.ts'
import { admin, anyone, selfOrAdmin } from './policy.ts'
import { advance } from './receipt.ts'

async function peek(
  { tx, actor, node }: Pick<RunCall<'queue.peek' | 'queue.dequeue'>, 'tx' | 'actor' | 'node'>,
  page: Parsed<'queue.peek'>,
) {
  const wish = { seconds: node.queueSeconds, ...page }
  const { messages, position, next } = await tx.queue.page(actor.userId, wish)
  return { messages, hasMore: next !== null, cursor: cursorAt(node.hub.epoch, position), next }
}

async function dequeue(call: RunCall<'queue.dequeue'>) {
  const { messages, hasMore, cursor } = await peek(call, call.input)
  const lastSeqs = new Map(messages.map(({ conversationId, seq }) => [conversationId, seq]))
  await call.tx.lock([...lastSeqs.keys()])
  const taken = new Map<string, number>()
  for (const [conversationId, lastSeq] of lastSeqs) {
    // Null: another device took all of it meanwhile, or the user is no longer a member.
    const moved = await advance(call, 'delivered', { conversationId, seq: lastSeq, whole: true })
    if (moved) taken.set(conversationId, moved.fromSeq)
  }
  const given = messages.filter(
    ({ conversationId, seq }) => seq > (taken.get(conversationId) ?? Number.POSITIVE_INFINITY),
  )
  return { messages: given, hasMore, cursor }
}

export const queue: HandlersOf<'queue.size' | 'queue.peek' | 'queue.dequeue' | 'queue.enqueue'> = {
  'queue.size': {
    policy: selfOrAdmin,
    run: async ({ tx, actor, input, node }) => ({
      size: await tx.queue.size(input.userId ?? actor.userId, node.queueSeconds, COUNTED),
    }),
  },
  'queue.peek': { policy: anyone, run: (call) => peek(call, call.input) },
  'queue.dequeue': { policy: anyone, run: dequeue },
  'queue.enqueue': {
    policy: admin,
    batch: async ({ actor, store, input, node, execute }) => {
      // Of a batch the store checks the policy, and it knows members only.
      await admin(store.reads, actor, input, node.rights)
      const { userId, data, ...message } = input
      return { result: await execute('message.send', { ...message, to: userId, metadata: data }), events: [] }
    },
  },
}
