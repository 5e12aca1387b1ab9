/** What a stream does about each way in which its subscription can end. */
import { expect, test } from 'vitest'
import { ParleyError } from '../../client/errors.ts'
import { type Item, type Snapshot, type Source, Stream } from '../../client/stream.ts'
import { Inbox } from '../inbox.ts'

type Observer = Parameters<Source['subscribe']>[1]

/** A source that only records; the test plays the server. */
function setup(options: { cursor?: string; snapshots?: (Snapshot | ParleyError)[] } = {}) {
  const subscriptions = new Inbox<{ cursor: string | undefined; observer: Observer; open: boolean }>(
    ({ cursor }) => `${cursor}`,
  )
  const taken = new Inbox<Item | ParleyError | string>()
  const waits: number[] = []
  const snapshots = options.snapshots ?? []
  const source: Source = {
    subscribe(cursor, observer) {
      const subscription = { cursor, observer, open: true }
      subscriptions.push(subscription)
      return {
        unsubscribe: () => {
          subscription.open = false
        },
      }
    },
    async snapshot() {
      const next = snapshots.shift()
      if (next === undefined || next instanceof ParleyError) throw next
      return next
    },
  }
  const taker = { item: (item: Item) => taken.push(item), reached: taken.push, failed: taken.push }
  const backoff = (attempt: number) => {
    waits.push(attempt)
    return 0
  }
  const stream = new Stream(source, taker, backoff, options.cursor)
  stream.start()
  const nth = async (number: number) => {
    const all = await subscriptions.count(number, `subscription ${number}`)
    expect(all.slice(0, -1).every(({ open }) => !open)).toBe(true)
    return all[number - 1] as (typeof all)[number]
  }
  return { stream, nth, taken, waits, subscriptions }
}

test('a refusal that may be tried again is, from the cursor, ever later until a page comes', async () => {
  const { nth, waits, stream } = setup({ cursor: 'a.3' })
  const first = await nth(1)
  expect(first.cursor).toBe('a.3')
  first.observer.page('a.5', [])
  first.observer.error(new ParleyError('OVERLOADED', 'later'))
  const second = await nth(2)
  expect(second.cursor).toBe('a.5')
  second.observer.error(new ParleyError('UNAVAILABLE', 'later'))
  const third = await nth(3)
  third.observer.page('a.6', [])
  third.observer.complete()
  const fourth = await nth(4)
  expect(fourth.cursor).toBe('a.6')
  expect(waits).toEqual([0, 1, 0])
  stream.stop()
  expect(fourth.open).toBe(false)
})

test('an ended subscription is not heard any more', async () => {
  const { nth, taken } = setup({ cursor: 'a.3' })
  const first = await nth(1)
  first.observer.error(new ParleyError('OVERLOADED', 'later'))
  first.observer.error(new ParleyError('FORBIDDEN', 'a second word'))
  first.observer.page('a.9', [])
  expect((await nth(2)).cursor).toBe('a.3')
  expect(taken.items).toEqual([])
})

test('a reset costs a snapshot, however often it must be asked for, and goes on from there', async () => {
  const snapshot: Snapshot = { cursor: 'b.70', conversations: [], next: null }
  const { nth, taken } = setup({ cursor: 'a.3', snapshots: [new ParleyError('UNAVAILABLE', 'later'), snapshot] })
  const first = await nth(1)
  first.observer.error(new ParleyError('RESET', 'too old', { details: { reason: 'pruned' } }))
  expect((await nth(2)).cursor).toBe('b.70')
  expect(taken.items).toEqual([{ name: 'reset', reason: 'pruned', snapshot }])
})

test('a page of another log is a reset, a page out of order is asked for again', async () => {
  const snapshot: Snapshot = { cursor: 'b.2', conversations: [], next: null }
  const { nth, taken } = setup({ cursor: 'a.3', snapshots: [snapshot] })
  const first = await nth(1)
  first.observer.page('b.9', [])
  const second = await nth(2)
  expect(second.cursor).toBe('b.2')
  expect(taken.items).toEqual([{ name: 'reset', reason: 'epoch', snapshot }])
  const common = { topic: 'conversation:c', at: new Date(), actorId: null, origin: null } as const
  const payload = { conversationId: 'c', userId: 'u', reason: 'left' } as const
  const event = { ...common, name: 'member.removed', position: 5, payload } as const
  second.observer.page('b.4', [event])
  const third = await nth(3)
  expect(third.cursor).toBe('b.2')
  third.observer.page('b.5', [event])
  expect(taken.items.slice(1)).toEqual([event, 'b.5'])
})

test('any other refusal ends it, said once', async () => {
  const { nth, taken, stream } = setup()
  const first = await nth(1)
  first.observer.error(new ParleyError('FORBIDDEN', 'no'))
  await taken.count(1, 'the failure')
  expect(taken.items).toEqual([expect.objectContaining({ code: 'FORBIDDEN' })])
  stream.stop()
})

test('a snapshot that is refused ends it', async () => {
  const { nth, taken } = setup({ cursor: 'a.3', snapshots: [new ParleyError('FORBIDDEN', 'no')] })
  const first = await nth(1)
  first.observer.error(new ParleyError('RESET', 'too old'))
  await taken.count(1, 'the failure')
  expect(taken.items).toEqual([expect.objectContaining({ code: 'FORBIDDEN' })])
})

test('a reset upon a reset waits, ever longer, until a page comes', async () => {
  const snapshots = [1, 2, 3].map((n) => ({ cursor: `b.${n}`, conversations: [], next: null }))
  const { nth, waits, stream } = setup({ cursor: 'a.1', snapshots })
  const reset = new ParleyError('RESET', 'gone', { details: { reason: 'retention' } })
  ;(await nth(1)).observer.error(reset)
  expect((await nth(2)).cursor).toBe('b.1')
  expect(waits).toEqual([])
  ;(await nth(2)).observer.error(reset)
  const third = await nth(3)
  expect(waits).toEqual([1])
  third.observer.page('b.2', [])
  third.observer.error(reset)
  await nth(4)
  expect(waits).toEqual([1])
  stream.stop()
})
