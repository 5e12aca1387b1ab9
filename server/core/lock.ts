/**
 * Locks on messages, for editing: one holder at a time, for a time by the database's clock. Whoever sees the message may take
 * it; the holder's own `acquire` renews; each new holding has a higher token. While another user holds it, taking and editing
 * are refused with LOCKED. Every end is one `lock.released`: `released` by the holder, `expired`, or `gone` with the holder
 * (last connection, membership) or the message. What ends by itself, expiry.ts ends.
 */
import { AppError } from '../../shared/errors.ts'
import type { Lock } from '../../shared/model.ts'
import type { Actor } from '../../shared/ports.ts'
import { conversationTopic, draft, type HandlersOf, itsConversation, type Node } from './handler.ts'
import { firstVisible, hider, member, participant, standing, visibleMessage } from './policy.ts'
import type { EndedLock, EventDraft, Reads, Tx } from './ports.ts'

type Reason = 'released' | 'expired' | 'gone'

/** The end of a lock; without an actor the server itself ended it. */
export function released(actor: Actor | null, ended: EndedLock, reason: Reason): EventDraft<'lock.released'> {
  return {
    name: 'lock.released',
    topic: conversationTopic(ended.conversationId),
    actorId: actor?.userId ?? null,
    origin: actor?.connectionId ?? null,
    payload: { ...ended, reason },
  }
}

function locked({ holderId, remainingMs }: Pick<Lock, 'holderId' | 'remainingMs'>): AppError {
  return new AppError('LOCKED', 'Somebody else is editing this message', { data: { holderId, remainingMs } })
}

/** Throws LOCKED while another user holds the lock. Inside a write, with the conversation locked, it stays true. */
export async function mayEdit(reads: Reads, actor: Actor, messageId: string): Promise<void> {
  const held = await reads.locks.get(messageId)
  if (held && held.holderId !== actor.userId) throw locked(held)
}

/** Ends what a member holds in a conversation, or whoever holds the lock on a message, because they or it are gone. */
export async function endGone(
  tx: Tx,
  actor: Actor,
  of: { messageId: string } | { conversationId: string; holderIds: readonly string[] },
): Promise<void> {
  for (const ended of await tx.endLocks(of, Number.MAX_SAFE_INTEGER)) tx.append(released(actor, ended, 'gone'))
}

/** A look before the commit would not see the lock. */
const committed = ({ node }: { readonly node: Node }, { remainingMs }: { remainingMs: number }) =>
  node.expiry.expect(remainingMs)

const LISTED = 1_000

export const lock: HandlersOf<'lock.acquire' | 'lock.renew' | 'lock.release' | 'lock.list'> = {
  'lock.acquire': {
    lock: itsConversation,
    policy: participant,
    committed,
    run: async ({ tx, actor, input: { messageId }, node: { expiry } }) => {
      const { conversationId, deletedAt } = await visibleMessage(tx, actor, messageId)
      if (deletedAt) throw new AppError('CONFLICT', 'Message already deleted')
      const wish = { messageId, conversationId, holderId: actor.userId, forMs: expiry.lockMs }
      const { holderId, token, remainingMs, isNew, overdue } = await tx.takeLock(wish)
      if (holderId !== actor.userId) throw locked({ holderId, remainingMs })
      if (overdue !== null) tx.append(released(null, { messageId, conversationId, holderId: overdue }, 'expired'))
      const payload = { messageId, conversationId, holderId, remainingMs }
      if (isNew) tx.append(draft(actor, 'lock.acquired', conversationTopic(conversationId), payload))
      return { messageId, token, holderId, remainingMs }
    },
  },
  'lock.renew': {
    lock: itsConversation,
    policy: participant,
    committed,
    run: async ({ tx, actor, input: { messageId, token }, node: { expiry } }) => {
      const remainingMs = await tx.renewLock({ messageId, holderId: actor.userId, token, forMs: expiry.lockMs })
      if (remainingMs === null) {
        await mayEdit(tx, actor, messageId)
        throw new AppError('CONFLICT', 'This lock has ended')
      }
      return { messageId, remainingMs }
    },
  },
  'lock.release': {
    lock: itsConversation,
    policy: hider,
    run: async ({ tx, actor, input: { messageId, token } }) => {
      const own = { messageId, holderIds: [actor.userId] }
      const [ended] = await tx.endLocks(token === undefined ? own : { ...own, token })
      if (ended) tx.append(released(actor, ended, 'released'))
      return { messageId, released: ended !== undefined }
    },
  },
  'lock.list': {
    policy: member,
    run: async ({ tx, actor, input: { conversationId } }) => {
      const first = firstVisible(await standing(tx, actor, conversationId))
      return { locks: await tx.locks.list(conversationId, first, LISTED) }
    },
  },
}
