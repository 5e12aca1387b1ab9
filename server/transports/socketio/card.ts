/**
 * One conversation as this node knows it: loaded once, then moved along the log, event by event. It is true of its position;
 * an event at or before that changes nothing, so it may be told the same thing twice.
 */
import type { Durable } from '../../../shared/events.ts'
import type { ConversationDetail, Member, Profile } from '../../../shared/model.ts'
import type { Card } from '../../dialects/outbound.ts'

/** So many members are on a card; conversations of the legacy systems have two, or a few. */
const MOST = 100

export class LiveCard implements Card {
  conversation: Card['conversation']
  memberCount: number
  lastMessage: Card['lastMessage']
  readonly members: Map<string, Member>
  /** Senders who are not among the members on the card. */
  readonly #strangers = new Map<string, Profile>()
  #position: number

  constructor({ conversation, members, memberCount, lastMessage, position }: ConversationDetail) {
    this.conversation = conversation
    this.members = new Map(members.slice(0, MOST).map((member) => [member.userId, member]))
    this.memberCount = memberCount
    this.lastMessage = lastMessage
    this.#position = position
  }

  knows(userId: string): boolean {
    return this.members.has(userId) || this.#strangers.has(userId)
  }
  introduce(profile: Profile): void {
    this.#strangers.set(profile.id, profile)
  }
  readonly profile = (userId: string): Profile =>
    this.members.get(userId)?.profile ??
    this.#strangers.get(userId) ?? { id: userId, name: userId, role: '', avatar: null }

  apply(event: Durable): void {
    if (event.position <= this.#position) return
    this.#position = event.position
    switch (event.name) {
      case 'conversation.created':
        this.conversation = event.payload.conversation
        for (const member of event.payload.members) this.#admit(member)
        break
      case 'conversation.updated':
        this.conversation = event.payload.conversation
        break
      case 'member.added':
        for (const member of event.payload.members) this.#admit(member)
        this.memberCount += event.payload.members.length
        break
      case 'member.updated':
        this.#change(this.members.get(event.payload.userId), { role: event.payload.role })
        break
      case 'member.removed': {
        const left = this.members.get(event.payload.userId)
        if (left) this.introduce(left.profile)
        this.members.delete(event.payload.userId)
        this.memberCount -= 1
        break
      }
      case 'message.created': {
        const { message } = event.payload
        this.lastMessage = message
        this.conversation = { ...this.conversation, lastSeq: message.seq, lastMessageAt: message.createdAt }
        for (const member of this.members.values()) {
          if (member.userId !== message.senderId) this.#change(member, { unread: member.unread + 1 })
        }
        break
      }
      case 'message.updated':
      case 'message.deleted':
        if (this.lastMessage?.id === event.payload.message.id) this.lastMessage = event.payload.message
        break
      case 'receipt.unread': {
        const { userId, seq, unread } = event.payload
        this.#change(this.members.get(userId), { unread, lastReadSeq: seq })
        break
      }
      case 'receipt.read': {
        const { userId, seq, unread, at } = event.payload
        this.#mark(userId, { readSeq: seq, deliveredSeq: seq, at }, { unread })
        break
      }
      case 'receipt.delivered': {
        const { userId, seq, at } = event.payload
        this.#mark(userId, { deliveredSeq: seq, at })
        break
      }
      case 'receipt.marked': {
        const { userId, deliveredSeq, readSeq, unread, at } = event.payload
        this.#mark(userId, { readSeq, deliveredSeq, at }, { unread })
        break
      }
      case 'user.updated': {
        const { profile } = event.payload
        this.#change(this.members.get(profile.id), { profile })
        if (this.#strangers.has(profile.id)) this.introduce(profile)
      }
    }
  }

  #admit(member: Member): void {
    if (this.members.size < MOST) this.members.set(member.userId, member)
  }
  /** Marks that moved did so at that time, which for reading is also that of viewing. */
  #mark(userId: string, to: { readSeq?: number; deliveredSeq: number; at: Date }, change: Partial<Member> = {}): void {
    const member = this.members.get(userId)
    if (!member) return
    const { readSeq = 0, deliveredSeq, at } = to
    this.#change(member, {
      ...change,
      ...(readSeq > member.lastReadSeq && { lastReadSeq: readSeq, lastReadAt: at, lastViewedAt: at }),
      ...(deliveredSeq > member.lastDeliveredSeq && { lastDeliveredSeq: deliveredSeq, lastDeliveredAt: at }),
    })
  }
  #change(member: Member | undefined, change: Partial<Member>): void {
    if (member) this.members.set(member.userId, { ...member, ...change })
  }
}
