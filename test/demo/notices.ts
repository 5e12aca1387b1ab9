/** What reaches a user besides messages, and one who was away: notifications, schedules, the offline queue, a bot. */
import type { Parley } from '../../client/index.ts'
import type { Stage } from './stage.ts'

export async function notices(stage: Stage, ann: Parley, root: Parley, conversationId: string): Promise<void> {
  const { say } = stage
  stage.scene('Notifications, schedules, the offline queue, a bot')
  say('ann', 'mentions fay, who is away, and writes once more')
  await ann.api.conversation.addMembers.mutate({ conversationId, memberIds: ['fay'] })
  await ann.api.message.send.mutate({ conversationId, content: 'are you there, @Fay?' })
  await ann.api.message.send.mutate({ conversationId, content: 'then later' })
  say('fay', 'comes, and takes what was queued')
  const fay = await stage.typed('fay', 'Fay', ['notification.created', 'notification.read'])
  const { size } = await fay.api.queue.size.query({})
  const { messages } = await fay.api.queue.dequeue.mutate({ limit: 10 })
  stage.answered(
    'fay (typed)',
    'queue.dequeue',
    messages.map(({ content }) => content),
  )
  stage.expect(size === 2 && messages.length === 2, `Fay has ${size} waiting and got ${messages.length}.`)
  const { notifications, unread } = await fay.api.notification.list.query({})
  stage.answered(
    'fay (typed)',
    'notification.list',
    notifications.map(({ type, title, body }) => [type, title, body]),
  )
  const types = notifications.map(({ type }) => type).sort()
  stage.expect(types.join() === 'group_invite,mention,message', `Fay was notified of ${types}.`)
  await fay.api.notification.readAll.mutate({})
  await stage.received('fay (typed)', 'notification.read', '"unread":0')
  stage.expect(unread === 3, `${unread} were unread.`)
  say('an administrator', 'tells everybody')
  await root.api.notification.broadcast.mutate({ title: 'Maintenance', body: 'tonight at ten', priority: 'high' })
  await stage.received('fay (typed)', 'notification.created', 'tonight at ten')
  say('fay', 'sets herself a bedtime')
  const when = { kind: 'bedtime' as const, time: '21:30', weekdays: [0, 1, 2, 3, 4] }
  const bedtime = { name: 'Weekdays', title: 'Bedtime', body: 'time to sleep', when, timeZone: 'Europe/Berlin' }
  const schedule = await fay.api.schedule.create.mutate(bedtime)
  stage.answered('fay (typed)', 'schedule.create', { nextRunAt: schedule.nextRunAt })
  stage.expect(schedule.nextRunAt !== null, 'The schedule never runs.')
  say('ann', 'asks the support bot')
  await ann.api.message.send.mutate({ to: 'support-bot', content: 'hello' })
  await stage.received('ann (typed)', 'message.created', '"senderId":"support-bot"')
  await fay.close()
}
