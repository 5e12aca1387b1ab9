/**
 * Who came back to a node that had been up all the while got recent events from memory, as they were said: with the text of
 * messages that had been deleted meanwhile, also in notifications.
 */
import { expect, test } from 'vitest'
import { createClient } from '../../client/index.ts'
import { startServer } from '../harness.ts'
import { Inbox } from '../inbox.ts'

test.each([3, 30])('erased text does not come back from memory, %i messages later', async (count) => {
  await using server = await startServer()
  await using bob = createClient({ url: server.url, token: server.token('bob') })
  const away = createClient({ url: server.url, token: server.token('ann') })
  const cursor = await away.ready()
  await away.close()
  const sent: string[] = []
  for (let n = 0; n < count; n++) {
    const { id: messageId } = await bob.api.message.send.mutate({ to: 'ann', content: 'erased' })
    if (n % 2) await bob.api.message.edit.mutate({ messageId, content: 'erased too' })
    await bob.api.message.delete.mutate({ messageId })
    sent.push(messageId)
  }
  await bob.api.message.send.mutate({ to: 'ann', content: 'kept' })

  await using back = createClient({ url: server.url, token: server.token('ann'), cursor })
  const heard = new Inbox<{ name: string; messageId: string | null; text: string; erased?: boolean }>()
  for (const name of ['message.created', 'message.updated', 'message.deleted'] as const)
    back.on(name, ({ payload: { message } }) =>
      heard.push({ name, messageId: message.id, text: message.content, erased: message.deletedAt !== null }),
    )
  back.on('notification.created', ({ name, payload: { notification } }) =>
    heard.push({ name, messageId: notification.messageId, text: notification.body }),
  )
  const expected = sent.flatMap((messageId, n) => [
    { name: 'message.created', messageId, text: '', erased: true },
    { name: 'notification.created', messageId, text: '' },
    ...(n % 2 ? [{ name: 'message.updated', messageId, text: '', erased: true }] : []),
    { name: 'message.deleted', messageId, text: '', erased: true },
  ])
  const items = await heard.count(expected.length + 2, 'everything')
  expect(items.slice(0, -2)).toEqual(expected)
  expect(items.slice(-2).map(({ text }) => text)).toEqual(['kept', 'kept'])
})
