/** Nobody is added to a direct conversation, by whatever way in: also if its maker asked for an open one. */
import { expect, test } from 'vitest'
import { toAppError } from '../../shared/errors.ts'
import { startServer } from '../harness.ts'

test('a stranger cannot join a direct conversation that was created open', async () => {
  await using server = await startServer()
  const { core } = server.app
  const [ann, eve] = await Promise.all([server.actor('ann'), server.actor('eve'), server.actor('bob')])
  const { conversation } = await core.execute(ann, 'conversation.create', { memberIds: ['bob'], joinPolicy: 'open' })
  expect(conversation.joinPolicy).toBe('invited')
  const joined = core.execute(eve, 'conversation.join', { conversationId: conversation.id })
  expect(await joined.catch(toAppError)).toMatchObject({ code: 'FORBIDDEN' })
})
