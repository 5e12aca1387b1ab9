/** The forms of `rooms`: what it says, what it is told, and what its callbacks are called with. */
import { z } from 'zod'
import { JsonObject } from '../../shared/model.ts'

const Time = z.iso.datetime()
const Sender = z.object({
  _id: z.string(),
  username: z.string(),
  email: z.string().nullable(),
  avatar: z.string().nullable(),
})
/** Text or number: whatever the client gave comes back as it was, clients compare it strictly. */
const TempId = z.union([z.string(), z.number()])
export const Fields = z.object({
  _id: TempId,
  tempId: TempId,
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
export const Failed = z.object({ tempId: TempId, error: z.string() })
const Elsewhere = z.object({ message: z.string(), userId: z.string(), timestamp: Time })
export const Signal = z.record(z.string(), z.unknown())

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

const given = {
  body: z.string().max(10_000).default(''),
  image: z.string().nullish(),
  filename: z.string().nullish(),
  senderId: z.unknown().optional(),
  /** It has to fit into a `clientId`, with what is added to it there. */
  tempId: z.union([z.string().max(100, 'tempId is too long'), z.number()]).nullish(),
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
