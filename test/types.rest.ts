/** Compiled, never run: a route that maps wrongly does not compile. */
import { z } from 'zod'
import { answers, group } from '../server/dialects/rest.ts'

const Answer = z.object({ id: z.string() })
const { route, choice } = answers(Answer)
const answer = { payload: () => ({ id: 'x' }) }

route('GET /messages/:id', {
  command: 'message.get',
  input: ({ params }) => ({ messageId: params.id }),
  payload: ({ id }) => ({ id }),
})

route('GET /chats/:chatId/messages/:id', {
  command: 'message.get',
  // @ts-expect-error a parameter that is not in the path
  input: ({ params }) => ({ messageId: params.messageId }),
  ...answer,
})
// @ts-expect-error a method that is none
route('FETCH /messages', { command: 'user.me', input: () => ({}), ...answer })
// @ts-expect-error a command that is none
route('GET /me', { command: 'user.mine', input: () => ({}), ...answer })
// @ts-expect-error an input that lacks something
route('GET /messages/:id', { command: 'message.get', input: () => ({}), ...answer })

route('GET /me', {
  command: 'user.me',
  input: () => ({}),
  // @ts-expect-error an answer of another form
  payload: ({ name }) => ({ name }),
})
route('POST /messages', {
  command: 'message.send',
  body: z.object({ text: z.string() }),
  // @ts-expect-error a field that the body has not
  input: ({ body }) => ({ conversationId: 'c', content: body.content }),
  ...answer,
})
route('GET /me', {
  command: 'user.me',
  input: () => ({}),
  more: (execute) => execute('notification.unreadCount', {}),
  payload: ({ id }, _, { unread }) => ({ id: `${id} ${unread}` }),
})
choice('PATCH /messages/:id', (when) => [
  when({
    command: 'message.edit',
    body: z.object({ content: z.string() }),
    input: ({ params, body }) => ({ messageId: params.id, content: body.content }),
    ...answer,
  }),
  when({
    command: 'message.markRead',
    body: z.object({ markAsRead: z.literal(true) }),
    // @ts-expect-error an input of another command
    input: ({ params }) => ({ id: params.id }),
    ...answer,
  }),
])
group({ name: 'x', failure: z.object({ error: z.string() }) }).define({
  // @ts-expect-error a failure of another form
  error: ({ message }) => ({ message }),
  routes: [],
})
