/**
 * Runs one inbound event by its row. In this order: limits, who may, parse, joined, the command, follow or unfollow, then the
 * answers; so an answer comes after everything that the command caused has gone out to this socket. Whatever is thrown becomes
 * the failure that the row, or else the dialect, has words for.
 */
import { AppError, toAppError } from '../../../shared/errors.ts'
import type { Topic } from '../../../shared/events.ts'
import type { Actor, Core } from '../../../shared/ports.ts'
import type { Dialect, Excess } from '../../dialects/dialect.ts'
import type { Call, Doors, Failure, Inbound, Line, Meta } from '../../dialects/inbound.ts'
import { introducing } from '../introduce.ts'
import type { Cards } from './cards.ts'
import type { TakeOne } from './limits.ts'
import type { BridgeLog } from './log.ts'
import type { Session } from './session.ts'
import type { Trace } from './trace.ts'

export interface Ground {
  readonly core: Core
  readonly cards: Cards
  readonly log: BridgeLog
  /** Null: nothing is recorded. */
  readonly trace: Pick<Trace, 'error'> | null
  readonly newId: () => string
  readonly limit: TakeOne
  readonly excess: (event: string, userId: string) => Excess | null
  /** Creates users whom a row introduces. */
  readonly system: Actor
}

export interface Arrived {
  readonly dialect: Dialect
  readonly name: string
  readonly row: Inbound
  readonly payload: unknown
  readonly emit: (name: string, payload: unknown) => void
  /** What the client wants called; undefined if it gave no callback. */
  readonly ack: ((value: unknown) => void) | undefined
  /** When something that this event caused first went out, by `performance.now()`. */
  readonly spokenAt: () => number | undefined
  readonly pulse: Call['pulse']
  /** Has not said who they are. */
  readonly guest: boolean
  readonly claim: Doors['claim']
}

export async function run(ground: Ground, session: Session, arrived: Arrived): Promise<void> {
  const { dialect, row, payload, ack } = arrived
  const excess = dialect.throttle && ground.excess(arrived.name, session.actor.userId)
  if (excess && dialect.throttle) {
    fail(dialect.throttle(arrived.name, excess), arrived.emit, ack)
    return
  }
  try {
    await perform(ground, session, arrived)
  } catch (thrown) {
    const error = toAppError(thrown)
    const { code, message } = error
    ground.trace?.error(session.actor.connectionId, arrived.name, code)
    if (code === 'INTERNAL')
      ground.log.error({ err: error.cause, dialect: dialect.name }, 'an event could not be handled')
    else
      ground.log.debug({ code, message, dialect: dialect.name, userId: session.actor.userId }, 'an event was refused')
    if (row.failed && ground.log.isLevelEnabled('debug')) write(ground.log, row.failed(error, payload, session.actor))
    fail(row.fail?.(error, payload) ?? dialect.error(error), arrived.emit, ack)
  }
}

export function fail(failure: Failure, emit: Arrived['emit'], ack: Arrived['ack']): void {
  for (const [name, payload] of failure.emit ?? []) emit(name, payload)
  ack?.(failure.ack)
}

async function perform(ground: Ground, session: Session, arrived: Arrived): Promise<void> {
  const { core, cards, log, newId, limit } = ground
  const { row, dialect, ack, emit, pulse } = arrived
  const { actor } = session
  const started = performance.now()
  await limit(row.limit, actor.userId)
  if (arrived.guest && !row.claims) throw new AppError('UNAUTHENTICATED', dialect.guests)
  const begun = row.begin(arrived.payload, { actor, id: newId(), at: new Date(), pulse })
  if (begun.joined) {
    if (!session.follows(begun.joined.topic)) throw new AppError('FORBIDDEN', begun.joined.message)
    await session.follow(begun.joined.topic, row.wording)
  }
  const verbose = log.isLevelEnabled('debug')
  if (verbose && begun.log) write(log, begun.log)

  const doors: Doors = { execute: (name, input) => core.execute(actor, name, input), claim: arrived.claim }
  const done = await introducing(ground, begun.introduces, () => begun.run(doors))
  const dbTime = since(started)
  const topic = done.follow ?? done.unfollow ?? done.about
  const alreadyFollowing = topic !== undefined && session.follows(topic)
  if (done.follow) await session.follow(done.follow, row.wording)
  if (done.unfollow) session.unfollow(done.unfollow)
  session.refuse(done.refuses)

  const answer = (card: Meta['card']) => {
    const spokenAt = arrived.spokenAt()
    const emitTime = spokenAt === undefined ? dbTime : since(started, spokenAt)
    const about = circumstances({ core, cards }, topic ?? null, session)
    const meta: Meta = { actor, timing: { emitTime, dbTime }, alreadyFollowing, ...about, card }
    const acknowledged = done.ack(meta)
    for (const [name, payload] of [...done.reply(meta), ...(ack ? [] : done.event(meta))]) emit(name, payload)
    if (acknowledged !== undefined) ack?.(acknowledged)
    if (verbose) for (const line of done.log(meta)) write(log, line)
  }
  const { conversationId } = done
  if (done.cards.length === 0) await cards.settled(conversationId, () => answer(() => null))
  else await cards.use(done.cards, (card) => cards.settled(conversationId, () => answer(card)))
}

const NOBODY = { room: { connections: 0, users: 0 }, delivery: { onlineUsers: 0, offlineUsers: 0 } }

function circumstances(
  { core, cards }: Pick<Ground, 'core' | 'cards'>,
  topic: Topic | null,
  session: Session,
): Pick<Meta, 'room' | 'delivery'> {
  if (topic === null) return NOBODY
  const { connections, users } = core.occupancy(topic, session.actor.userId)
  const onlineUsers = users.filter((id) => id !== session.actor.userId).length
  const members = cards.get(topic.slice(topic.indexOf(':') + 1))?.memberCount ?? users.length
  return {
    // Among the silent there may be some who were not counted.
    room: { connections: Math.max(0, connections - session.silentOn(topic)), users: users.length },
    delivery: { onlineUsers, offlineUsers: Math.max(0, members - 1 - onlineUsers) },
  }
}

const since = (from: number, to = performance.now()) => Math.round((to - from) * 100) / 100
const write = (log: BridgeLog, [text, fields]: Line) => log.debug(fields, text)
