/**
 * A notification to everybody: stored first, then sent to the active users of that moment by id, a batch in each transaction
 * together with the place reached. So it arrives once, whichever nodes send it and whenever one dies.
 */
import type { HandlersOf } from './handler.ts'
import { admin } from './policy.ts'
import type { NotificationDraft, Tx } from './ports.ts'

export const broadcast: HandlersOf<'notification.broadcast'> = {
  'notification.broadcast': {
    policy: admin,
    run: async ({ tx, actor, input, node }) => {
      const broadcastId = node.world.newId()
      await tx.createBroadcast({ ...input, id: broadcastId, by: actor.userId })
      return { broadcastId }
    },
    committed: ({ node }) => node.firing.broadcasts.wake(),
  },
}

/** Sends one that is not done to its next users. False if there is none. */
export async function sendBatch(tx: Tx, limit: number, newId: () => string): Promise<boolean> {
  const taken = await tx.takeBroadcast(limit)
  if (!taken) return false
  const { id, ...content } = taken.broadcast
  const about = { ...content, cause: `broadcast:${id}`, messageId: null, conversationId: null }
  await tx.notify(
    taken.userIds.map((userId): NotificationDraft => ({ ...about, id: newId(), userId })),
    null,
  )
  return true
}
