/**
 * `messenger`: conversations arrive by themselves, callbacks are optional. `/` and `/messages` accept the same events and hear the
 * same words; `/messages` alone is asked for a heartbeat; `/notifications` has a page of its own. The sending socket hears of
 * its message by its callback, all other sockets of the members, its user's too, by `message:new`. Editing is announced
 * by locks: the holder and whoever is refused are told on the socket that asked, the others by `message:lock-changed`.
 */
import type { AppError } from '../../shared/errors.ts'
import type { Refusal } from './dialect.ts'
import { define, on } from './messenger.head.ts'
import { notifications } from './messenger.notifications.ts'
import * as form from './messenger.wire.ts'
import * as say from './messenger.words.ts'
import { dropped, type Emit, type Outbound } from './outbound.ts'

type Word = Emit<typeof form.wire>

const conversation = (id: string) => `conversation:${id}` as const
const moment = (given: string | number) => new Date(given)
const refusal = (error: string) => ({ ack: { ok: false, error } }) as const
const entering = (error: AppError) =>
  refusal(say.textOf(error, { FORBIDDEN: 'Access denied', NOT_FOUND: 'Conversation not found' }))
const toUser = (error: AppError) => refusal(say.textOf(error, { NOT_FOUND: 'recipient not found' }))

/** Who edits it is in the error, if somebody does. */
function editing(error: AppError, payload: { messageId: string } | undefined, always: boolean) {
  const { ack } = refusal(say.textOf(error))
  if (!payload || !(always || error.code === 'LOCKED')) return { ack }
  const holder = error.data?.holderId
  const lockedBy = typeof holder === 'string' ? holder : null
  return { emit: [['lock-failed', { messageId: payload.messageId, lockedBy, reason: ack.error }]], ack } as const
}

const typing = on(form.Typing, 'typing.set', {
  input: ({ conversationId, groupId, to, isTyping }) => {
    const id = conversationId ?? groupId
    return { ...(id === undefined ? { to } : { conversationId: id }), typing: isTyping }
  },
  ack: () => ({ ok: true }),
  fail: entering,
})

const inbound = {
  'message:send': on(form.Sending, 'message.send', {
    input: ({ conversationId, to, content, type, clientId, replyTo }) => ({
      ...(conversationId === undefined ? { to } : { conversationId }),
      ...{ content, type, clientId: clientId ?? undefined, replyTo: replyTo ?? null },
    }),
    cards: ({ conversationId }) => [conversationId],
    ack: (message, _, { card }) => ({
      ok: true,
      id: message.id,
      message: say.messageOf(message, say.settingOf(card(message.conversationId))),
    }),
    fail: (error, payload) => (payload?.conversationId === undefined ? toUser(error) : entering(error)),
  }),
  'send-message': on(form.SendingTo, 'message.send', {
    input: ({ to, content }) => ({ to, content }),
    ack: ({ id }) => ({ ok: true, id }),
    fail: toUser,
  }),
  'message-read': on(form.ByMessage, 'message.markRead', {
    input: ({ messageId }) => ({ messageId, received: true }),
    ack: () => ({ ok: true }),
  }),
  'message:read': on(form.Reading, 'message.markRead', {
    input: ({ messageId }) => ({ messageId }),
    ack: () => ({ ok: true }),
  }),
  'message:edit': on(form.Editing, 'message.edit', {
    input: ({ messageId, content }) => ({ messageId, content }),
    ack: () => ({ ok: true }),
    fail: (error, payload) => editing(error, payload, false),
  }),
  'message:delete': on(form.ByMessage, 'message.delete', {
    input: ({ messageId }) => ({ messageId, own: true }),
    ack: () => ({ ok: true }),
  }),
  typing,
  'user:typing': typing,
  'join-conversation': on(form.ByConversation, 'conversation.get', {
    input: ({ conversationId }) => ({ conversationId }),
    follow: (_, { conversationId }) => conversation(conversationId),
    ack: () => ({ ok: true }),
    fail: entering,
  }),
  'get-missed-messages': on(form.Missed, 'message.missed', {
    input: (asked) => {
      if (typeof asked !== 'object') return { since: moment(asked) }
      return { since: moment('lastSync' in asked ? asked.lastSync : asked.lastSyncDate) }
    },
    cards: ({ messages }) => messages.map(({ conversationId }) => conversationId),
    ack: ({ messages, hasMore }, asked, { card }) => {
      const list = messages.map((message) => say.messageOf(message, say.settingOf(card(message.conversationId))))
      const isWrapped = typeof asked === 'object' && 'lastSync' in asked
      return isWrapped ? { ok: true, messages: list, count: list.length, hasMore } : list
    },
    event: ({ messages }, _, { card }) => [
      [
        'missed-messages',
        messages.map((message) => say.messageOf(message, say.settingOf(card(message.conversationId)))),
      ],
    ],
  }),
  'sync-messages': on(form.Syncing, 'message.history', {
    input: ({ conversationId, since, limit }) => ({
      conversationId,
      ...(since === null || since === undefined ? {} : { since: moment(since) }),
      ...(limit ? { limit: Math.min(limit, 200) } : {}),
    }),
    cards: (_, { conversationId }) => [conversationId],
    ack: ({ messages }, { conversationId }, { card }) => {
      const setting = say.settingOf(card(conversationId))
      const list = messages.map((message) => say.messageOf(message, setting))
      return { ok: true, messages: list, count: list.length, conversationId }
    },
    fail: entering,
  }),
  'status:set': on(form.Choosing, 'presence.set', {
    input: ({ status, customStatus }) => ({ status, custom: say.customOf(customStatus) }),
    ack: () => ({ ok: true }),
  }),
  heartbeat: on(form.Beat, 'presence.beat', {
    // An answer to the server's own heartbeat bears its time, and is measured by this clock; any other is a sign of life.
    input: ({ timestamp }, { pulse }) =>
      pulse && timestamp !== undefined && moment(timestamp).getTime() === pulse.at.getTime()
        ? { roundTripMs: Math.min(pulse.ageMs, 60_000) }
        : {},
    ack: ({ serverTime, metrics }, { timestamp }) => ({
      ok: true,
      serverTimestamp: serverTime.getTime(),
      latency: say.latencyOf(metrics, serverTime, timestamp === undefined ? serverTime : moment(timestamp)),
      metrics: say.metricsOf(metrics),
    }),
  }),
  'metrics:get': on(form.Nothing, 'presence.metrics', {
    input: () => ({}),
    ack: say.metricsOf,
    event: (metrics) => [['metrics:get', say.metricsOf(metrics)]],
  }),
  'message:lock': on(form.ByMessage, 'lock.acquire', {
    input: ({ messageId }) => ({ messageId }),
    reply: ({ messageId, holderId }) => [['message:locked', { messageId, lockedBy: holderId }]],
    ack: () => ({ ok: true }),
    fail: (error, payload) => editing(error, payload, true),
  }),
  'message:unlock': on(form.ByMessage, 'lock.release', {
    input: ({ messageId }) => ({ messageId }),
    reply: ({ messageId }) => [['message:unlocked', { messageId }]],
    ack: () => ({ ok: true }),
  }),
  'conversation:view': on(form.ByConversation, 'conversation.view', {
    input: ({ conversationId }) => ({ conversationId }),
    ack: () => ({ ok: true }),
    fail: entering,
  }),
}

const outbound: Outbound<Word> = {
  'message.created': ({ message }, { card }) => ({
    rest: [['message:new', say.messageOf(message, say.settingOf(card))]],
  }),
  'message.updated': ({ message }) => ({ all: [['message:updated', say.updated(message)]] }),
  'message.deleted': ({ message }) => ({ all: [['message:deleted', say.deleted(message)]] }),
  'receipt.read': ({ conversationId, userId, messages }) => ({
    all: messages.map(({ id }): Word => ['message:read', { messageId: id, readBy: userId, conversationId }]),
  }),
  'typing.changed': ({ conversationId, userId, typing: isTyping }) => {
    const whole: Word = ['user:typing', { conversationId, userId, isTyping }]
    const brief = { from: userId, conversationId }
    return { others: isTyping ? [whole, ['typing', brief]] : [['typing-stopped', brief], whole] }
  },
  'presence.changed': ({ changes }) => ({
    all: changes.map((change): Word => ['user-status', say.statusOf(change)]),
  }),
  'lock.acquired': ({ messageId, holderId }) => ({
    others: [['message:lock-changed', { messageId, lockedBy: holderId }]],
  }),
  'lock.released': ({ messageId }) => ({ others: [['message:lock-changed', { messageId, lockedBy: null }]] }),
  // Reactions are in the messages that are asked for; what else happens to conversations is not told by sockets.
  ...dropped({
    user: ['updated', 'blocked', 'revoked'],
    connection: ['opened', 'kicked'],
    conversation: ['created', 'updated', 'viewed', 'configured'],
    member: ['added', 'removed', 'updated'],
    message: ['accepted', 'failed', 'hidden', 'reacted'],
    receipt: ['unread', 'marked', 'counted', 'delivered'],
    notification: ['created', 'read', 'deleted'],
    call: ['signaled'],
    admin: ['tested'],
  }),
}

const REFUSED: Readonly<Record<Refusal, string>> = {
  missing: 'No token',
  invalid: 'Invalid token',
  inactive: 'User not found',
  failed: 'Authentication failed',
}
export const messenger = define({
  connect: { follow: 'all', first: 'queue' },
  inbound,
  outbound,
  wordings: { notifications: notifications.outbound },
  places: {
    '/': { follow: 'all', says: form.SPOKEN },
    '/messages': {
      follow: 'all',
      pulse: (at) => [['heartbeat', { timestamp: at.getTime() }]],
      says: [...form.SPOKEN, 'heartbeat'],
    },
    '/notifications': {
      follow: 'user',
      wording: 'notifications',
      inbound: notifications.inbound,
      says: form.NOTIFIED,
    },
  },
  error: (error) => refusal(say.textOf(error)),
  throttle: (event, excess) => {
    const { ack } = refusal('Rate limit exceeded')
    return { emit: [['rate-limit-exceeded', { event, ...excess, message: ack.error }]], ack }
  },
  refuse: (why) => `Unauthorized - ${REFUSED[why]}`,
})
