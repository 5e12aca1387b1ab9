/** Presence by the clock and over nodes: windows, grace, leases, lost messages. The hub is a list of who is connected. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { memoryCluster } from '../../server/cluster/memory.ts'
import { Attendance } from '../../server/core/attendance.ts'
import type { Subscriber } from '../../server/core/following.ts'
import { Heartbeats } from '../../server/core/heartbeat.ts'
import type { Watcher } from '../../server/core/hub.ts'
import type { Broker, Person, PresenceNews, Store, Tx } from '../../server/core/ports.ts'
import { Rights } from '../../server/core/rights.ts'
import type { Event, Topic } from '../../shared/events.ts'

beforeEach(
  () =>
    void vi.useFakeTimers({
      toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'setImmediate', 'performance', 'Date'],
    }),
)
afterEach(() => void vi.useRealTimers())
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

/** What is stored of everybody: all in one room unless said otherwise. */
class Directory {
  readonly people = new Map<string, Partial<Person>>()
  readonly seen: string[][] = []
  reads = 0
  failing = false
  #at = 0

  readonly store: Pick<Store, 'reads' | 'write'>
  constructor() {
    const presence = {
      people: async (userIds: readonly string[]) => {
        if (this.failing) throw new Error('no database')
        this.reads++
        return userIds.map((userId) => this.#person(userId))
      },
    }
    const seen = async (userIds: readonly string[]) => void this.seen.push([...userIds])
    // The two that are asked for.
    this.store = {
      reads: { presence } as unknown as Store['reads'],
      write: async (run) => ({ result: await run({ seen } as unknown as Tx), events: [] }),
    }
  }
  #person(userId: string): Person {
    return {
      ...{ userId, role: 'client', schoolId: null, classIds: [], status: 'online', custom: null, customLeftMs: null },
      ...{ lastSeenAt: null, conversationIds: ['room'], readAt: ++this.#at, ...this.people.get(userId) },
    }
  }
}

function startNode(
  name: string,
  directory: Directory,
  broker: Broker,
  more: { onError?: (error: unknown) => void; blocked?: (userId: string) => ReadonlySet<string> } = {},
) {
  const watchers = new Set<Watcher>()
  const connected = new Set<string>()
  const told: string[] = []
  const was: string[] = []
  const hub = {
    watch: (watcher: Watcher) => {
      watchers.add(watcher)
      return () => watchers.delete(watcher)
    },
    present: (userId: string) => connected.has(userId),
    occupancy: (topic: Topic) => {
      const users = topic === 'conversation:room' ? [...connected] : []
      return { connections: users.length, users }
    },
    deliver: (event: Event, _only?: Subscriber) => {
      const viewer = event.topic.slice('user:'.length)
      if (event.name !== 'presence.changed' || !connected.has(viewer)) return
      const changes = event.payload.changes.map(({ userId, status }) => `${userId} ${status}`)
      for (const change of event.payload.changes) was.push(`${viewer}: ${change.userId} ${change.was}`)
      told.push(`${viewer}: ${changes.sort().join(', ')}`)
    },
  }
  const onError = (error: unknown) => {
    throw error
  }
  const presence = new Attendance({
    ...{ store: directory.store, hub, broker, rights: new Rights(), name, onError, ...more },
    ...{ windowMs: 100, graceMs: 5_000, leaseMs: 15_000 },
  })
  presence.start()
  return {
    ...{ presence, watchers, broker },
    /** What was told since the last time. */
    told: () => told.splice(0).sort(),
    /** The same of what they were. */
    was: () => was.splice(0).sort(),
    come: (...userIds: string[]) => {
      for (const userId of userIds) {
        connected.add(userId)
        for (const { came } of watchers) came?.(userId)
      }
    },
    go: (...userIds: string[]) => {
      for (const userId of userIds) {
        connected.delete(userId)
        for (const { gone } of watchers) gone?.(userId)
      }
    },
  }
}
const alone = (directory: Directory) => startNode('one', directory, memoryCluster().join())

describe('one node', () => {
  test('all that happens in a window is one frame for each, and one reading', async () => {
    const directory = new Directory()
    const { come, told } = alone(directory)
    come('ann', 'bob')
    await pass(50)
    come('cid')
    expect(told()).toEqual([])
    await pass(50)
    expect(told()).toEqual([
      'ann: bob online, cid online',
      'bob: ann online, cid online',
      'cid: ann online, bob online',
    ])
    expect(directory.reads).toBe(1)
    await pass(60_000)
    expect(told()).toEqual([])
  })

  test('whoever reconnects within the grace was never away', async () => {
    const directory = new Directory()
    const { presence, come, go, told } = alone(directory)
    come('ann', 'bob')
    await pass(100)
    told()
    for (let n = 0; n < 3; n++) {
      go('bob')
      await pass(4_900)
      expect([presence.online('bob'), presence.shown('bob')]).toEqual([false, true])
      come('bob')
    }
    await pass(60_000)
    expect([told(), directory.reads, directory.seen]).toEqual([[], 1, []])
    go('bob')
    await pass(5_100)
    expect(told()).toEqual(['ann: bob offline'])
    expect(directory.seen).toEqual([['bob']])
    expect([presence.online('bob'), presence.shown('bob')]).toEqual([false, false])
  })

  test('who comes back before their going is told was never away', async () => {
    const { come, go, told } = alone(new Directory())
    come('ann', 'bob')
    await pass(100)
    told()
    go('bob')
    await pass(5_050)
    come('bob')
    await pass(60_000)
    expect(told()).toEqual([])
  })

  test('a custom status is read again when it is over, however far that is', async () => {
    const directory = new Directory()
    const { presence, come, told } = alone(directory)
    const custom = { message: 'away', emoji: null, expiresAt: new Date() }
    directory.people.set('bob', { custom, customLeftMs: 40 * 86_400_000 })
    come('ann', 'bob')
    await pass(100)
    told()
    directory.people.set('bob', { custom, customLeftMs: 1_000 })
    await pass(86_400_000)
    expect(told()).toEqual([])
    directory.people.set('bob', {})
    await pass(1_500)
    expect(told()).toEqual(['ann: bob online', 'bob: bob online'])
    expect(presence.roster.get('bob')?.person.custom).toBeNull()
  })

  test('what they were is what was told last; to who blocks them meanwhile, what was seen before', async () => {
    const directory = new Directory()
    const apart = new Set<string>()
    const blocked = (userId: string) => new Set(apart.has(userId) ? [...apart].filter((id) => id !== userId) : [])
    const { presence, watchers, come, told, was } = startNode('one', directory, memoryCluster().join(), { blocked })
    const block = (on: boolean) => {
      for (const userId of ['ann', 'bob']) apart[on ? 'add' : 'delete'](userId)
      const event = { name: 'user.blocked', topic: 'user:ann', actorId: 'ann', origin: null, at: new Date() } as const
      const payload = { userId: 'ann', blockedId: 'bob', on }
      for (const { passed } of watchers) passed?.({ ...event, position: 1, payload })
    }
    const choose = (status: Person['status']) => {
      directory.people.set('bob', { status })
      presence.look(['bob'])
    }
    come('ann', 'bob', 'cid')
    await pass(100)
    told()
    expect(new Set(was().map((line) => line.split(' ')[2]))).toEqual(new Set(['offline']))
    choose('busy')
    block(true)
    await pass(100)
    expect(told()).toEqual(['ann: bob offline', 'bob: ann offline, bob busy', 'cid: bob busy'])
    expect(was()).toEqual(['ann: bob online', 'bob: ann online', 'bob: bob online', 'cid: bob online'])
    block(false)
    await pass(500)
    expect(told()).toEqual(['ann: bob busy', 'bob: ann online'])
    expect(was()).toEqual(['ann: bob offline', 'bob: ann offline'])
    choose('away')
    await pass(500)
    expect(was()).toEqual(['ann: bob busy', 'bob: bob busy', 'cid: bob busy'])
  })

  test('what cannot be read now is read later, and what is known is told meanwhile', async () => {
    const directory = new Directory()
    const failures: unknown[] = []
    const { come, told } = startNode('one', directory, memoryCluster().join(), {
      onError: (error) => failures.push(error),
    })
    come('ann')
    await pass(100)
    directory.failing = true
    come('bob')
    await pass(3_000)
    expect(failures.length).toBeGreaterThan(1)
    expect(failures.length).toBeLessThan(5)
    directory.failing = false
    await pass(2_000)
    expect(told()).toEqual(['ann: bob online'])
  })

  test('stopped, it tells nothing more, waits for nothing and has stored who was here', async () => {
    const directory = new Directory()
    directory.people.set('bob', { custom: { message: 'x', emoji: null, expiresAt: null }, customLeftMs: 9_000 })
    const { presence, watchers, come, go, told } = alone(directory)
    come('ann', 'bob', 'cid')
    await pass(100)
    told()
    go('cid')
    come('dan')
    presence.stop()
    expect(vi.getTimerCount()).toBe(0)
    expect(watchers.size).toBe(0)
    expect(directory.seen).toEqual([['ann', 'bob', 'cid', 'dan']])
    presence.look(['ann'])
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('several nodes', () => {
  const start = (directory = new Directory()) => {
    const cluster = memoryCluster()
    const node = (name: string) => startNode(name, directory, cluster.join())
    return { directory, cluster, node, one: node('one'), two: node('two') }
  }

  test('each tells its own of what happens on the other, and a user is there while any device is', async () => {
    const { one, two } = start()
    one.come('ann')
    two.come('bob', 'cid')
    await pass(300)
    // At most a frame for what happened here and one for what happened there.
    expect(one.told()).toEqual(['ann: bob online, cid online'])
    expect(two.told()).toEqual(['bob: ann online', 'bob: cid online', 'cid: ann online', 'cid: bob online'])
    one.come('bob')
    two.go('bob')
    await pass(20_000)
    expect([...one.told(), ...two.told()]).toEqual([])
    expect([one.presence.online('bob'), two.presence.online('bob')]).toEqual([true, true])
    one.go('bob')
    await pass(5_300)
    expect([...one.told(), ...two.told()]).toEqual(['ann: bob offline', 'cid: bob offline'])
    expect([one.presence.online('bob'), two.presence.online('bob')]).toEqual([false, false])
  })

  test('within the grace a user is shown, on every node, and has no connection on any', async () => {
    const { one, two } = start()
    one.come('ann')
    two.come('bob')
    await pass(300)
    const states = () => [one, two].flatMap(({ presence }) => [presence.online('bob'), presence.shown('bob')])
    for (let n = 0; n < 2; n++) {
      two.go('bob')
      await pass(10)
      expect(states()).toEqual([false, true, false, true])
      two.come('bob')
      await pass(10)
      expect(states()).toEqual([true, true, true, true])
    }
    two.go('bob')
    await pass(6_000)
    expect(states()).toEqual([false, false, false, false])
    two.come('bob')
    await pass(300)
    expect(states()).toEqual([true, true, true, true])
  })

  test('what is chosen on a node where the user is not reaches everybody', async () => {
    const { directory, one, two, node } = start()
    const three = node('three')
    one.come('ann')
    two.come('bob')
    await pass(300)
    for (const { told } of [one, two]) told()
    directory.people.set('bob', { status: 'busy' })
    three.presence.look(['bob'])
    await pass(300)
    expect([one.told(), two.told(), three.told()]).toEqual([['ann: bob busy'], ['bob: bob busy'], []])
  })

  test('a custom status that is chosen on a node where the user is not ends by itself as well', async () => {
    const { directory, one, two, node } = start()
    const three = node('three')
    one.come('ann')
    two.come('bob')
    await pass(300)
    const custom = { message: 'back soon', emoji: null, expiresAt: new Date() }
    directory.people.set('bob', { custom, customLeftMs: 1_000 })
    three.presence.look(['bob'])
    await pass(300)
    for (const { told } of [one, two]) told()
    directory.people.set('bob', {})
    await pass(1_500)
    expect([one.told(), two.told()]).toEqual([['ann: bob online'], ['bob: bob online']])
  })

  test('a node that stops takes its users along, but for those who come elsewhere within the grace', async () => {
    const { directory, one, two } = start()
    one.come('ann')
    two.come('bob', 'cid')
    await pass(300)
    for (const { told } of [one, two]) told()
    two.presence.stop()
    await pass(4_000)
    expect([one.presence.online('bob'), one.presence.shown('bob')]).toEqual([false, true])
    one.come('cid')
    expect(one.told()).toEqual([])
    await pass(1_300)
    expect(one.told()).toEqual(['ann: bob offline', 'cid: bob offline'])
    expect(directory.seen).toEqual([['bob', 'cid'], ['bob']])
  })

  test('a node that is silent for its lease is dead, and alive again when it is heard', async () => {
    const { cluster, directory } = start()
    const one = startNode('uno', directory, cluster.join())
    const cut = { on: false }
    const line = cluster.join()
    const broker: Broker = { ...line, share: (news) => (cut.on ? undefined : line.share(news)) }
    const two = startNode('dos', directory, broker)
    one.come('ann')
    two.come('bob')
    await pass(60_000)
    expect(one.told()).toEqual(['ann: bob online'])
    cut.on = true
    await pass(14_000)
    expect(one.told()).toEqual([])
    await pass(7_000)
    expect(one.told()).toEqual(['ann: bob offline'])
    expect(one.presence.online('bob')).toBe(false)
    cut.on = false
    await pass(6_000)
    expect(one.told()).toEqual(['ann: bob online'])
  })

  test('a lost message is noticed by the next one, and asked for until it is answered', async () => {
    const directory = new Directory()
    const cluster = memoryCluster()
    const one = startNode('one', directory, cluster.join())
    const lost: PresenceNews['kind'][] = []
    const line = cluster.join()
    let losing = 0
    const broker: Broker = {
      ...line,
      share: (news) => {
        if (losing > 0 && news.kind === 'people') {
          losing--
          lost.push(news.kind)
        } else line.share(news)
      },
    }
    const two = startNode('two', directory, broker)
    one.come('ann')
    await pass(200)
    // The coming, and the first answer.
    losing = 2
    two.come('bob')
    await pass(300)
    expect(one.presence.online('bob')).toBe(false)
    await pass(11_000)
    expect(lost).toHaveLength(2)
    expect(one.presence.online('bob')).toBe(true)
    expect(one.told()).toEqual(['ann: bob online'])
  })

  test('who starts later learns who is where', async () => {
    const { one, two, node } = start()
    one.come('ann')
    two.come('bob')
    await pass(300)
    const three = node('three')
    await pass(300)
    expect([three.presence.online('ann'), three.presence.online('bob')]).toEqual([true, true])
    expect(three.told()).toEqual([])
  })

  test('an older reading that comes later does not undo a newer one', async () => {
    const { directory, one, cluster } = start()
    directory.people.set('bob', { status: 'busy', readAt: 100 })
    one.come('ann', 'bob')
    await pass(300)
    one.told()
    const late = cluster.join()
    const old = { userId: 'bob', role: 'client', schoolId: null, classIds: [], status: 'online', custom: null } as const
    const person: Person = { ...old, customLeftMs: null, lastSeenAt: null, conversationIds: ['room'], readAt: 50 }
    late.share({ node: 'late', seq: 1, kind: 'people', all: false, people: [{ person, here: false }] })
    await pass(300)
    expect(one.told()).toEqual([])
    expect(one.presence.roster.get('bob')?.person.status).toBe('busy')
  })
})

describe('heartbeats', () => {
  const who = { userId: 'ann', connectionId: 'c' }
  function beating() {
    const watchers = new Set<Watcher>()
    const connections = ['c']
    const heartbeats = new Heartbeats({
      hub: {
        watch: (watcher) => {
          watchers.add(watcher)
          return () => watchers.delete(watcher)
        },
        connections: () => connections,
      },
      intervalMs: 1_000,
      now: Date.now,
    })
    return { heartbeats, watchers, connections }
  }

  test('an interval without a beat is a missed one; half of one is patience', async () => {
    const { heartbeats } = beating()
    heartbeats.beat(who, 20)
    for (const [afterMs, missed] of [
      [1_499, 0],
      [1, 1],
      [1_000, 2],
    ] as const) {
      await pass(afterMs)
      expect(heartbeats.metrics(who)).toMatchObject({ missed, consecutiveMissed: missed })
    }
    expect(heartbeats.beat(who, 60)).toMatchObject({ averageMs: 40, lastMs: 60, missed: 2, consecutiveMissed: 0 })
    await pass(2_000)
    expect(heartbeats.metrics(who)).toMatchObject({ missed: 3, consecutiveMissed: 1 })
  })

  test('they end with the connection, and are not kept for one that has no subscription', () => {
    const { heartbeats, watchers, connections } = beating()
    heartbeats.beat(who, 20)
    for (const { closed } of watchers) closed?.('c')
    expect(heartbeats.metrics(who)).toMatchObject({ averageMs: null, lastBeatAt: null })
    connections.length = 0
    expect(heartbeats.beat(who, 20)).toMatchObject({ averageMs: 20 })
    expect(heartbeats.metrics(who)).toMatchObject({ averageMs: null })
    heartbeats.close()
    expect(watchers.size).toBe(0)
  })
})
