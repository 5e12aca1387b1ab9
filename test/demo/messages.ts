/** Around one message: a reaction, edits, a lock, a reply, readers, search, deleting for oneself and for all. */
import type { Parley } from '../../client/index.ts'
import type { Stage } from './stage.ts'

export async function messages(stage: Stage, ann: Parley, dan: Parley, conversationId: string): Promise<void> {
  const { say } = stage
  stage.scene('Around a message')
  const { id: messageId } = await ann.api.message.send.mutate({ conversationId, content: 'lunch on monday' })
  say('dan', 'reacts to it')
  await dan.api.message.react.mutate({ messageId, reaction: '+1' })
  await stage.received('ann (typed)', 'message.reacted', '"reaction":"+1","on":true,"count":1')
  say('ann', 'edits its version 1, and once more as if it still were')
  await ann.api.message.edit.mutate({ messageId, content: 'lunch on tuesday', expectedVersion: 1 })
  await stage.received('dan (typed)', 'message.updated', 'lunch on tuesday')
  const late = ann.api.message.edit.mutate({ messageId, content: 'late', expectedVersion: 1 })
  await stage.refused('ann (typed)', 'CONFLICT', late)
  say('ann', 'locks it; dan wants it too')
  const { token } = await ann.api.lock.acquire.mutate({ messageId })
  await stage.received('dan (typed)', 'lock.acquired', '"holderId":"ann"')
  await stage.refused('dan (typed)', 'LOCKED', dan.api.lock.acquire.mutate({ messageId }))
  await ann.api.lock.release.mutate({ messageId, token })
  say('dan', 'replies, and has read it; ann asks who has')
  const reply = await dan.api.message.send.mutate({ conversationId, content: 'with pleasure', replyTo: messageId })
  await dan.api.message.markRead.mutate({ messageId })
  const { readers } = await ann.api.message.readers.query({ messageId })
  stage.answered('ann (typed)', 'message.readers', readers)
  stage.expect(
    readers.some(({ userId, read }) => userId === 'dan' && read),
    'Dan is not among the readers.',
  )
  const { replyCount } = await ann.api.message.get.query({ messageId })
  stage.expect(replyCount === 1, `The message has ${replyCount} replies.`)
  say('ann', 'searches')
  const { results } = await ann.api.message.search.query({ query: 'lunch tues' })
  stage.answered('ann (typed)', 'message.search', results[0]?.highlights)
  stage.expect(results[0]?.message.id === messageId, 'The search did not find the message.')
  say('dan', 'deletes his reply for all; ann hers for herself')
  await dan.api.message.delete.mutate({ messageId: reply.id })
  await stage.received('ann (typed)', 'message.deleted', reply.id)
  await ann.api.message.hide.mutate({ messageId })
  await stage.received('ann (typed)', 'message.hidden', messageId)
  await stage.refused('ann (typed)', 'NOT_FOUND', ann.api.message.get.query({ messageId }))
}
