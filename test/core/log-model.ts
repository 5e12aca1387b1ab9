/** The log as the rules state it, by the plainest means: the hub is held against this. */

import type { Broker, Log, Reader } from '../../server/core/ports.ts'
import { AppError } from '../../shared/errors.ts'
import type { Durable, Topic } from '../../shared/events.ts'
import type { Member } from '../../shared/model.ts'

const member = (userId: string): Member => ({
  ...{
    userId,
    role: 'member',
    joinedAt: new Date(0),
    lastReadSeq: 0,
    lastDeliveredSeq: 0,
    lastViewedAt: null,
    lastReadAt: null,
    lastDeliveredAt: null,
    unread: 0,
    mentions: 0,
  },
  profile: { id: userId, name: userId, role: '', avatar: null },
})

export class LogModel implements Log {
  readonly events: Durable[] = []
  floor = 0
  /** Waits that stand for the database's answer time. */
  delay: () => Promise<void> = async () => {}

  append(conversationId: string, change: { join: string } | { leave: string } | { text: string }): Durable {
    const topic: Topic = `conversation:${conversationId}`
    const head = { topic, position: this.events.length + 1, at: new Date(0), actorId: null, origin: null }
    const event: Durable =
      'join' in change
        ? { ...head, name: 'member.added', payload: { conversationId, members: [member(change.join)] } }
        : 'leave' in change
          ? { ...head, name: 'member.removed', payload: { conversationId, userId: change.leave, reason: 'left' } }
          : {
              ...head,
              name: 'receipt.read',
              payload: {
                conversationId,
                userId: change.text,
                fromSeq: 0,
                seq: 0,
                messageId: null,
                changed: 0,
                unread: 0,
                messages: [],
                whole: true,
                at: new Date(0),
              },
            }
    this.events.push(event)
    return event
  }

  isMember(userId: string, conversationId: string, position = this.events.length): boolean {
    let inside = false
    for (const event of this.events.slice(0, position)) {
      if (event.topic !== `conversation:${conversationId}`) continue
      if (event.name === 'member.added' && event.payload.members.some((m) => m.userId === userId)) inside = true
      if (event.name === 'member.removed' && event.payload.userId === userId) inside = false
    }
    return inside
  }

  visible(userId: string, event: Durable): boolean {
    const conversationId = event.topic.slice('conversation:'.length)
    return (
      this.isMember(userId, conversationId, event.position) || this.isMember(userId, conversationId, event.position - 1)
    )
  }

  async tail() {
    await this.delay()
    return { position: this.events.length, floor: this.floor }
  }
  async page(reader: Reader, after: number, limit: number) {
    await this.delay()
    if (after < this.floor) throw new AppError('RESET', 'too old', { data: { reason: 'expired' } })
    const upTo = this.events.length
    const seen = this.events.slice(after).filter((event) => reader === null || this.visible(reader.userId, event))
    const events = seen.slice(0, limit)
    const result = { events, upTo: seen.length > limit ? (events.at(-1)?.position ?? upTo) : upTo }
    await this.delay()
    return result
  }
  async memberships(userId: string, position: number) {
    await this.delay()
    const conversations = new Set(this.events.map((event) => event.topic.slice('conversation:'.length)))
    return [...conversations].filter((id) => this.isMember(userId, id, position))
  }
  async prune() {
    return this.floor
  }
}

/** A broker whose rings the test lets through, or not. */
export function handBroker(): Broker & { letRing(position: number): void } {
  let heard: (position: number) => void = () => {}
  return {
    ring() {},
    onRing: (listener) => {
      heard = listener
      return () => {
        heard = () => {}
      }
    },
    letRing: (position) => heard(position),
    cast() {},
    onCast: () => () => {},
    share() {},
    onShare: () => () => {},
    async ping() {},
    async close() {},
  }
}
