/** What must not compile: every column of the dialect table refuses what it cannot mean. Checked by `tsc`, never run. */
import { z } from 'zod'
import { dialect } from '../server/dialects/dialect.ts'
import { drop, dropped } from '../server/dialects/outbound.ts'

const Ack = z.object({ ok: z.boolean() })
const { on, local, define } = dialect({ name: 'x', ack: Ack, emits: { pong: z.object({ n: z.number() }) } })
const chat = z.string()

// @ts-expect-error 1: there is no such command
on(chat, 'message.sned', { input: () => ({}) })
// @ts-expect-error 2: the input lacks its content
on(chat, 'message.send', { input: (id) => ({ conversationId: id }) })
// @ts-expect-error 3: the payload is a string and has no chatId
on(chat, 'message.markRead', { input: (payload) => ({ conversationId: payload.chatId }) })
// @ts-expect-error 4: the reply is an event that this wire does not have
on(chat, 'message.markRead', { input: (id) => ({ conversationId: id }), reply: () => [['ping', { n: 1 }]] })
// @ts-expect-error 5: the reply has a wrong payload
on(chat, 'message.markRead', { input: (id) => ({ conversationId: id }), reply: () => [['pong', { n: 'one' }]] })
on(chat, 'message.markRead', {
  input: (id) => ({ conversationId: id }),
  // @ts-expect-error 6: the command's output has no such field
  reply: ({ count }) => [['pong', { n: count }]],
})
// @ts-expect-error 7: callbacks of this wire are called with something else
on(chat, 'message.markRead', { input: (id) => ({ conversationId: id }), ack: () => ({ success: true }) })
// @ts-expect-error 8: what is followed is a topic, not an id
on(chat, 'message.markRead', { input: (id) => ({ conversationId: id }), follow: (_, id) => id })
// @ts-expect-error 9: a failure has words of this wire too
on(chat, 'message.markRead', { input: (id) => ({ conversationId: id }), fail: () => ({ emit: [['oops', {}]] }) })
// @ts-expect-error 10: a row that is no command has its payload as output
local(chat, { unfollow: ({ chatId }) => `conversation:${chatId}` })

const tables = { connect: { follow: 'all' }, inbound: {}, error: () => ({}) } as const
/** All but `typing.changed`. */
const rest = dropped({
  user: ['updated', 'blocked', 'revoked'],
  presence: ['changed'],
  connection: ['kicked', 'opened'],
  conversation: ['created', 'updated', 'viewed', 'configured'],
  member: ['added', 'removed', 'updated'],
  message: ['hidden', 'created', 'updated', 'deleted', 'reacted', 'accepted', 'failed'],
  receipt: ['unread', 'marked', 'counted', 'delivered', 'read'],
  lock: ['acquired', 'released'],
  notification: ['created', 'read', 'deleted'],
  call: ['signaled'],
  admin: ['tested'],
})

// @ts-expect-error 11: an event of the contract is neither translated nor dropped
define({ ...tables, outbound: rest })
define({
  ...tables,
  outbound: {
    ...rest,
    // @ts-expect-error 12: an event becomes a wire event with a wrong payload
    'typing.changed': ({ name }) => ({ others: [['pong', { n: name }]] }),
  },
})
define({
  ...tables,
  outbound: {
    ...rest,
    // @ts-expect-error 13: there is no such audience
    'typing.changed': () => ({ everybody: [['pong', { n: 1 }]] }),
  },
})
define({
  ...tables,
  outbound: {
    ...rest,
    // @ts-expect-error 14: the event has no such field
    'typing.changed': ({ text }) => ({ others: [['pong', { n: text.length }]] }),
  },
})
define({
  ...tables,
  outbound: {
    ...rest,
    'typing.changed': drop,
    // @ts-expect-error 15: what is about a user comes without a conversation's card
    'call.signaled': (_, { card }) => ({ all: [['pong', { n: card.memberCount }]] }),
  },
})
// @ts-expect-error 16: an arriving socket follows everything or its user
define({ ...tables, connect: { follow: 'some' }, outbound: { ...rest, 'typing.changed': drop } })
define({
  ...tables,
  outbound: {
    // @ts-expect-error 17: what has a word is not dropped as well
    'user.updated': () => ({ all: [['pong', { n: 1 }]] }),
    'typing.changed': drop,
    ...rest,
  },
})
// @ts-expect-error 18: there is no such event
dropped({ typing: ['chnaged'] })

// What must compile.
define({
  ...tables,
  inbound: {
    read: on(chat, 'message.markRead', {
      input: (id) => ({ conversationId: id }),
      reply: ({ changed }) => [['pong', { n: changed }]],
      ack: ({ changed }) => ({ ok: changed > 0 }),
      follow: (_, id) => `conversation:${id}`,
    }),
    leave: local(chat, { unfollow: (id) => `conversation:${id}` }),
  },
  outbound: {
    ...rest,
    'typing.changed': ({ name }, { card }) => ({ others: [['pong', { n: name.length + card.memberCount }]] }),
  },
})
