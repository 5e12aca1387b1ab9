/** What the server says by itself, at even intervals, to every socket of a namespace whose dialect wants that. */
import type { Server } from 'socket.io'
import type { Dialect } from '../../dialects/dialect.ts'
import type { Call } from '../../dialects/inbound.ts'

export class Pulses {
  readonly #last = new Map<string, { readonly at: Date; readonly tick: number }>()
  readonly #timer: NodeJS.Timeout

  constructor(io: Server, dialects: readonly Dialect[], everyMs: number) {
    const pulses = dialects.flatMap((dialect) =>
      dialect.namespaces.flatMap((namespace) => {
        const { pulse } = dialect.place(namespace)
        return pulse ? [{ namespace, pulse }] : []
      }),
    )
    this.#timer = setInterval(() => {
      for (const { namespace, pulse } of pulses) {
        const at = new Date()
        this.#last.set(namespace, { at, tick: performance.now() })
        for (const [name, payload] of pulse(at)) io.of(namespace).local.emit(name, payload)
      }
    }, everyMs)
    this.#timer.unref()
  }

  last(namespace: string): Call['pulse'] {
    const last = this.#last.get(namespace)
    return last ? { at: last.at, ageMs: performance.now() - last.tick } : null
  }
  stop(): void {
    clearInterval(this.#timer)
  }
}
