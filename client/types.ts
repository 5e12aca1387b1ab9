/** What both entries export besides `createClient`. */
export type { CommandName, Input, Output } from '../shared/commands.ts'
export type { DurableName, EphemeralName, Event, EventName, Payload } from '../shared/events.ts'
export type {
  Conversation,
  ConversationDetail,
  ConversationKind,
  ConversationSummary,
  CustomStatus,
  Lock,
  Member,
  MemberRole,
  Message,
  Notification,
  NotificationType,
  Presence,
  Priority,
  Profile,
  Reaction,
  Schedule,
  Status,
  User,
  Version,
  When,
  Wishes,
} from '../shared/model.ts'
export type { AppRouter } from '../shared/router/index.ts'
export type { Backoff } from './backoff.ts'
export type { ClientOptions, EventsOptions, Parley } from './client.ts'
export type { ConnectionState, Token } from './connection.ts'
export type { ConversationHandle } from './conversation.ts'
export type { Heard } from './emitter.ts'
export { isParleyError, ParleyError, type ParleyErrorCode } from './errors.ts'
export type { SendOptions } from './outbox.ts'
export type { Draft, LocalMessage, PendingMessage, PendingStatus } from './pending.ts'
export type { Reader } from './reader.ts'
export type { SocketClass } from './socket.ts'
export type { Item, Reset, Snapshot } from './stream.ts'
