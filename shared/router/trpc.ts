/**
 * How the contract becomes tRPC procedures. A procedure is one line, `write('message.send')`: it refuses who is not
 * authenticated, takes a place among the connection's calls, parses, and goes through the one door. It holds no logic.
 * Subscriptions authorise before they answer `started`, then hand the feed to the transport that carries them.
 */
import { initTRPC, type TrackedEnvelope } from '@trpc/server'
import { z } from 'zod'
import { PresenceFilter } from '../commands/presence.ts'
import { type CommandName, type Commands, type CommandsOf, commands, type Input } from '../commands.ts'
import { AppError } from '../errors.ts'
import type { Event, EventName } from '../events.ts'
import { Cursor, Id } from '../model.ts'
import type { Actor, Core, Feed, Scope } from '../ports.ts'
import { formatFailure, toTrpcError } from './failure.ts'

/** What a subscription yields: events in order under the cursor to go on from. Empty: ready, or a tick of the cursor. */
export type Pages = AsyncIterable<TrackedEnvelope<readonly Event[]>, void>

/** What a transport provides for each connection (WebSocket) or request (HTTP). */
export interface Context {
  /** Or why there is none: a context that throws would leave the client without an answer. */
  readonly actor: Actor | AppError
  readonly core: Core
  /** Takes a place among the calls in flight and returns how to give it back. Throws RATE_LIMITED when there is none. */
  admit(): () => void
  /** Takes a place among the streams, opens the feed, carries it until the signal. Throws RATE_LIMITED, and what `open` throws. */
  deliver(open: () => Promise<Feed>, signal: AbortSignal | undefined): Promise<Pages>
}

export const builder = initTRPC.context<Context>()
/** Never the stack, whatever NODE_ENV says. */
export const options = { errorFormatter: formatFailure, isDev: false } as const
const t = builder.create(options)

const procedure = t.procedure.use(async ({ ctx, next }) => {
  if (ctx.actor instanceof AppError) throw toTrpcError(ctx.actor)
  const release = ctx.admit()
  try {
    const result = await next({ ctx: { actor: ctx.actor } })
    if (!result.ok) throw toTrpcError(result.error)
    return result
  } finally {
    release()
  }
})

/**
 * The boundary where TypeScript cannot correlate a name with its schema: two casts, both true because `commands` is one table
 * and because what a schema has parsed it accepts again (defaults, no transforms).
 */
const schema = <C extends CommandName>(name: C) => commands[name].input as Commands[C]['input']
const through =
  <C extends CommandName>(name: C) =>
  ({ ctx, input }: { ctx: Context & { actor: Actor }; input: unknown }) =>
    ctx.core.execute(ctx.actor, name, input as Input<C>)

export const write = <C extends CommandsOf<'write'>>(name: C) => procedure.input(schema(name)).mutation(through(name))
export const read = <C extends CommandsOf<'read'>>(name: C) => procedure.input(schema(name)).query(through(name))

/** A stream of `scope`. Without `lastEventId` it starts at the end of the log; a stock client sends it when it reconnects. */
const stream = (ctx: Context & { actor: Actor }, scope: Scope, lastEventId: string | undefined, signal?: AbortSignal) =>
  ctx.deliver(() => ctx.core.subscribe(ctx.actor, scope, lastEventId), signal)

const Resume = z.object({ lastEventId: Cursor.optional() })

export const followAll = () =>
  procedure
    .input(Resume.optional())
    .subscription(({ ctx, input, signal }) => stream(ctx, { kind: 'all' }, input?.lastEventId, signal))

/** The events of these names on the actor's own topic. */
export const followUser = (names: readonly EventName[]) =>
  procedure
    .input(Resume.optional())
    .subscription(({ ctx, input, signal }) => stream(ctx, { kind: 'user', names }, input?.lastEventId, signal))

/** Everything in one conversation, or the events of these names alone. */
export const followConversation = (names?: readonly EventName[]) =>
  procedure.input(Resume.extend({ conversationId: Id })).subscription(({ ctx, input, signal }) => {
    const scope = { kind: 'conversation', conversationId: input.conversationId, ...(names && { names }) } as const
    return stream(ctx, scope, input.lastEventId, signal)
  })

/** How users appear, from now on. */
export const followPresence = () =>
  procedure
    .input(PresenceFilter)
    .subscription(({ ctx, input, signal }) => stream(ctx, { kind: 'presence', ...input }, undefined, signal))
