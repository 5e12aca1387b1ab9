/** What the demo's scenes share: who is on stage, what each has heard, and what is missing in the end. */
import { createClient, isParleyError, type Parley } from '../../client/index.ts'
import type { EventName } from '../../shared/events.ts'
import type { TestServer } from '../harness.ts'
import { Inbox } from '../inbox.ts'

interface Line {
  readonly who: string
  readonly event: string
  readonly text: string
}

const short = (value: unknown) => {
  const text = JSON.stringify(value) ?? ''
  return text.length > 110 ? `${text.slice(0, 107)}...` : text
}

export class Stage {
  readonly server: TestServer
  missing = 0
  readonly #heard = new Inbox<Line>(({ who, event, text }) => `${who} ${event} ${text}`)

  constructor(server: TestServer) {
    this.server = server
  }

  scene(title: string): void {
    console.log(`\n== ${title}`)
  }
  say(who: string, what: string): void {
    console.log(`\n${who} ${what}`)
  }
  readonly hear = (who: string, event: string, payload: unknown): void => {
    this.#heard.push({ who, event, text: JSON.stringify(payload) ?? '' })
    console.log(`  ${who.padEnd(18)} < ${event.padEnd(22)} ${short(payload)}`)
  }
  answered(who: string, what: string, answer: unknown): void {
    console.log(`  ${who.padEnd(18)} ${what.padEnd(24)} ${short(answer)}`)
  }

  /** A typed client that says what it hears of these events. */
  async typed(id: string, name: string, events: readonly EventName[], claims: object = {}): Promise<Parley> {
    const client = createClient({ url: this.server.url, token: this.server.token(id, { name, ...claims }) })
    for (const event of events) client.on(event, ({ payload }) => this.hear(`${id} (typed)`, event, payload))
    await client.ready()
    return client
  }

  waitFor(who: string, event: string, content: string): Promise<Line> {
    const found = (lines: readonly Line[]) =>
      lines.find((line) => line.who === who && line.event === event && line.text.includes(content))
    return this.#heard.until(found, `${who} to receive ${event} with "${content}"`)
  }
  async received(who: string, event: string, content: string): Promise<void> {
    await this.waitFor(who, event, content).catch((error: Error) => this.#miss(error.message))
  }
  expect(holds: boolean, otherwise: string): void {
    if (!holds) this.#miss(otherwise)
  }
  async refused(who: string, code: string, call: Promise<unknown>): Promise<void> {
    try {
      this.#miss(`${who} was not refused with ${code}: ${short(await call)}`)
    } catch (error) {
      if (isParleyError(error) && error.code === code) this.answered(who, code, error.message)
      else this.#miss(`${who}: ${error}`)
    }
  }
  #miss(what: string): void {
    this.missing++
    console.error(what)
  }
}
