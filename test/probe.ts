/**
 * What a dialect says, found by trying: every event of the contract in each wording, every row with what it may be given and
 * what its command may answer, every failure. Samples are many, but a word said only in a rare case may stay unheard.
 */
import type { Dialect } from '../server/dialects/dialect.ts'
import type { Doors, Failure, Inbound, Meta } from '../server/dialects/inbound.ts'
import {
  type Audience,
  aboutConversation,
  type Card,
  drop,
  type Outbound,
  type Sent,
  translateConversation,
  translateOther,
} from '../server/dialects/outbound.ts'
import { commands } from '../shared/commands.ts'
import { AppError, ERRORS, type ErrorCode } from '../shared/errors.ts'
import { type Event, type EventName, events } from '../shared/events.ts'
import { Conversation, Member, Message, Profile } from '../shared/model.ts'
import type { Actor } from '../shared/ports.ts'
import { type Die, die, IDS, pick, sample, sampleInput } from './sample.ts'

/** Said to a callback. */
export const ACK = '(callback)'
export type Hearer = Exclude<keyof Audience, 'kind'>
/** A word that went out, with what it was said of. */
export interface Word {
  readonly name: string
  readonly payload: unknown
  /** An event of the contract and who hears it, or what the socket said itself. */
  readonly cause: { readonly event: EventName; readonly to: Hearer } | { readonly answer: string }
}

const SAMPLES = 60
const NAMES = Object.keys(events) as EventName[]

/** What the events of the contract become in one wording. */
export function spoken(outbound: Outbound): Word[] {
  return NAMES.filter((name) => outbound[name] !== drop).flatMap((name) => {
    const roll = die(name.length)
    return Array.from({ length: SAMPLES }, () => heard(translated(outbound, name, roll))).flatMap((said) =>
      said.map(([to, [word, payload]]): Word => ({ name: word, payload, cause: { event: name, to } })),
    )
  })
}

function heard({ users = {}, kind: _, ...others }: Audience): (readonly [to: Hearer, word: Sent])[] {
  // An audience is a record of lists, but for its users.
  const said = Object.entries(others) as [Exclude<Hearer, 'users'>, readonly Sent[]][]
  const told = Object.values(users).map((emits) => ['users', emits] as const)
  return [...said, ...told].flatMap(([to, emits]) => emits.map((word) => [to, word] as const))
}

function cardOf(lastMessage: Message | null, die: Die): Card {
  const members = Array.from({ length: 2 }, () => sample(Member, die))
  return {
    conversation: sample(Conversation, die),
    members: new Map(members.map((member) => [member.userId, member])),
    memberCount: members.length,
    lastMessage,
    profile: (id) => ({ ...sample(Profile, die), id }),
  }
}

function translated(outbound: Outbound, name: EventName, die: Die): Audience {
  const payload = sample(events[name].payload, die)
  const common = { at: new Date(), actorId: pick(die, [null, ...IDS]), origin: pick(die, [null, ...IDS]) }
  // The payload is of this name's own schema; the compiler does not follow that through the union.
  const event = { name, payload, topic: 'conversation:c1', ...common } as Event
  if (!aboutConversation(event)) return translateOther(outbound, event)
  const said = 'message' in event.payload ? event.payload.message : null
  const card = cardOf(pick(die, [null, said, sample(Message, die)]), die)
  const shown = pick(die, [null, sample(events['message.accepted'].payload, die)])
  return translateConversation(outbound, event, { ...common, card, shown })
}

/** Everything else that a dialect says: answers, failures, pulses. */
export async function answered(dialect: Dialect): Promise<Word[]> {
  const words: Word[] = []
  for (const namespace of dialect.namespaces) {
    const { inbound, pulse } = dialect.place(namespace)
    for (const [event, row] of inbound) {
      const roll = die(event.length)
      for (let left = SAMPLES / 3; left > 0; left--) note(words, event, await answers(dialect, row, roll))
    }
    note(words, 'time', pulse?.(new Date()) ?? [])
  }
  const excess = { limit: 30, windowMs: 10_000, retryAfterMs: 1_000 }
  const throttled = dialect.throttle?.('x', excess)
  note(words, 'too much', throttled ? saidBy(throttled) : [])
  return words
}
const note = (words: Word[], answer: string, said: readonly Sent[]) =>
  words.push(
    ...said.flatMap(([name, payload]) => (payload === undefined ? [] : [{ name, payload, cause: { answer } }])),
  )

const saidBy = ({ emit = [], ack }: Failure): readonly Sent[] => [...emit, [ACK, ack]]

async function answers(dialect: Dialect, row: Inbound, die: Die): Promise<readonly Sent[]> {
  const actor = someone(die)
  const payload = sampleInput(row.form, die)
  const failure = (error: AppError, given: unknown): Failure => row.fail?.(error, given) ?? dialect.error(error)
  const code = pick(die, Object.keys(ERRORS) as ErrorCode[])
  const failed = [failure(new AppError(code, 'no'), payload), failure(new AppError('INVALID_INPUT', 'no'), undefined)]
  const pulse = pick(die, [null, { at: new Date(), ageMs: 3 }])
  const doors: Doors = {
    // What the command of this name may answer; the compiler does not follow the name.
    execute: async (name) => sample(commands[name].output, die) as never,
    claim: async (userId) => ({ userId, name: userId, socketId: 's1' }),
  }
  const said = failed.flatMap(saidBy)
  try {
    const done = await row.begin(payload, { actor, id: IDS[0] ?? '', at: new Date(), pulse }).run(doors)
    const meta: Meta = {
      ...{ actor, timing: { emitTime: 0.5, dbTime: 1 }, alreadyFollowing: die(2) === 1 },
      ...{ room: { connections: 1, users: 1 }, delivery: { onlineUsers: 1, offlineUsers: 0 } },
      card: () => pick(die, [null, cardOf(null, die)]),
    }
    return [...said, ...done.reply(meta), ...done.event(meta), [ACK, done.ack(meta)]]
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return [...said, ...saidBy(failure(error, payload))]
  }
}

function someone(die: Die): Actor {
  const { id, name, avatar, role } = sample(Profile, die)
  const known = { email: null, schoolId: null, connectionId: 's1', expiresAt: null }
  // Nobody is let in anywhere by it.
  return { userId: id, name, avatar, role, ...known } as unknown as Actor
}
