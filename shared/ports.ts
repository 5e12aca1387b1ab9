/**
 * All that an entrance can see of the server: who acts, and the two doors, `execute` and `subscribe`.
 */

import type { PresenceFilter } from './commands/presence.ts'
import type { CommandName, Input, Output } from './commands.ts'
import type { Event, EventName, Page } from './events.ts'

declare const proven: unique symbol

/** Who is acting. Only server/auth.ts makes one: the brand cannot be written elsewhere without a cast. */
export interface Actor {
  readonly userId: string
  readonly name: string
  readonly email: string | null
  /** As the token or directory states it; rights compare without case. */
  readonly role: string
  readonly avatar: string | null
  /** As the directory has it at the handshake. */
  readonly schoolId: string | null
  /** The connection or request that acts; it becomes the `origin` of the events it causes. */
  readonly connectionId: string
  /** When the proof of identity ends, in milliseconds since 1970; null if never. */
  readonly expiresAt: number | null
  readonly [proven]: true
}

/**
 * What to follow. `all`: the actor's user topic and every conversation while a member. `user`: the user topic alone.
 * `conversation`: one of the actor's conversations. `log`: everything, for the server's own parts only. `presence`: `presence.changed`
 * alone, of these users or this school or class, as far as the actor may see them; no replay. `by: 'rights'`: of those alone whom the
 * table of rights lets the actor see in their school and classes, whatever else they share. `names`: these events alone.
 */
export type Scope =
  | { readonly kind: 'all' | 'log' }
  | ({ readonly kind: 'presence' } & (PresenceFilter | { readonly by: 'rights' }))
  | { readonly kind: 'user'; readonly names?: readonly EventName[] }
  | { readonly kind: 'conversation'; readonly conversationId: string; readonly names?: readonly EventName[] }

export type Entrance = 'websocket' | 'sse' | 'socketio'

/**
 * Where a live subscription delivers. Both run in the tail of the log: they are synchronous, quick and must not throw.
 * Events come in order of position; `cursor` is the place to go on from once the event is taken.
 */
export interface Sink {
  /** By which entrance it came; none: inside the server. */
  readonly entrance?: Entrance
  push(event: Event, cursor: string): void
  /** Nothing came for a while: the cursor moves all the same. */
  tick?(cursor: string): void
  /** The actor may not see more (removed from the one conversation it follows). The last event has been pushed. */
  end(): void
  /**
   * If given, live events go once to `channel` for all sinks that share it, instead of to each `push`; `follow` and
   * `unfollow` tell which topics this sink takes part in (called before the first and after the last event of a topic).
   */
  readonly channel?: Channel
  follow?(topic: Event['topic']): void
  unfollow?(topic: Event['topic']): void
}

/** One delivery for many sinks: an event is encoded once and carried to whoever follows its topic. */
export interface Channel {
  /** `except`: users who do not hear of it, whoever of their connections follows. */
  push(event: Event, cursor: string, except: ReadonlySet<string> | null): void
}

/** A subscription, already authorised. Use: take the pages of `replay`, then `attach`; if it is false, replay again. */
export interface Feed {
  /** The cursor reached so far. */
  readonly cursor: string
  /** Durable events after the cursor until the rest is in memory. Throws RESET when the cursor cannot be continued. */
  replay(): AsyncIterable<Page>
  /** Pushes what is left and goes live, in one tick. False if the cursor is no longer in memory. */
  attach(sink: Sink): boolean
  detach(): void
}

export interface Core {
  /** Parses, limits, checks the policy, runs, commits; resolves after this node has passed the events it caused. */
  execute<C extends CommandName>(actor: Actor, name: C, input: Input<C>): Promise<Output<C>>
  /** Authorises before it resolves. Without a cursor it starts at the end of the log. */
  subscribe(actor: Actor, scope: Scope, cursor?: string): Promise<Feed>
  /**
   * Who follows a topic on this node now: connections, and the users behind them. For a viewer without those who are invisible,
   * or with whom there is a block. Of the topic of a user also that user, if connected to another node.
   */
  occupancy(
    topic: Event['topic'],
    viewerId?: string,
  ): { readonly connections: number; readonly users: readonly string[] }
}
