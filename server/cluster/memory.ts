/** A cluster of one node: nobody to ring, nobody to hear from. */
import type { Broker } from '../core/ports.ts'

export function memoryBroker(): Broker {
  return {
    ring() {},
    onRing: () => () => {},
    cast() {},
    onCast: () => () => {},
    async ping() {},
    async close() {},
  }
}
