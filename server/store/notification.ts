/**
 * Notifications. What is about a message keeps no text of it: that is read from the message, so erased text does not come
 * back by a notification. Whether one is wanted, and silent, add_notifications decides in the transaction that makes it.
 */
import superjson from 'superjson'
import type { Durable } from '../../shared/events.ts'
import { type Message, type Notification, previewOf } from '../../shared/model.ts'
import type { EventDraft, NotificationDraft, NotificationWrites, Tx } from '../core/ports.ts'
import type { Query } from './driver.ts'

/** Its event; `message` is the one it is about. */
export function toEvent(
  { by, cause: _, conversationId: __, ...draft }: NotificationDraft,
  silent: boolean,
  origin: string | null,
  message: Pick<Message, 'type' | 'content' | 'deletedAt'> | null,
): EventDraft<'notification.created'> {
  const notification: Notification = { ...draft, body: message ? previewOf(message) : draft.body, silent, readAt: null }
  const topic = `user:${draft.userId}` as const
  return { name: 'notification.created', topic, actorId: by, origin, payload: { notification } }
}

/** A payload as the log keeps it: what a notification says of a message is read from that again. */
export function withoutText(payload: EventDraft['payload']): EventDraft['payload'] {
  if (!('notification' in payload) || payload.notification.messageId === null) return payload
  return { notification: { ...payload.notification, body: '' } }
}

/** The same with what the message says now. */
export const withText = (payload: Durable['payload'], message: Message | null): Durable['payload'] =>
  'notification' in payload && message
    ? { notification: { ...payload.notification, body: previewOf(message) } }
    : payload

/** As the database takes it: `event` is the payload in the log, without the text of a message. */
export function toStored(draft: NotificationDraft) {
  const { payload } = toEvent(draft, false, null, null)
  const body = draft.messageId === null ? draft.body : ''
  return { ...draft, body, event: superjson.serialize(withoutText(payload)) }
}

export function notificationWrites(query: Query, append: Tx['append']): NotificationWrites {
  return {
    async notify(drafts, origin, message = null) {
      if (drafts.length === 0) return
      const made = await query<[id: string, silent: boolean]>(
        'select made_id, made_silent from add_notifications($1::jsonb)',
        [JSON.stringify(drafts.map(toStored))],
      )
      const silent = new Map(made)
      for (const draft of drafts) {
        const is = silent.get(draft.id)
        if (is !== undefined) append(toEvent(draft, is, origin, message))
      }
    },
  }
}
