/**
 * Messages in the words of `rooms`. A temporary id must be the same in all four events of a message, on every node and after
 * a restart, so it travels inside the `clientId` (see temp.ts). A message from elsewhere gets one made of its own clientId and
 * time.
 */
import type { z } from 'zod'
import type { Input } from '../../shared/commands.ts'
import type { Payload } from '../../shared/events.ts'
import type { Message, Profile } from '../../shared/model.ts'
import type { Call } from './inbound.ts'
import type { Emit } from './outbound.ts'
import type { Failed, Fields, Signal, wire } from './rooms.wire.ts'
import { clientIdWith, type TempId, tempIdIn } from './temp.ts'

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

export const tempIdOf = (clientId: string, at: Date): TempId =>
  tempIdIn(clientId) ?? made(clientId.toLowerCase().replace(/[^0-9a-z]/g, ''), at)
const made = (letters: string, at: Date) => `temp_${at.getTime()}_${letters.slice(-9).padStart(9, '0')}`

type Given = { body: string } & { [K in 'image' | 'filename']?: string | null | undefined } & {
  tempId?: string | number | null | undefined
  workspaceId?: string | null | undefined
}

/** The part of a send that does not depend on the place. A picture without words is a message of type image. */
export function draft({ body, image, filename, tempId, workspaceId }: Given, { id, at }: Call) {
  const extra = Object.entries({ image: body ? image : undefined, filename, workspaceId })
  const temp = tempId || made(id, at)
  const metadata = Object.fromEntries(extra.flatMap(([key, value]) => (value ? [[key, value]] : [])))
  return {
    ...(body ? { content: body } : { type: 'image' as const, content: image ?? '' }),
    metadata: Object.keys(metadata).length > 0 ? metadata : null,
    clientId: clientIdWith(id, temp),
    optimistic: true,
  }
}

type Sender = Pick<Profile, 'id' | 'name' | 'avatar'> & { email: string | null }
type Common = Pick<Message, 'type' | 'content' | 'metadata' | 'conversationId'>

const text = (value: unknown): string | null => (typeof value === 'string' ? value : null)

function shown(message: Common, temp: string | number, sender: Sender, createdAt: Date, updatedAt: Date): Shown {
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
