/** What an administrator sees and does. */
import type { Parley } from '../../client/index.ts'
import type { Stage } from './stage.ts'

export async function operator(stage: Stage, root: Parley, ann: Parley, conversationId: string): Promise<void> {
  const { say } = stage
  stage.scene('Administration')
  const { id: messageId } = await ann.api.message.send.mutate({ conversationId, content: 'where has this gone?' })
  say('root', 'looks')
  stage.answered('root (typed)', 'admin.stats', await root.api.admin.stats.query())
  const { connections } = await root.api.admin.connections.query({})
  stage.answered(
    'root (typed)',
    'admin.connections',
    connections.map(({ userId }) => userId),
  )
  const explained = await root.api.admin.explain.query({ messageId })
  stage.answered('root (typed)', 'admin.explain', explained)
  const audit = await root.api.admin.audit.query({})
  stage.answered('root (typed)', 'admin.audit', audit)
  stage.expect(audit.drift === 0, 'Unread counts drift.')
  say('root', 'revokes gus, whose connection goes')
  const gus = await stage.typed('gus', 'Gus', [])
  gus.on('error', (error) => stage.hear('gus (typed)', 'error', error.code))
  await root.api.admin.revoke.mutate({ userId: 'gus' })
  await stage.received('gus (typed)', 'error', 'UNAUTHENTICATED')
  await gus.close()
}
