/** What a heartbeat tells, and when it tells nothing. */
import { expect, test } from 'vitest'
import { Heartbeat } from '../../client/heartbeat.ts'
import { Inbox } from '../inbox.ts'

test('each beat has the round trip of the one before; what a reconnect took is none', async () => {
  const sent = new Inbox<number | undefined>((roundTripMs) => String(roundTripMs))
  const heartbeat = new Heartbeat({ everyMs: 5, send: async (roundTripMs) => sent.push(roundTripMs) })
  heartbeat.start()
  expect(sent.items).toEqual([undefined])
  const measured = await sent.until((beats) => beats.find((beat) => beat !== undefined), 'a round trip')
  expect(measured).toBeGreaterThan(0)
  heartbeat.stop()
  const before = sent.items.length
  heartbeat.start()
  await sent.count(before + 2, 'two more beats')
  expect(sent.items.slice(before).map((beat) => beat === undefined)).toEqual([true, false])
  heartbeat.stop()
})

test('a beat that is not answered is not sent again, and is no round trip', async () => {
  const sent = new Inbox<number | undefined>((roundTripMs) => String(roundTripMs))
  let fail: (error: Error) => void = () => undefined
  const answers = [() => new Promise<void>((_, reject) => (fail = reject)), async () => undefined]
  const heartbeat = new Heartbeat({
    everyMs: 5,
    send: (roundTripMs) => {
      sent.push(roundTripMs)
      return (answers.shift() ?? (async () => undefined))()
    },
  })
  heartbeat.start()
  fail(new Error('lost'))
  await sent.count(3, 'two more beats')
  heartbeat.stop()
  expect(sent.items.slice(0, 3).map((beat) => beat === undefined)).toEqual([true, true, false])
})
