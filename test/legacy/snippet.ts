/** Runs an example of a document as it is written there: only the address and the ids of what exists are filled in. */
import { io } from 'socket.io-client'
import { Inbox } from '../inbox.ts'

/** What the example did: calls of functions that it expects to be there, by name. */
export type Call = readonly [name: string, ...args: unknown[]]

export class Page implements Disposable {
  readonly calls = new Inbox<Call>()
  readonly #sockets: ReturnType<typeof io>[] = []
  readonly #url: string

  constructor(url: string) {
    this.#url = url
  }
  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.disconnect()
  }

  /** The client's `io`, that finds this server where the document has its own. */
  readonly io = (url: string, options: object = {}) => {
    const socket = io(url.replace(/^http:\/\/localhost:\d+/, this.#url), { ...options, forceNew: true })
    this.#sockets.push(socket)
    return socket
  }
  /** A function of the page that only notes that it was called. */
  noting(name: string) {
    return (...args: unknown[]) => this.calls.push([name, ...args])
  }
  /** `names`: what else the page has. `returns`: variables of the code that are wanted back. */
  run(code: string, names: Readonly<Record<string, unknown>> = {}, returns: readonly string[] = []) {
    const log = { log: this.noting('log'), error: this.noting('error') }
    const all: Record<string, unknown> = { io: this.io, console: log, ...names }
    // The examples are text on purpose: nothing of them is to be put right here.
    const made = new Function(...Object.keys(all), `{ ${code}\nreturn { ${returns.join(', ')} } }`)
    return made(...Object.values(all))
  }
  called(name: string, of: (args: unknown[]) => boolean = () => true): Promise<Call> {
    return this.calls.until((calls) => calls.find(([one, ...args]) => one === name && of(args)), `${name} to be called`)
  }
}
