/** Who is here, in what mood, typing; and who wants nothing from whom. */
import type { Parley } from '../../client/index.ts'
import type { Stage } from './stage.ts'

export async function people(stage: Stage, ann: Parley, dan: Parley, conversationId: string): Promise<void> {
  const { say } = stage
  stage.scene('Presence, typing, blocks')
  say('dan', 'is busy')
  await dan.api.presence.set.mutate({ status: 'busy', custom: { message: 'in a meeting', emoji: '📞' } })
  await stage.received('ann (typed)', 'presence.changed', 'in a meeting')
  const { metrics } = await dan.api.presence.beat.mutate({ roundTripMs: 12 })
  stage.answered('dan (typed)', 'presence.beat', metrics)
  say('dan', 'starts typing and falls silent')
  await dan.api.typing.set.mutate({ conversationId, typing: true })
  await stage.received('ann (typed)', 'typing.changed', '"name":"Dan","typing":true')
  await stage.received('ann (typed)', 'typing.changed', '"name":"Dan","typing":false')
  say('ann', 'blocks eve, who writes to her all the same')
  const eve = await stage.typed('eve', 'Eve', [])
  await ann.api.user.block.mutate({ userId: 'eve' })
  await stage.refused('eve (typed)', 'FORBIDDEN', eve.api.message.send.mutate({ to: 'ann', content: 'hello?' }))
  say('carl', 'a craftsman, may not open a chat with a client; the client may')
  const carl = await stage.typed('carl', 'Carl', [], { role: 'craftsman' })
  await stage.refused(
    'carl (typed)',
    'FORBIDDEN',
    carl.api.message.send.mutate({ to: 'ann', content: 'need a plumber?' }),
  )
  await ann.api.message.send.mutate({ to: 'carl', content: 'I need a plumber' })
  await carl.api.message.send.mutate({ to: 'ann', content: 'at your service' })
  await stage.received('ann (typed)', 'message.created', 'at your service')
  await Promise.all([eve.close(), carl.close()])
}
