/** Conversations and who is in them. */
import { z } from 'zod'
import { Id } from '../model/base.ts'
import { Conversation, Member, MemberRole, Wishes } from '../model/conversation.ts'
import type { Row } from './row.ts'

const conversationId = Id

export const conversation = {
  'conversation.created': {
    kind: 'durable',
    topic: 'conversation',
    payload: z.object({ conversation: Conversation, members: z.array(Member) }),
  },
  'conversation.updated': { kind: 'durable', topic: 'conversation', payload: z.object({ conversation: Conversation }) },
  /** For the actor's own devices: when they last looked at the conversation. */
  'conversation.viewed': {
    kind: 'durable',
    topic: 'user',
    payload: z.object({ conversationId, userId: Id, at: z.date() }),
  },
  /** For the actor's own devices: what they want of the conversation from now on, all of it. */
  'conversation.configured': {
    kind: 'durable',
    topic: 'user',
    payload: z.object({ conversationId, userId: Id, ...Wishes.shape }),
  },
  /** The first event of the conversation that the new members see. */
  'member.added': {
    kind: 'durable',
    topic: 'conversation',
    payload: z.object({ conversationId, members: z.array(Member) }),
  },
  'member.updated': {
    kind: 'durable',
    topic: 'conversation',
    payload: z.object({ conversationId, userId: Id, role: MemberRole }),
  },
  /** The last event of the conversation that the removed member sees. */
  'member.removed': {
    kind: 'durable',
    topic: 'conversation',
    payload: z.object({ conversationId, userId: Id, reason: z.enum(['left', 'removed']) }),
  },
} as const satisfies Record<string, Row>
