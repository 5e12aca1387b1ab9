/**
 * Who may do what: named values, run inside the transaction of the write, after its locks. A refusal says FORBIDDEN or,
 * where even existence is nobody's business or plainly not there, NOT_FOUND.
 */
import { AppError } from '../../shared/errors.ts'
import type { Message } from '../../shared/model.ts'
import type { Actor } from '../../shared/ports.ts'
import type { Reads, Standing } from './ports.ts'
import type { Rights } from './rights.ts'

export type Policy<I> = (reads: Reads, actor: Actor, input: I, rights: Rights) => Promise<void>

/** Any verified actor: the command itself touches only what is the actor's. */
export const anyone: Policy<unknown> = async () => {}

/** The server's own parts. */
export const serverOnly: Policy<unknown> = async (_reads, actor, _input, rights) => {
  if (!rights.seesLog(actor)) throw new AppError('FORBIDDEN', 'For the server itself')
}

export const admin: Policy<unknown> = async (_reads, actor, _input, rights) => {
  if (!rights.administers(actor)) throw new AppError('FORBIDDEN', 'Administrators only')
}

/** About the actor's own, or an administrator about anybody's. */
export const selfOrAdmin: Policy<{ userId?: string | undefined }> = async (reads, actor, { userId }, rights) => {
  if (userId !== undefined && userId !== actor.userId) await admin(reads, actor, {}, rights)
}

/** A member of the conversation now. */
export const member: Policy<{ conversationId: string }> = async (reads, actor, { conversationId }) => {
  await standing(reads, actor, conversationId)
}

/** A member of the conversation, or an administrator looking in. */
export const memberOrAdmin: Policy<{ conversationId: string }> = async (reads, actor, input, rights) => {
  if (!rights.administers(actor)) await member(reads, actor, input, rights)
}

type MayName = { conversationId?: string | undefined }
/** Asks about the conversation that is named; where none is, anyone may. */
async function ifNamed(
  policy: Policy<{ conversationId: string }>,
  ...[reads, actor, { conversationId }, rights]: Parameters<Policy<MayName>>
): Promise<void> {
  if (conversationId !== undefined) await policy(reads, actor, { conversationId }, rights)
}
export const memberIfNamed: Policy<MayName> = (...call) => ifNamed(member, ...call)
export const memberOrAdminIfNamed: Policy<MayName> = (...call) => ifNamed(memberOrAdmin, ...call)

/** An owner or admin of the conversation. */
export const manager: Policy<{ conversationId: string }> = async (reads, actor, { conversationId }) => {
  const { role } = await standing(reads, actor, conversationId)
  if (role === 'member') throw new AppError('FORBIDDEN', 'Only an owner or admin of the conversation may do this')
}

/** An owner of the conversation. */
export const owner: Policy<{ conversationId: string }> = async (reads, actor, { conversationId }) => {
  const { role } = await standing(reads, actor, conversationId)
  if (role !== 'owner') throw new AppError('FORBIDDEN', 'Only an owner of the conversation may do this')
}

/** A member of the conversation of the message, for whom the message is visible. */
export const messageMember: Policy<{ messageId: string }> = async (reads, actor, { messageId }) => {
  await visibleMessage(reads, actor, messageId)
}

/** The same, where something new may happen: not in a direct conversation that is blocked. */
export const participant: Policy<{ messageId: string }> = async (reads, actor, { messageId }) => {
  const { conversationId } = await visibleMessage(reads, actor, messageId)
  refuseBlocked(await standing(reads, actor, conversationId))
}

/** Who wrote the message, still a member and a participant. */
export const sender: Policy<{ messageId: string }> = async (reads, actor, { messageId }) => {
  const message = await visibleMessage(reads, actor, messageId)
  refuseBlocked(await standing(reads, actor, message.conversationId))
  if (message.senderId !== actor.userId) throw new AppError('FORBIDDEN', 'Only the sender may do this')
}

/** Who sees the message or has hidden it from themselves: they may hide it again, and release their lock on it. */
export const hider: Policy<{ messageId: string }> = async (reads, actor, { messageId }) => {
  await seenMessage(reads, actor, messageId)
}

/**
 * Who may delete the message, also where they have hidden it from themselves: its sender, and unless it is to be their `own`, an
 * owner or admin of its conversation, and moderators, who need not be members.
 */
export const eraser: Policy<{ messageId: string; own: boolean }> = async (reads, actor, { messageId, own }, rights) => {
  if (!own && rights.moderates(actor)) return
  const { senderId, conversationId } = (await seenMessage(reads, actor, messageId)).message
  if (senderId === actor.userId) return
  if (own) throw new AppError('FORBIDDEN', 'Only the sender may do this')
  const { role } = await standing(reads, actor, conversationId)
  if (role === 'member')
    throw new AppError('FORBIDDEN', 'Only the sender, an owner or admin, or a moderator may do this')
}

/** A member of the conversation that is named, or of the one that the named message is in. */
export const markMember: Policy<{ conversationId?: string | undefined; messageId?: string | undefined }> = async (
  reads,
  actor,
  { conversationId, messageId },
) => {
  if (messageId !== undefined) await visibleMessage(reads, actor, messageId)
  else if (conversationId !== undefined) await standing(reads, actor, conversationId)
}

/** The same; with `received` only of a message that somebody else wrote to them. */
export const reader: Policy<{
  conversationId?: string | undefined
  messageId?: string | undefined
  received: boolean
}> = async (reads, actor, input, rights) => {
  const message = input.received && input.messageId !== undefined && (await reads.messages.get(input.messageId))
  const isTheirs = message && message.senderId !== actor.userId
  if (message && !(isTheirs && (await reads.messages.visible(message.id, actor.userId))))
    throw new AppError('FORBIDDEN', 'Only who received the message may do this')
  await markMember(reads, actor, input, rights)
}

/** To tell oneself; to tell another user, or everybody (null), an administrator. */
export const scheduleFor: Policy<{ userId?: string | null | undefined }> = async (_reads, actor, input, rights) => {
  if (rights.administers(actor) || input.userId === undefined || input.userId === actor.userId) return
  throw new AppError('FORBIDDEN', 'Only an administrator may tell others')
}

/** Who made the schedule, or an administrator; to others it does not exist. */
export const scheduleOwner: Policy<{ scheduleId: string }> = async (reads, actor, input, rights) => {
  await ownSchedule(reads, actor, input, rights)
}

/** The same, and they may tell whom it tells: who made it may be an administrator no more. */
export const scheduleTeller: Policy<{ scheduleId: string }> = async (reads, actor, input, rights) => {
  const { userId } = await ownSchedule(reads, actor, input, rights)
  await scheduleFor(reads, actor, { userId }, rights)
}

async function ownSchedule(reads: Reads, actor: Actor, { scheduleId }: { scheduleId: string }, rights: Rights) {
  const found = await reads.schedules.get(scheduleId)
  if (!found || (found.ownerId !== actor.userId && !rights.administers(actor)))
    throw new AppError('NOT_FOUND', 'Schedule not found')
  return found
}

export async function standing(reads: Reads, actor: Actor, conversationId: string): Promise<Standing> {
  const found = await reads.members.standing(conversationId, actor.userId)
  if (found) return found
  if (await reads.conversations.get(conversationId))
    throw new AppError('FORBIDDEN', 'Not a member of this conversation')
  throw new AppError('NOT_FOUND', 'Conversation not found')
}

export function refuseBlocked({ blocked }: Pick<Standing, 'blocked'>): void {
  if (blocked) throw new AppError('FORBIDDEN', 'One of you has blocked the other', { data: { blocked: true } })
}

/** First seq that a member may read. */
export const firstVisible = ({ historyVisible, joinedSeq }: Standing): number => (historyVisible ? 1 : joinedSeq + 1)

/** A message that the actor may see; to a stranger, and to who has hidden it, it does not exist. */
export async function visibleMessage(reads: Reads, actor: Actor, messageId: string): Promise<Message> {
  const { message, hidden } = await seenMessage(reads, actor, messageId)
  if (hidden) throw new AppError('NOT_FOUND', 'Message not found')
  return message
}

/** The same, also where the actor has hidden it. */
export async function seenMessage(reads: Reads, actor: Actor, messageId: string) {
  const found = await reads.messages.visible(messageId, actor.userId)
  if (!found) throw new AppError('NOT_FOUND', 'Message not found')
  return found
}
