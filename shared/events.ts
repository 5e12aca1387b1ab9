/**
 * Everything that can have happened: the one outward vocabulary. A durable event has a position in the log and is delivered
 * to everyone concerned even if they were away; an ephemeral one has none and reaches only those who are attached.
 * A payload is typed where the event is made, from input that was parsed; it is not parsed again, and never changes after that.
 */
import type { z } from 'zod'
import { conversation } from './events/conversation.ts'
import { message } from './events/message.ts'
import { notification } from './events/notification.ts'
import { receipt } from './events/receipt.ts'
import { user } from './events/user.ts'

export const events = { ...user, ...conversation, ...message, ...receipt, ...notification } as const

export type Events = typeof events
export type EventName = keyof Events
export type DurableName = { [E in EventName]: Events[E]['kind'] extends 'durable' ? E : never }[EventName]
export type EphemeralName = Exclude<EventName, DurableName>
export type Payload<E extends EventName> = z.output<Events[E]['payload']>
export type Topic = `user:${string}` | `conversation:${string}`

/** What every subscription yields. `origin` is the connection that caused it, so that a client can tell its own echo. */
export type Event<E extends EventName = EventName> = {
  [K in E]: {
    readonly name: K
    readonly topic: Topic
    readonly position?: K extends DurableName ? number : never
    readonly at: Date
    readonly actorId: string | null
    readonly origin: string | null
    readonly payload: Payload<K>
  }
}[E]

/** A stretch of the log for one reader: `cursor` is the place to go on from once `events` are taken. */
export interface Page {
  readonly cursor: string
  readonly events: readonly Event[]
}

/** A durable event as published: its position is there. */
export type Durable = Event<DurableName> & { readonly position: number }

export const isDurable = (event: Event): event is Durable => events[event.name].kind === 'durable'
