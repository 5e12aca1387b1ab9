/**
 * The one door. `execute`, in this order: parse, limit, lock, policy, run, append events, commit, pass them on this node,
 * answer. `subscribe` authorises before it resolves. Nothing else enters; everything that leaves is an event.
 */
import { z } from 'zod'
import { type CommandName, commands, type Input, type Output, type Parsed } from '../../shared/commands.ts'
import { AppError, toAppError } from '../../shared/errors.ts'
import type { Topic } from '../../shared/events.ts'
import type { Actor, Core, Feed, Scope } from '../../shared/ports.ts'
import { account } from './account.ts'
import { admin } from './admin.ts'
import type { Attendance } from './attendance.ts'
import { Audiences } from './audience.ts'
import type { Auditor } from './audit.ts'
import { block } from './block.ts'
import { broadcast } from './broadcast.ts'
import { conversation } from './conversation.ts'
import type { Counting } from './counting.ts'
import { cursor, positionOf } from './cursor.ts'
import type { Expiry } from './expiry.ts'
import { LogFeed } from './feed.ts'
import type { Firing } from './firing.ts'
import type { BatchCall, CastCall, Handler, Handlers, Node, RunCall } from './handler.ts'
import { type Heartbeats, heartbeat } from './heartbeat.ts'
import { hidden } from './hidden.ts'
import type { Hub } from './hub.ts'
import { lock } from './lock.ts'
import { message } from './message.ts'
import { notification } from './notification.ts'
import { standing } from './policy.ts'
import type { Store, World } from './ports.ts'
import { presence } from './presence.ts'
import { queue } from './queue.ts'
import { reaction } from './reaction.ts'
import { receipt } from './receipt.ts'
import { reply } from './reply.ts'
import { Rights } from './rights.ts'
import { role } from './role.ts'
import { schedule } from './schedule.ts'
import { search } from './search.ts'
import { sync } from './sync.ts'
import { type Typing, typing } from './typing.ts'
import { user } from './user.ts'
import { WatchFeed } from './watch.ts'

export const handlers: Handlers = {
  ...user,
  ...account,
  ...block,
  ...conversation,
  ...role,
  ...message,
  ...notification,
  ...search,
  ...reaction,
  ...hidden,
  ...reply,
  ...receipt,
  ...lock,
  ...schedule,
  ...broadcast,
  ...queue,
  ...presence,
  ...heartbeat,
  ...typing,
  ...sync,
  ...cursor,
  ...admin,
}

export interface CoreOptions {
  store: Store
  hub: Hub
  expiry: Expiry
  firing: Firing
  typing: Typing
  presence: Attendance
  heartbeats: Heartbeats
  /** How long what nobody received stays in the offline queue, seconds. */
  queueSeconds?: number
  counting: Counting
  auditor: Pick<Auditor, 'last'>
  world: World
  /** The usual ones if missing. */
  rights?: Rights | undefined
  /** Takes `cost` from the actor's allowance; throws RATE_LIMITED. */
  limit: (actor: Actor, cost: number) => Promise<void>
  /** A failure that is nobody's fault but ours. */
  onError: (error: AppError, command: CommandName, actor: Actor) => void
}

const SHOWN = 10_000

export function createCore({
  store,
  hub,
  expiry,
  firing,
  typing,
  queueSeconds = 604_800,
  counting,
  auditor,
  world,
  limit,
  onError,
  ...options
}: CoreOptions): Core {
  const rights = options.rights ?? new Rights()
  const shown = new Set<string>()
  const audiences = new Audiences(store.reads.members)
  hub.watch(audiences)
  const node: Node = {
    hub,
    world,
    rights,
    blocklist: hub.blocklist,
    expiry,
    firing,
    typing,
    queueSeconds,
    counting,
    auditor,
    queued: () => store.queued,
    audiences,
    presence: options.presence,
    heartbeats: options.heartbeats,
    firstShown: (key) => {
      if (shown.has(key)) return false
      if (shown.size >= SHOWN) for (const oldest of shown.values()) if (shown.delete(oldest)) break
      shown.add(key)
      return true
    },
  }

  async function perform<C extends CommandName>(actor: Actor, name: C, input: Parsed<C>): Promise<Output<C>> {
    // The table is indexed by the very name that types this call; TypeScript cannot carry that through the union.
    const handler = handlers[name] as Handler<C>
    if ('cast' in handler) {
      await handler.policy(store.reads, actor, input, rights)
      const call: CastCall<C> = { actor, input, node, reads: store.reads }
      const { result, event } = await handler.cast(call)
      if (event) hub.cast(event)
      return result
    }
    if ('batch' in handler) {
      const call: BatchCall<C> = { actor, input, node, store, execute: (other, given) => execute(actor, other, given) }
      const { result, events } = await handler.batch(call)
      await hub.publish(events)
      return result
    }
    const { lock: toLock, policy, run, committed } = handler
    if (commands[name].kind === 'read') {
      await policy(store.reads, actor, input, rights)
      // `tx` of a read is Reads, by RunCall; the condition is on a type parameter and stays open here.
      return run({ actor, input, node, tx: store.reads } as RunCall<C>)
    }
    const { result, events } = await store.write(async (tx) => {
      if (toLock) await tx.lock(await toLock(input, tx))
      await policy(tx, actor, input, rights)
      return run({ actor, input, node, tx } as RunCall<C>)
    })
    committed?.({ actor, input, node }, result)
    await hub.publish(events)
    return result
  }

  async function execute<C extends CommandName>(actor: Actor, name: C, input: Input<C>): Promise<Output<C>> {
    const command = commands[name]
    if (command === undefined) throw new AppError('NOT_FOUND', 'No such command')
    const parsed = command.input.safeParse(input)
    if (!parsed.success) throw new AppError('INVALID_INPUT', z.prettifyError(parsed.error))
    try {
      await limit(actor, command.cost)
      // safeParse of this command's own schema: its output is Parsed<C>.
      return await perform(actor, name, parsed.data as Parsed<C>)
    } catch (error) {
      const failure = toAppError(error)
      if (failure.code === 'INTERNAL') onError(failure, name, actor)
      throw failure
    }
  }

  async function subscribe(actor: Actor, scope: Scope, cursor?: string): Promise<Feed> {
    if (scope.kind === 'log' && !rights.seesLog(actor)) throw new AppError('FORBIDDEN', 'For the server itself')
    if (scope.kind === 'conversation') {
      await standing(store.reads, actor, scope.conversationId)
      // Where the tail has not passed the joining yet, the actor would be taken for one who has left.
      await hub.tail.passed((await store.log.tail()).position)
    }
    if (scope.kind === 'presence')
      return new WatchFeed(hub, options.presence.watches, store.reads.presence, actor, scope)
    const position = cursor === undefined ? hub.tail.position : positionOf(hub.epoch, cursor)
    if (position > hub.tail.position) {
      const end = (await store.log.tail()).position
      if (position > end)
        throw new AppError('RESET', 'The cursor is beyond the end of the log', { data: { reason: 'ahead' } })
    }
    return new LogFeed(hub, store.log, actor, scope, position)
  }

  function occupancy(topic: Topic, viewerId?: string): ReturnType<Core['occupancy']> {
    if (viewerId === undefined) return hub.occupancy(topic)
    const apart = hub.blocklist.with(viewerId)
    const invisible = (userId: string) => options.presence.roster.get(userId)?.person.status === 'offline'
    const counts = (id: string) => id === viewerId || (!apart.has(id) && !invisible(id))
    const here = hub.occupancy(topic, counts)
    const user = topic.startsWith('user:') && here.users.length === 0 ? topic.slice('user:'.length) : null
    return user !== null && counts(user) && options.presence.online(user) ? { ...here, users: [user] } : here
  }

  return { execute, subscribe, occupancy }
}
