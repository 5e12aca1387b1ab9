/**
 * An answer waited for the cards of all conversations, also of strangers: what came later in its own, such as a bot's reply,
 * had no reason to wait, and went out first.
 */
import pino from 'pino'
import { expect, test } from 'vitest'
import { system } from '../../server/auth.ts'
import { Cards } from '../../server/transports/socketio/cards.ts'
import type { Core } from '../../shared/ports.ts'
import { startServer } from '../harness.ts'

test('while the card of another conversation is being loaded, an answer about this one is not held up', async () => {
  await using server = await startServer()
  const { core } = server.app
  const [ann] = await Promise.all([server.actor('ann'), server.actor('bob'), server.actor('cid')])
  const withOne = (userId: string) => core.execute(ann, 'conversation.create', { memberIds: [userId] })
  const [own, other] = [(await withOne('bob')).conversation.id, (await withOne('cid')).conversation.id]
  let open = () => {}
  const gate = new Promise<void>((resolve) => {
    open = resolve
  })
  const execute: Core['execute'] = async (actor, name, input) => {
    if (name === 'conversation.get' && JSON.stringify(input).includes(other)) await gate
    return core.execute(actor, name, input)
  }
  const cards = new Cards({ ...core, execute }, system, pino({ level: 'silent' }))
  const order: string[] = []
  for (const id of [own, other]) cards.hold(id)
  await cards.loaded(own)

  const loading = cards.loaded(other)
  const asked = cards.settled(undefined, () => order.push('answer about everything'))
  cards.withCard(other, null, () => order.push('later in the other'))
  await cards.settled(own, () => order.push('answer about this one'))
  cards.withCard(own, null, () => order.push('later in this one'))
  open()
  await Promise.all([loading, asked])
  expect(order).toEqual(['answer about this one', 'later in this one', 'answer about everything', 'later in the other'])
  cards.close()
})
