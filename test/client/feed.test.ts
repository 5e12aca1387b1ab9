/** The feed against a model of the log: whatever comes late, twice or not at all, what it gives is the log, once and in order. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BrokenPage, Feed, type Step } from '../../client/feed.ts'
import type { Event, Page } from '../../shared/events.ts'

const at = new Date(0)
const common = { topic: 'conversation:c', at, actorId: null, origin: null } as const
const durable = (position: number): Event => ({
  ...common,
  name: 'member.removed',
  position,
  payload: { conversationId: 'c', userId: 'u', reason: 'left' },
})
const ephemeral: Event = {
  ...common,
  name: 'typing.changed',
  payload: { conversationId: 'c', userId: 'u', name: 'U', typing: true },
}

/** A server's side of one subscription, and what it sent that has not arrived yet. */
interface Subscription {
  position: number
  take: (page: Page) => Step[]
  inFlight: Page[]
}

/** Which positions the reader may see, and the streams it opened. */
class World {
  readonly visible: boolean[] = [false]
  epoch = 'a'
  readonly feed: Feed
  readonly seen: number[] = []
  start: number
  current: Subscription
  readonly old: Subscription[] = []
  ephemerals = 0

  constructor(log: readonly boolean[], start: number) {
    this.visible.push(...log)
    this.start = Math.min(start, log.length)
    this.feed = new Feed(`a.${this.start}`)
    this.current = this.open(0)
  }

  get position(): number {
    return Number(this.feed.cursor?.split('.')[1])
  }

  /** The server may replay more than was asked for. */
  open(overlap: number): Subscription {
    const position = Math.max(0, this.position - overlap)
    return { position, take: this.feed.open(), inFlight: [] }
  }

  send(count: number): void {
    const { position } = this.current
    const end = Math.min(position + count, this.visible.length - 1)
    const events: Event[] = []
    for (let next = position + 1; next <= end; next++) if (this.visible[next]) events.push(durable(next))
    this.current.position = end
    this.current.inFlight.push({ cursor: `${this.epoch}.${end}`, events })
  }

  arrive(subscription: Subscription, page: Page | undefined): void {
    if (!page) return
    for (const { event, cursor } of subscription.take(page)) {
      if (event.position === undefined) this.ephemerals++
      else {
        this.seen.push(event.position)
        expect(Number(cursor.split('.')[1])).toBe(event.position)
      }
    }
    this.check()
  }

  /** All that may be seen up to the cursor, once and in order. */
  check(): void {
    const expected = this.visible.flatMap((yes, position) =>
      yes && position > this.start && position <= this.position ? [position] : [],
    )
    expect(this.seen).toEqual(expected)
  }
}

const size = fc.integer({ min: 0, max: 6 })
const pick = fc.nat({ max: 20 })
const action = fc.oneof(
  fc.record({ do: fc.constant('publish' as const), visible: fc.boolean() }),
  fc.record({ do: fc.constant('send' as const), count: size }),
  fc.record({ do: fc.constant('arrive' as const) }),
  fc.record({ do: fc.constant('repeat' as const) }),
  fc.record({ do: fc.constant('typing' as const) }),
  fc.record({ do: fc.constant('reconnect' as const), overlap: size }),
  fc.record({ do: fc.constant('late' as const), which: pick, page: pick }),
  fc.record({ do: fc.constant('reset' as const), skip: size }),
)

describe('the feed', () => {
  test('gives the log once and in order, whatever is cut, repeated or late', () => {
    const last = { page: undefined as Page | undefined }
    fc.assert(
      fc.property(
        fc.array(fc.boolean(), { maxLength: 20 }),
        size,
        fc.array(action, { maxLength: 80 }),
        (log, start, actions) => {
          const world = new World(log, start)
          last.page = undefined
          let typed = 0
          for (const step of actions) {
            if (step.do === 'publish') world.visible.push(step.visible)
            else if (step.do === 'send') world.send(step.count)
            else if (step.do === 'arrive') {
              last.page = world.current.inFlight.shift()
              world.arrive(world.current, last.page)
            } else if (step.do === 'repeat') world.arrive(world.current, last.page)
            else if (step.do === 'typing') {
              // Sent behind what is in flight, under the cursor reached there.
              for (let page = world.current.inFlight.shift(); page; page = world.current.inFlight.shift()) {
                world.arrive(world.current, page)
              }
              world.arrive(world.current, { cursor: `${world.epoch}.${world.current.position}`, events: [ephemeral] })
              typed++
            } else if (step.do === 'reconnect') {
              world.old.push(world.current)
              world.current = world.open(step.overlap)
              last.page = undefined
            } else if (step.do === 'late') {
              const subscription = world.old[step.which % Math.max(1, world.old.length)]
              if (!subscription) continue
              world.arrive(subscription, subscription.inFlight[step.page % Math.max(1, subscription.inFlight.length)])
            } else {
              world.old.push(world.current)
              world.epoch += 'x'
              world.start = Math.min(world.position + step.skip, world.visible.length - 1)
              world.feed.reset(`${world.epoch}.${world.start}`)
              world.seen.length = 0
              world.current = world.open(0)
              last.page = undefined
            }
            world.check()
          }
          world.current = world.open(0)
          world.send(1_000)
          world.arrive(world.current, world.current.inFlight[0])
          expect(world.position).toBe(world.visible.length - 1)
          expect(world.ephemerals).toBe(typed)
        },
      ),
      { numRuns: 500 },
    )
  })

  test('without a cursor begins where the first page says', () => {
    const feed = new Feed()
    const take = feed.open()
    expect(feed.cursor).toBeUndefined()
    expect(take({ cursor: 'a.7', events: [] })).toEqual([])
    expect(feed.cursor).toBe('a.7')
    expect(take({ cursor: 'a.9', events: [durable(7), durable(8)] }).map(({ cursor }) => cursor)).toEqual(['a.8'])
    expect(feed.cursor).toBe('a.9')
  })

  test('a first page of events can be gone on from before each of them', () => {
    const take = new Feed().open()
    expect(take({ cursor: 'a.9', events: [ephemeral, durable(8)] }).map(({ cursor }) => cursor)).toEqual(['a.7', 'a.8'])
  })

  test.each([
    ['out of order', { cursor: 'a.9', events: [durable(8), durable(7)] }, 'order'],
    ['twice the same position', { cursor: 'a.9', events: [durable(8), durable(8)] }, 'order'],
    ['beyond its own cursor', { cursor: 'a.7', events: [durable(8)] }, 'order'],
    ['of another log', { cursor: 'b.9', events: [] }, 'epoch'],
  ])('a page %s is refused as a whole', (_, page, reason) => {
    const feed = new Feed('a.5')
    const take = feed.open()
    expect(() => take(page)).toThrow(expect.objectContaining({ reason }))
    expect(() => take(page)).toThrow(BrokenPage)
    expect(feed.cursor).toBe('a.5')
    expect(take({ cursor: 'a.9', events: [durable(7)] }).map(({ event }) => event.position)).toEqual([7])
  })

  test.each(['', 'a', 'a.', 'A.1', 'a.-1', '.1'])('%j is not a cursor', (cursor) => {
    expect(() => new Feed(cursor)).toThrow(TypeError)
  })
})
