/**
 * The core of resuming, without any transport: which events of which page are new. It guarantees that durable events come out
 * once and in order of position, that nothing between two of them is skipped, and that `cursor` is always the place to go on
 * from. It looks at positions only: ids of frames also name ephemeral events, which have no position and pass through.
 *
 * What it relies on: a subscription opened at a cursor brings everything after it, in order, and a page's cursor says that
 * nothing at or below it is left. So pages count only from the subscription that `open` began last; those that an earlier
 * one still delivers could leap over what was lost with it, and are ignored. A page that breaks the law is refused as a whole.
 */
import type { Event, Page } from '../shared/events.ts'

/** An event and the place to go on from once it is dealt with. */
export interface Step {
  readonly event: Event
  readonly cursor: string
}

/** A page that cannot follow what was seen. `epoch`: it is of another log. `order`: its positions do not rise to its cursor. */
export class BrokenPage extends Error {
  readonly reason: 'epoch' | 'order'
  constructor(reason: 'epoch' | 'order') {
    super(`A page of events cannot follow the cursor: ${reason}`)
    this.reason = reason
  }
}

export class Feed {
  #epoch: string | undefined
  #position = 0
  #generation = 0

  /** Without a cursor it begins where the first page says. */
  constructor(cursor?: string) {
    if (cursor !== undefined) this.#move(cursor)
  }

  get cursor(): string | undefined {
    return this.#epoch === undefined ? undefined : `${this.#epoch}.${this.#position}`
  }

  /** A subscription begins at `cursor`. Gives what takes its pages; throws BrokenPage, then the subscription must end. */
  open(): (page: Page) => Step[] {
    const generation = ++this.#generation
    return (page) => (generation === this.#generation ? this.#take(page) : [])
  }

  /** Goes on from another place, by a snapshot. What is still open is ignored from now on. */
  reset(cursor: string): void {
    this.#generation++
    this.#move(cursor)
  }

  #take(page: Page): Step[] {
    const { epoch, position: end } = parse(page.cursor)
    if (this.#epoch !== undefined && this.#epoch !== epoch) throw new BrokenPage('epoch')
    this.#check(page.events, end)
    const steps: Step[] = []
    let position = this.#epoch === undefined ? start(page.events, end) : this.#position
    for (const event of page.events) {
      if (event.position !== undefined) {
        if (event.position <= position) continue
        position = event.position
      }
      steps.push({ event, cursor: `${epoch}.${position}` })
    }
    this.#epoch = epoch
    this.#position = Math.max(this.#position, end)
    return steps
  }

  #check(events: readonly Event[], end: number): void {
    let last = -1
    for (const { position } of events) {
      if (position === undefined) continue
      if (position <= last || position > end) throw new BrokenPage('order')
      last = position
    }
  }

  #move(cursor: string): void {
    const { epoch, position } = parse(cursor)
    this.#epoch = epoch
    this.#position = position
  }
}

/** Just before what a first page brings. */
const start = (events: readonly Event[], end: number) =>
  (events.find((event) => event.position !== undefined)?.position ?? end + 1) - 1

function parse(cursor: string): { epoch: string; position: number } {
  const [epoch = '', position = ''] = cursor.split('.')
  if (!/^[0-9a-z]{1,32}$/.test(epoch) || !/^\d{1,16}$/.test(position)) {
    throw new TypeError(`Not a cursor: ${JSON.stringify(cursor)}`)
  }
  return { epoch, position: Number(position) }
}
