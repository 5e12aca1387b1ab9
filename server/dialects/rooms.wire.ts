/**
 * What `rooms` says. A temporary id must be the same in all four events of a message, on every node and after a restart, so
 * it travels inside the `clientId`, the one thing that they all carry: `r:<24 hex digits>:<tempId>`. The digits are new for
 * each send, since temporary ids collide and are no key. A message from elsewhere gets one made of its own clientId and time.
 */
import { z } from 'zod'
import type { Input } from '../../shared/commands.ts'
import type { Payload } from '../../shared/events.ts'
import { JsonObject, type Message, type Profile } from '../../shared/model.ts'
import type { Call, Emit } from './dialect.ts'

const Time = z.iso.datetime()
const Sender = z.object({
  _id: z.string(),
  username: z.string(),
  email: z.string().nullable(),
  avatar: z.string().nullable(),
})
const Fields = z.object({
  _id: z.string(),
  tempId: z.string(),
  body: z.string(),
  image: z.string().nullable(),
  filename: z.string().nullable(),
  status: z.literal('unread'),
  senderId: Sender,
  createdAt: Time,
  updatedAt: Time,
})
const InRoom = Fields.extend({ roomId: z.string() })
const InChannel = Fields.extend({ channelId: z.string(), workspaceId: z.string().nullable() })
const optimistic = { isOptimistic: z.literal(true) }
const confirmed = { isConfirmed: z.literal(true) }
const RoomConfirmed = InRoom.extend(confirmed)
const ChannelConfirmed = InChannel.extend(confirmed)
const Failed = z.object({ tempId: z.string(), error: z.string() })
const Elsewhere = z.object({ message: z.string(), userId: z.string(), timestamp: Time })
const Signal = z.record(z.string(), z.unknown())

export const wire = {
  roomMessageRecieved: InRoom.extend(optimistic), // sic: the misspelling is the contract
  roomMessageSent: InRoom.extend(optimistic),
  roomMessageConfirmed: RoomConfirmed.extend({ _doc: RoomConfirmed }),
  roomMessageFailed: Failed,
  NewMessageReceived: InChannel.extend(optimistic),
  NEW_MESSAGE_RECEIVED_EVENT: InChannel.extend(optimistic),
  channelMessageSent: InChannel.extend(optimistic),
  channelMessageConfirmed: ChannelConfirmed.extend({ _doc: ChannelConfirmed }),
  channelMessageFailed: Failed,
  accountLoggedInElsewhere: Elsewhere.extend({ newSocketId: z.string() }),
  accountAlreadyLoggedIn: Elsewhere.extend({ previousSocketId: z.string() }),
  IncomingCallNotification: Signal,
  newAnswer: Signal,
  'ice-candidate': Signal,
  'renegotiation-request': Signal,
} as const

const Occupied = z.object({ connectedUsers: z.number(), alreadyJoined: z.boolean() })
export const Ack = z.union([
  z.object({ success: z.literal(false), message: z.string() }),
  z.object({ success: z.literal(true) }),
  z.object({
    success: z.literal(true),
    message: z.string(),
    data: z.union([Occupied.extend({ roomId: z.string() }), Occupied.extend({ channelId: z.string() })]),
  }),
  z.object({
    success: z.literal(true),
    message: z.string(),
    data: z.union([InRoom, InChannel]),
    timing: z.object({ emitTime: z.number(), dbTime: z.number() }),
    delivery: z.object({ onlineUsers: z.number(), offlineUsers: z.number() }),
  }),
])

const tempId = z.union([z.string(), z.number()]).nullish()
const given = {
  body: z.string().max(10_000).default(''),
  image: z.string().nullish(),
  filename: z.string().nullish(),
  senderId: z.unknown().optional(),
  tempId,
}
const place = (name: string) =>
  z
    .string({ error: `${name} is required` })
    .min(1, `${name} is required`)
    .max(128)
const format = (name: string) => `Invalid data format. Expected JSON object with ${name}`
const hasContent = (message: { body: string; image?: string | null | undefined }) =>
  Boolean(message.body || message.image)
const roomId = place('roomId')
const channelId = place('channelId')

export const Room = z.object({ roomId }, format('roomId'))
export const Channel = z.object({ channelId }, format('channelId'))
/** Leaving also takes the bare id. */
export const RoomLeft = z.preprocess((raw) => (typeof raw === 'string' ? { roomId: raw } : raw), Room)
export const ChannelLeft = z.preprocess((raw) => (typeof raw === 'string' ? { channelId: raw } : raw), Channel)
export const RoomMessage = z.object({ roomId, ...given }, format('roomId')).refine(hasContent, 'body is required')
export const ChannelMessage = z
  .object({ channelId, workspaceId: z.string().nullish(), ...given }, format('channelId'))
  .refine(hasContent, 'body is required')
export const CallSignal = JsonObject(64_000).and(
  z.looseObject({ to: z.string({ error: 'to is required' }).min(1, 'to is required').max(400) }),
)

/** A message before it is put into a room's or a channel's words. */
export type Shown = z.input<typeof Fields> & { conversationId: string; workspaceId: string | null }

export const inRoom = ({ conversationId, workspaceId: _, ...message }: Shown) => ({
  ...message,
  roomId: conversationId,
})
export const inChannel = ({ conversationId, ...message }: Shown) => ({ ...message, channelId: conversationId })

const shownOnce = <T extends object>(message: T) => ({ ...message, isOptimistic: true as const })
/** Clients of both kinds exist: those that read the fields, and those that read them under `_doc`. */
const stored = <T extends object>(message: T) => ({ ...message, isConfirmed: true as const })
const twice = <T extends object>(message: T) => ({ ...stored(message), _doc: stored(message) })

export interface Family {
  readonly received: (message: Shown) => readonly Emit<typeof wire>[]
  readonly sent: (message: Shown) => readonly Emit<typeof wire>[]
  readonly confirmed: (message: Shown) => readonly Emit<typeof wire>[]
  readonly failed: (failure: z.input<typeof Failed>) => readonly Emit<typeof wire>[]
}
export const ROOM: Family = {
  received: (message) => [['roomMessageRecieved', shownOnce(inRoom(message))]],
  sent: (message) => [['roomMessageSent', shownOnce(inRoom(message))]],
  confirmed: (message) => [['roomMessageConfirmed', twice(inRoom(message))]],
  failed: (failure) => [['roomMessageFailed', failure]],
}
export const CHANNEL: Family = {
  received: (message) => {
    const payload = shownOnce(inChannel(message))
    return [
      ['NewMessageReceived', payload],
      ['NEW_MESSAGE_RECEIVED_EVENT', payload],
    ]
  },
  sent: (message) => [['channelMessageSent', shownOnce(inChannel(message))]],
  confirmed: (message) => [['channelMessageConfirmed', twice(inChannel(message))]],
  failed: (failure) => [['channelMessageFailed', failure]],
}

/** What each signal is called where it arrives. */
export const SIGNALED = {
  offer: (data: z.input<typeof Signal>) => [['IncomingCallNotification', data]],
  answer: (data: z.input<typeof Signal>) => [['newAnswer', data]],
  'ice-candidate': (data: z.input<typeof Signal>) => [['ice-candidate', data]],
  'renegotiation-needed': (data: z.input<typeof Signal>) => [['renegotiation-request', data]],
} as const satisfies Record<
  Input<'call.signal'>['signal'],
  (data: z.input<typeof Signal>) => readonly Emit<typeof wire>[]
>

const OWN = /^r:[0-9a-f]{24}:(.+)$/
export const tempIdOf = (clientId: string, at: Date): string =>
  OWN.exec(clientId)?.[1] ?? made(clientId.toLowerCase().replace(/[^0-9a-z]/g, ''), at)
const made = (letters: string, at: Date) => `temp_${at.getTime()}_${letters.slice(-9).padStart(9, '0')}`

type Given = { body: string } & { [K in 'image' | 'filename']?: string | null | undefined } & {
  tempId?: string | number | null | undefined
  workspaceId?: string | null | undefined
}

/** The part of a send that does not depend on the place. A picture without words is a message of type image. */
export function draft({ body, image, filename, tempId, workspaceId }: Given, { id, at }: Call) {
  const extra = Object.entries({ image: body ? image : undefined, filename, workspaceId })
  const metadata = Object.fromEntries(extra.flatMap(([key, value]) => (value ? [[key, value]] : [])))
  return {
    ...(body ? { content: body } : { type: 'image' as const, content: image ?? '' }),
    metadata: Object.keys(metadata).length > 0 ? metadata : null,
    clientId: `r:${id}:${tempId || made(id, at)}`,
    optimistic: true,
  }
}

type Sender = Pick<Profile, 'id' | 'name' | 'avatar'> & { email: string | null }
type Common = Pick<Message, 'type' | 'content' | 'metadata' | 'conversationId'>

const text = (value: unknown): string | null => (typeof value === 'string' ? value : null)

function shown(message: Common, temp: string, sender: Sender, createdAt: Date, updatedAt: Date): Shown {
  const isImage = message.type === 'image'
  return {
    _id: temp,
    tempId: temp,
    body: isImage ? '' : message.content,
    image: isImage ? message.content : text(message.metadata?.image),
    filename: text(message.metadata?.filename),
    status: 'unread',
    senderId: { _id: sender.id, username: sender.name || sender.id, email: sender.email, avatar: sender.avatar },
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
    conversationId: message.conversationId,
    workspaceId: text(message.metadata?.workspaceId),
  }
}

export const accepted = (message: Payload<'message.accepted'>): Shown =>
  shown(message, tempIdOf(message.clientId, message.at), message.sender, message.at, message.at)

/** A stored message under the temporary id that it was, or will be, shown with. `_id` is still the temporary one. */
export const created = (message: Message, sender: Sender, shownAt: Date): Shown =>
  shown(message, tempIdOf(message.clientId, shownAt), sender, message.createdAt, message.editedAt ?? message.createdAt)
