/**
 * Rule 7, held against arbitrary interleavings: whatever is published by whom, however rings are late, doubled or lost,
 * whenever clients attach, are cut, resume, join, leave, and whatever is pruned: each client sees exactly what the log lets
 * it see, once, in order, or is told to reset.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { positionOf } from '../../server/core/cursor.ts'
import { LogFeed } from '../../server/core/feed.ts'
import { Hub } from '../../server/core/hub.ts'
import { toAppError } from '../../shared/errors.ts'
import type { Event } from '../../shared/events.ts'
import type { Actor, Feed } from '../../shared/ports.ts'
import { handBroker, LogModel } from './log-model.ts'

const USERS = ['ann', 'bob', 'cid']
const ROOMS = ['x', 'y']
const EPOCH = 'e1'
const user = fc.constantFrom(...USERS)
const room = fc.constantFrom(...ROOMS)
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('publish' as const),
      room,
      count: fc.integer({ min: 1, max: 8 }),
      how: fc.constantFrom('offer', 'ring', 'late', 'lost'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('join' as const),
      user,
      room,
      how: fc.constantFrom('offer', 'ring', 'late', 'lost'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('leave' as const),
      user,
      room,
      how: fc.constantFrom('offer', 'ring', 'late', 'lost'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('attach' as const), user }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cut' as const), user }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('prune' as const), keep: fc.integer({ min: 1, max: 30 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const) }) },
)

/** One device: keeps its cursor over cuts; says what it got since its last start. */
class Device {
  got: number[] = []
  from: number
  cursor: number
  resets = 0
  #feed: Feed | undefined
  #generation = 0

  readonly userId: string
  readonly hub: Hub
  readonly log: LogModel
  readonly pause: () => Promise<void>

  constructor(userId: string, hub: Hub, log: LogModel, pause: () => Promise<void>) {
    this.pause = pause
    this.userId = userId
    this.hub = hub
    this.log = log
    this.from = hub.tail.position
    this.cursor = this.from
  }
  get live(): boolean {
    return this.#feed !== undefined
  }
  cut(): void {
    this.#generation++
    this.#feed?.detach()
    this.#feed = undefined
  }
  attach(): void {
    this.cut()
    void this.#run(this.#generation)
  }
  async #run(generation: number): Promise<void> {
    // The property looks at positions only: nothing else of an actor counts here.
    const actor = { userId: this.userId, connectionId: `${this.userId}-${generation}` } as Actor
    const feed = new LogFeed(this.hub, this.log, actor, { kind: 'all' }, this.cursor)
    const current = () => generation === this.#generation
    const take = (event: Event, cursor: string) => {
      if (!current()) return
      if (event.position !== undefined) this.got.push(event.position)
      this.cursor = positionOf(EPOCH, cursor)
    }
    try {
      do {
        for await (const page of feed.replay()) {
          for (const event of page.events) take(event, page.cursor)
          await this.pause()
        }
        if (!current()) return
        this.cursor = positionOf(EPOCH, feed.cursor)
        // Whoever reads slowly, or attaches late, may find that the ring has moved on.
        await this.pause()
        if (!current()) return
      } while (!feed.attach({ push: take, end() {} }))
      this.#feed = feed
    } catch (error) {
      if (toAppError(error).code !== 'RESET') throw error
      if (!current()) return
      // A snapshot: everything up to now is known, go on from here.
      this.resets++
      this.from = this.hub.tail.position
      this.cursor = this.from
      this.got = []
      this.attach()
    }
  }
}

/** Turns of the event loop, so that answers of the log come between other things. */
const turns = async (count: number) => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve))
}

test('every client sees exactly what the log lets it see, once and in order', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 5, maxLength: 100, size: 'max' }),
      fc.integer({ min: 1, max: 12 }),
      async (steps, ringSize) => {
        const log = new LogModel()
        const broker = handBroker()
        const errors: unknown[] = []
        let wait = 0
        log.delay = () => turns(wait++ % 3)
        const hub = new Hub({
          log,
          epoch: EPOCH,
          broker,
          ringSize,
          holdMs: 1,
          tickMs: 3,
          onError: (error) => errors.push(error),
        })
        await hub.start()
        const devices = new Map(USERS.map((id) => [id, new Device(id, hub, log, () => turns((wait++ * 7) % 11))]))
        const late: number[] = []
        const publish = (how: string, event: ReturnType<LogModel['append']>) => {
          if (how === 'offer') hub.tail.offer([event])
          if (how === 'ring') broker.letRing(event.position)
          if (how === 'late') late.push(event.position)
        }
        for (const s of steps) {
          if (s.do === 'publish') {
            for (let i = 0; i < s.count; i++) publish(s.how, log.append(s.room, { text: 'hi' }))
          }
          if (s.do === 'join' && !log.isMember(s.user, s.room)) publish(s.how, log.append(s.room, { join: s.user }))
          if (s.do === 'leave' && log.isMember(s.user, s.room)) publish(s.how, log.append(s.room, { leave: s.user }))
          if (s.do === 'attach') devices.get(s.user)?.attach()
          if (s.do === 'cut') devices.get(s.user)?.cut()
          if (s.do === 'prune') log.floor = Math.max(log.floor, Math.min(log.events.length - s.keep, hub.tail.position))
          if (s.do === 'wait') {
            const position = late.shift()
            if (position !== undefined) broker.letRing(position)
            await turns(2)
          }
        }
        for (const device of devices.values()) if (!device.live) device.attach()
        await hub.tail.passed(log.events.length, 5_000)
        for (let i = 0; i < 2_000 && [...devices.values()].some((device) => !device.live); i++) await turns(1)
        await hub.stop()
        // A page that the tail asked for may be pruned before the answer, when offers have taken the tail further: it asks again.
        expect(errors.filter((error) => toAppError(error).code !== 'RESET')).toEqual([])
        for (const device of devices.values()) {
          const expected = log.events.filter(
            (event) => event.position > device.from && log.visible(device.userId, event),
          )
          expect(device.got).toEqual(expected.map((event) => event.position))
        }
      },
    ),
    { numRuns: 300 },
  )
})
