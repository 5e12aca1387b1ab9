/** A message that had failed by its deadline failed at once whenever it was retried; one failed by `close` was retried for ever. */
import { expect, test } from 'vitest'
import { ParleyError } from '../../client/errors.ts'
import { Outbox } from '../../client/outbox.ts'
import type { PendingMessage } from '../../client/pending.ts'
import type { Message } from '../../shared/model.ts'

const lost = () => Promise.reject(new ParleyError('UNAVAILABLE', 'lost'))
const stored = async ({ clientId, conversationId, draft }: PendingMessage): Promise<Message> => ({
  ...{ id: 'm', seq: 1, clientId, conversationId, senderId: 'ann', type: 'text', content: draft.content },
  ...{ metadata: null, replyTo: null, createdAt: new Date(), editedAt: null, originalContent: null },
  ...{ deletedAt: null, deletedBy: null },
  ...{ version: 1, reactions: [], replyCount: 0, mentions: [], mentionsEveryone: false },
})
const open = (send: (pending: PendingMessage) => Promise<Message>) =>
  new Outbox({ send, backoff: () => 1, timeoutMs: 1_000, now: Date.now, newId: () => 'id' })

test('a retry has the time that the send had', async () => {
  let send: (pending: PendingMessage) => Promise<Message> = lost
  const pending = open((given) => send(given)).add('c', { content: 'hi' }, { deadlineMs: 200 })
  const first = pending.deadline
  await expect(pending.done).rejects.toMatchObject({ code: 'TIMEOUT' })
  send = stored
  expect(await pending.retry()).toMatchObject({ content: 'hi' })
  expect(pending.deadline).toBeGreaterThan(first)
})

test('a listener that retries whatever fails does not outlive the client', async () => {
  const outbox = open(() => new Promise(() => {}))
  const pending = outbox.add('c', { content: 'hi' })
  let failures = 0
  // The second half keeps the test from running for ever where this is broken.
  pending.onChange(({ status }) => status === 'failed' && ++failures < 100 && pending.retry())
  outbox.close(new ParleyError('CLOSED', 'closed'))
  await expect(pending.done).rejects.toMatchObject({ code: 'CLOSED' })
  expect(failures).toBe(1)
  expect(pending.retry().status).toBe('failed')
})
