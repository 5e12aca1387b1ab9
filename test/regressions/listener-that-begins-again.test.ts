/** A listener that stops and begins again, as one that wants the next event does, was called for the same event for ever. */
import { expect, test } from 'vitest'
import { Emitter } from '../../client/emitter.ts'
import { PendingMessage } from '../../client/pending.ts'
import type { Event } from '../../shared/events.ts'

const event: Event<'typing.changed'> = {
  ...{ name: 'typing.changed', topic: 'conversation:c', at: new Date(), actorId: 'ann', origin: null },
  payload: { conversationId: 'c', userId: 'ann', name: 'Ann', typing: true },
}

test('each event is heard once', () => {
  const emitter = new Emitter()
  let heard = 0
  const next = () => {
    const off = emitter.on('typing.changed', () => {
      off()
      // The second half keeps the test from running for ever where this is broken.
      if (++heard < 100) next()
    })
  }
  next()
  emitter.item(event, 'e.1')
  expect(heard).toBe(1)
  emitter.item(event, 'e.1')
  expect(heard).toBe(2)
})

test('who is stopped by another listener hears nothing', () => {
  const emitter = new Emitter()
  const heard: string[] = []
  emitter.on('typing.changed', () => off())
  const off = emitter.on('typing.changed', () => heard.push('stopped'))
  emitter.item(event, 'e.1')
  expect(heard).toEqual([])
})

test('each change of a pending message is heard once', () => {
  const pending = new PendingMessage('c', { content: 'x' }, { clientId: '1', due: () => 1, at: new Date(), retry() {} })
  let heard = 0
  const next = () => {
    const off = pending.onChange(() => {
      off()
      if (++heard < 100) next()
    })
  }
  next()
  pending.succeed({
    ...pending.message,
    id: 'm',
    seq: 1,
    senderId: 'a',
    version: 1,
    editedAt: null,
    originalContent: null,
    deletedAt: null,
    deletedBy: null,
    reactions: [],
    replyCount: 0,
    mentions: [],
    mentionsEveryone: false,
  })
  expect(heard).toBe(1)
})
