/**
 * What a command needs to exist: a policy, and one of `run` (inside the transaction of a write, or on committed data for a
 * read), `batch` (a write that the journal makes together with others; the store checks the policy's SQL form) and `cast`
 * (an ephemeral event, or none if there is nothing new to tell, and nothing stored).
 */
import type { CommandName, Commands, Input, Output, Parsed } from '../../shared/commands.ts'
import type { Durable, Event, EventName, Payload, Topic } from '../../shared/events.ts'
import type { Actor } from '../../shared/ports.ts'
import type { Attendance } from './attendance.ts'
import type { Audiences } from './audience.ts'
import type { Auditor } from './audit.ts'
import type { Blocklist } from './blocklist.ts'
import type { Counting } from './counting.ts'
import type { Expiry } from './expiry.ts'
import type { Firing } from './firing.ts'
import type { Heartbeats } from './heartbeat.ts'
import type { Hub } from './hub.ts'
import type { Policy } from './policy.ts'
import type { EventDraft, Reads, Store, Tx, World } from './ports.ts'
import type { Rights } from './rights.ts'
import type { Typing } from './typing.ts'

/** What this node knows in memory. */
export interface Node {
  readonly hub: Hub
  readonly world: World
  readonly rights: Rights
  readonly blocklist: Blocklist
  /** Sends waiting for the journal. */
  queued(): number
  /** True the first time it is asked about a message: it may be shown before it is stored. */
  firstShown(key: string): boolean
  readonly expiry: Expiry
  readonly firing: Firing
  readonly typing: Typing
  readonly audiences: Audiences
  readonly presence: Attendance
  readonly heartbeats: Heartbeats
  /** How long what nobody received stays in the offline queue, seconds. */
  readonly queueSeconds: number
  readonly counting: Counting
  readonly auditor: Pick<Auditor, 'last'>
}

interface Call<C extends CommandName> {
  readonly actor: Actor
  readonly input: Parsed<C>
  readonly node: Node
}
export interface RunCall<C extends CommandName> extends Call<C> {
  readonly tx: Commands[C]['kind'] extends 'write' ? Tx : Reads
}
export interface CastCall<C extends CommandName> extends Call<C> {
  readonly reads: Reads
}
export interface BatchCall<C extends CommandName> extends Call<C> {
  readonly store: Store
  /** Another command on the way, by the same actor. */
  readonly execute: <D extends CommandName>(name: D, input: Input<D>) => Promise<Output<D>>
}

export type Handler<C extends CommandName> =
  | {
      /** Conversations to lock before the policy looks. */
      readonly lock?: (input: Parsed<C>, reads: Reads) => Promise<readonly string[]>
      readonly policy: Policy<Parsed<C>>
      readonly run: (call: RunCall<C>) => Promise<Output<C>>
      /** Once a write is committed: what this node has to look at now. Must not throw. */
      readonly committed?: (call: Call<C>, output: Output<C>) => void
    }
  | {
      readonly policy: Policy<never>
      readonly batch: (call: BatchCall<C>) => Promise<{ result: Output<C>; events: readonly Durable[] }>
    }
  | {
      readonly policy: Policy<Parsed<C>>
      readonly cast: (call: CastCall<C>) => Promise<{ result: Output<C>; event: Event | null }>
    }

/** No command without a handler, no handler without a policy: the table does not compile otherwise. */
export type Handlers = { readonly [C in CommandName]: Handler<C> }
/** The handlers of some commands, one noun's share of the table. */
export type HandlersOf<C extends CommandName> = Pick<Handlers, C>

export const theConversation = async ({ conversationId }: { conversationId: string }) => [conversationId]
export const itsConversation = async ({ messageId }: { messageId: string }, reads: Reads) => {
  const message = await reads.messages.get(messageId)
  return message ? [message.conversationId] : []
}

export const conversationTopic = (id: string): Topic => `conversation:${id}`
export const userTopic = (id: string): Topic => `user:${id}`

/** A durable event caused by the actor, for `tx.append`. */
export function draft<D extends EventDraft['name']>(
  actor: Actor,
  name: D,
  topic: Topic,
  payload: Payload<D>,
): EventDraft<D> {
  // TypeScript cannot see that one name picks one payload of the union; the parameters above say it.
  return { name, topic, actorId: actor.userId, origin: actor.connectionId, payload } as EventDraft<D>
}

/** An ephemeral event caused by the actor, now. */
export function ephemeral<E extends EventName>(
  call: Call<CommandName>,
  name: E,
  topic: Topic,
  payload: Payload<E>,
): Event<E> {
  const { actor, node } = call
  const at = new Date(node.world.now())
  // As in `draft`.
  return { name, topic, at, actorId: actor.userId, origin: actor.connectionId, payload } as Event<E>
}
