/**
 * `rooms`: optimistic delivery. A message is shown to the room before it is stored, then confirmed (or failed) to all who
 * saw it, the sender included; it is never echoed to the socket that sent it. A room is heard once joined, and callbacks
 * answer. Who joined as a channel hears the channel events, of the very same conversations.
 */
import type { Input } from '../../shared/commands.ts'
import { AppError } from '../../shared/errors.ts'
import type { Message } from '../../shared/model.ts'
import type { Actor } from '../../shared/ports.ts'
import { dialect, exactly } from './dialect.ts'
import type { Meta } from './inbound.ts'
import { dropped, type Emit, type Outbound } from './outbound.ts'
import * as form from './rooms.wire.ts'
import * as say from './rooms.words.ts'

const { on, local, define } = dialect({
  name: 'rooms',
  emits: form.wire,
  ack: form.Ack,
  claims: exactly('email', 'username', 'id'),
})

const conversation = (id: string) => `conversation:${id}` as const
const unjoined = 'Join the room first'
const wording = 'channel'

/** Where calls ring. Every socket of the user is in it from the start. */
const ownRoom = ({ userId, name }: Actor) => `${name}-${userId}`
const occupied = (id: string, { actor, room, alreadyFollowing }: Meta) => ({
  connectedUsers: room.users,
  alreadyJoined: alreadyFollowing || id === ownRoom(actor),
})
const sent = (message: Message, { actor }: Meta) => ({
  ...say.created(message, { ...actor, id: actor.userId }, message.createdAt),
  _id: message.id,
})
const circumstances = ({ timing, delivery }: Meta) => ({ timing, delivery })

const logged = (tag: string, id: string, { timing, delivery }: Meta) =>
  [
    [`[${tag}] Emitting to ${delivery.onlineUsers} users in room ${id}`, { id, users: delivery.onlineUsers }],
    [`[${tag}] Message emitted in ${timing.emitTime}ms`, { id, emitTime: timing.emitTime }],
    [`[${tag}] Message saved to DB in ${timing.dbTime}ms`, { id, dbTime: timing.dbTime }],
  ] as const

const joinRoom = on(form.Room, 'conversation.join', {
  input: ({ roomId }) => ({ conversationId: roomId }),
  follow: (_, { roomId }) => conversation(roomId),
  ack: (_, { roomId }, meta) => ({
    success: true,
    message: 'Joined room',
    data: { roomId, ...occupied(roomId, meta) },
  }),
})
const leaveRoom = local(form.RoomLeft, {
  unfollow: ({ roomId }) => conversation(roomId),
  ack: ({ roomId }, _, meta) => ({ success: true, message: 'Left room', data: { roomId, ...occupied(roomId, meta) } }),
})
const roomMessage = on(form.RoomMessage, 'message.send', {
  joined: { topic: ({ roomId }) => conversation(roomId), message: unjoined },
  input: (given, call) => ({ conversationId: given.roomId, ...say.draft(given, call) }),
  ack: (message, _, meta) => ({
    success: true,
    message: 'Message sent',
    data: say.inRoom(sent(message, meta)),
    ...circumstances(meta),
  }),
  log: { after: (_, { roomId }, meta) => logged('RoomMessage', roomId, meta) },
})

const joinChannel = on(form.Channel, 'conversation.join', {
  wording,
  input: ({ channelId }) => ({ conversationId: channelId, kind: 'channel' }),
  follow: (_, { channelId }) => conversation(channelId),
  ack: (_, { channelId }, meta) => ({
    success: true,
    message: 'Joined channel',
    data: { channelId, ...occupied(channelId, meta) },
  }),
})
const leaveChannel = local(form.ChannelLeft, {
  unfollow: ({ channelId }) => conversation(channelId),
  ack: ({ channelId }, _, meta) => ({
    success: true,
    message: 'Left channel',
    data: { channelId, ...occupied(channelId, meta) },
  }),
})
const channelMessage = on(form.ChannelMessage, 'message.send', {
  wording,
  joined: { topic: ({ channelId }) => conversation(channelId), message: unjoined },
  input: (given, call) => {
    const { senderId } = given
    if (senderId !== undefined && senderId !== null && senderId !== call.actor.userId) {
      throw new AppError('FORBIDDEN', 'Invalid senderId')
    }
    return { conversationId: given.channelId, ...say.draft(given, call) }
  },
  ack: (message, _, meta) => ({
    success: true,
    message: 'Message sent',
    data: say.inChannel(sent(message, meta)),
    ...circumstances(meta),
  }),
  log: { after: (_, { channelId }, meta) => logged('ChannelMessage', channelId, meta) },
})

/** Who calls is known from the handshake; a payload may only choose the form: the id, or the user's own room. */
const caller = (actor: Actor, from: unknown): string =>
  typeof from === 'string' && from === ownRoom(actor) ? from : actor.userId

const call = (signal: Input<'call.signal'>['signal']) =>
  on(form.CallSignal, 'call.signal', {
    input: (payload, { actor }) => ({
      signal,
      to: payload.to,
      data: { ...payload, from: caller(actor, payload.from) },
    }),
    ack: () => ({ success: true }),
  })

const words = (family: say.Family): Outbound<Emit<typeof form.wire>> => ({
  'message.accepted': (message) => ({
    rest: family.received(say.accepted(message)),
    origin: family.sent(say.accepted(message)),
  }),
  'message.created': ({ message }, { card, shown }) => {
    const sender = shown?.sender ?? { ...card.profile(message.senderId), email: null }
    const first = say.created(message, sender, shown?.at ?? message.createdAt)
    const confirmed = { all: family.confirmed({ ...first, _id: message.id }) }
    return shown ? confirmed : { rest: family.received(first), origin: family.sent(first), ...confirmed }
  },
  'message.failed': ({ clientId, error }, { shown }) =>
    shown ? { all: family.failed({ tempId: say.tempIdOf(clientId, shown.at), error }) } : {},
  // It has no words for the rest.
  ...dropped({
    user: ['updated', 'blocked', 'revoked'],
    presence: ['changed'],
    connection: ['opened', 'kicked'],
    conversation: ['created', 'updated', 'viewed', 'configured'],
    member: ['added', 'removed', 'updated'],
    message: ['hidden', 'updated', 'deleted', 'reacted'],
    receipt: ['unread', 'marked', 'counted', 'delivered', 'read'],
    typing: ['changed'],
    lock: ['acquired', 'released'],
    notification: ['created', 'read', 'deleted'],
    call: ['signaled'],
    admin: ['tested'],
  }),
})

export const rooms = define({
  connect: { follow: 'user' },
  inbound: {
    joinRoom,
    leaveRoom,
    roomMessage,
    JoinChannel: joinChannel,
    JOIN_CHANNEL: joinChannel,
    LeaveChannel: leaveChannel,
    leaveChannel,
    NewMessage: channelMessage,
    NEW_MESSAGE_EVENT: channelMessage,
    offer: call('offer'),
    answer: call('answer'),
    'ice-candidate': call('ice-candidate'),
    'renegotiation-needed': call('renegotiation-needed'),
  },
  outbound: {
    ...words(say.ROOM),
    'connection.opened': ({ userId, connectionId, previousConnectionId }, { at }) => ({
      rest: [
        [
          'accountLoggedInElsewhere',
          {
            message: 'Your account was logged in from another device',
            newSocketId: connectionId,
            userId,
            timestamp: at.toISOString(),
          },
        ],
      ],
      origin: [
        [
          'accountAlreadyLoggedIn',
          {
            message: 'Your account is already logged in on another device',
            previousSocketId: previousConnectionId,
            userId,
            timestamp: at.toISOString(),
          },
        ],
      ],
    }),
    'call.signaled': ({ signal, data }) => ({ all: say.SIGNALED[signal](data) }),
  },
  wordings: { [wording]: words(say.CHANNEL) },
  error: ({ message }) => ({ ack: { success: false, message } }),
})
