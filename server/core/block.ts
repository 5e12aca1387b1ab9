/**
 * Blocks. While either of two users has blocked the other, in both directions: nothing new happens in their direct
 * conversation (no message, edit, reaction, lock or call; what was written can be read and deleted), none is opened, and
 * neither hears of the other's typing or presence (see blocklist.ts) or gets a notification caused by the other. In a group
 * they read each other. Only the blocker's own devices are told; who is refused learns that there is a block.
 */
import { AppError } from '../../shared/errors.ts'
import type { Topic } from '../../shared/events.ts'
import type { User } from '../../shared/model.ts'
import type { Actor } from '../../shared/ports.ts'
import { draft, type HandlersOf, type Node, type RunCall, userTopic } from './handler.ts'
import { anyone, refuseBlocked } from './policy.ts'
import type { Reads } from './ports.ts'

/**
 * Throws FORBIDDEN unless the actor may open a direct conversation with the peer. It has been made in this transaction, so a
 * block that is being made at the same time sees it, or is seen here.
 */
export async function mayOpen({ tx, actor, node }: RunCall<'conversation.create'>, peer: User): Promise<void> {
  if (!node.rights.mayOpen(actor, peer))
    throw new AppError('FORBIDDEN', `A ${actor.role} may not open a conversation with a ${peer.role}`)
  await tx.lockPair(actor.userId, peer.id)
  refuseBlocked({ blocked: (await tx.blocks.among(actor.userId, [peer.id])).length > 0 })
}

/** Those of the drafts that are not for somebody with whom the user has a block. */
export async function withoutBlocked<D extends { readonly userId: string }>(
  reads: Reads,
  by: string,
  drafts: readonly D[],
): Promise<D[]> {
  if (drafts.length === 0) return []
  const userIds = [...new Set(drafts.map((to) => to.userId))]
  const blocked = new Set(await reads.blocks.among(by, userIds))
  return drafts.filter((to) => !blocked.has(to.userId))
}

/** Whether all others who follow the topic here have a block with the actor, as in their direct conversation. */
export function unheard({ blocklist, hub }: Node, actor: Actor, topic: Topic): boolean {
  const blocked = blocklist.with(actor.userId)
  if (blocked.size === 0) return false
  return hub.occupancy(topic).users.every((userId) => userId === actor.userId || blocked.has(userId))
}

async function change({ tx, actor, input }: RunCall<'user.block' | 'user.unblock'>, on: boolean) {
  const { userId } = input
  if (userId === actor.userId) throw new AppError('INVALID_INPUT', 'Nobody blocks themselves')
  if (!(await tx.users.get(userId))) throw new AppError('NOT_FOUND', 'User not found')
  await tx.lockPair(actor.userId, userId)
  const direct = await tx.conversations.direct(actor.userId, userId)
  if (direct) await tx.lock([direct.id])
  const changed = await tx.block(actor.userId, userId, on)
  const payload = { userId: actor.userId, blockedId: userId, on }
  if (changed) tx.append(draft(actor, 'user.blocked', userTopic(actor.userId), payload))
  return { userId, changed }
}

export const block: HandlersOf<'user.block' | 'user.unblock' | 'user.blocks'> = {
  'user.block': { policy: anyone, run: (call) => change(call, true) },
  'user.unblock': { policy: anyone, run: (call) => change(call, false) },
  'user.blocks': { policy: anyone, run: ({ tx, actor, input }) => tx.blocks.list(actor.userId, input) },
}
