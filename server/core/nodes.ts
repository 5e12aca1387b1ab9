/**
 * What the other nodes say of their users, and for how long it counts. Each node tells its own changes, and beats: one that is
 * silent for the lease is dead, and its users are no longer there. A lost message is noticed by the next one of that node, or by
 * its beat, and healed by asking it for everybody. A node that stops says so; its users have the grace to come elsewhere.
 */

import type { Broker, Person, PresenceNews, PresenceSaid } from './ports.ts'
import type { Roster } from './roster.ts'

type People = readonly { readonly person: Person; readonly here: boolean }[]

export interface NodesOptions {
  /** Of this node, unlike any other's. */
  name: string
  broker: Pick<Broker, 'share' | 'onShare'>
  roster: Roster
  graceMs: number
  leaseMs: number
  /** Everybody who is connected here. */
  everybody: () => People
  /** Others know these users better now. */
  changed: (people: readonly Person[]) => void
  /** A node went with these users. */
  lost: (userIds: readonly string[]) => void
}

interface Neighbour {
  seq: number
  heardAt: number
  /** Nothing of it was missed since it told of everybody. */
  whole: boolean
}

export class Nodes {
  readonly #options: NodesOptions
  readonly #known = new Map<string, Neighbour>()
  readonly #leaving = new Set<NodeJS.Timeout>()
  #seq = 0
  #beat: NodeJS.Timeout | undefined
  #lookedAt = 0
  #unhear: (() => void) | undefined

  constructor(options: NodesOptions) {
    this.#options = options
  }

  start(): void {
    const { broker, leaseMs } = this.#options
    this.#unhear = broker.onShare((news) => this.#hear(news))
    this.#lookedAt = performance.now()
    this.#beat = setInterval(() => this.#look(), leaseMs / 3)
    this.#share({ kind: 'ask' })
  }
  stop(): void {
    if (!this.#unhear) return
    this.#share({ kind: 'left' })
    this.#unhear()
    this.#unhear = undefined
    clearInterval(this.#beat)
    for (const timer of this.#leaving) clearTimeout(timer)
  }

  tell(people: People): void {
    if (people.length > 0) this.#share({ kind: 'people', all: false, people })
  }
  /** The user's last connection here has gone, or one has come within the grace. */
  wait(userId: string, waits: boolean): void {
    this.#share({ kind: waits ? 'away' : 'back', userId })
  }

  #share(news: PresenceSaid): void {
    if (this.#unhear) this.#options.broker.share({ node: this.#options.name, seq: ++this.#seq, ...news })
  }

  #hear(news: PresenceNews): void {
    const { name, graceMs, everybody } = this.#options
    if (news.node === name) return
    const known = this.#known.get(news.node) ?? { seq: 0, heardAt: 0, whole: true }
    if (news.seq <= known.seq) return
    const first = !this.#known.has(news.node)
    const missed = news.seq !== known.seq + 1
    known.whole &&= !missed
    known.seq = news.seq
    known.heardAt = performance.now()
    this.#known.set(news.node, known)
    if (news.kind === 'people') this.#take(news, known)
    else if (news.kind === 'away' || news.kind === 'back')
      this.#options.roster.wait(news.node, news.userId, news.kind === 'away')
    else if (news.kind === 'ask') this.#share({ kind: 'people', all: true, people: everybody() })
    else if (news.kind === 'left') {
      this.#known.delete(news.node)
      this.#options.roster.waitForAll(news.node)
      const timer = setTimeout(() => {
        this.#leaving.delete(timer)
        this.#drop(news.node)
      }, graceMs)
      this.#leaving.add(timer)
      return
    }
    // Again with each beat until it has answered: the question or the answer may be lost too.
    if (!known.whole && (first || missed || news.kind === 'beat')) this.#share({ kind: 'ask' })
  }
  #take({ node, people, all }: Extract<PresenceNews, { kind: 'people' }>, known: Neighbour): void {
    const { roster, changed, lost } = this.#options
    if (all) {
      known.whole = true
      lost(roster.drop(node, new Set(people.map(({ person }) => person.userId))))
    }
    changed(people.flatMap(({ person, here }) => (roster.put(node, person, here) ? [person] : [])))
  }

  #look(): void {
    const { leaseMs } = this.#options
    const now = performance.now()
    // A node that was held up itself has not heard the others, which lives of them says nothing.
    const awake = now - this.#lookedAt < (leaseMs * 2) / 3
    this.#lookedAt = now
    for (const [node, { heardAt }] of awake ? this.#known : []) {
      if (now - heardAt <= leaseMs) continue
      this.#known.delete(node)
      this.#drop(node)
    }
    this.#share({ kind: 'beat' })
  }
  #drop(node: string): void {
    this.#options.lost(this.#options.roster.drop(node))
  }
}
