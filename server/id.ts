/** New ids: 24 hex digits in ObjectId form (clients of all five legacy systems expect that), rising with time. */
import { randomBytes } from 'node:crypto'

export function idSource(now: () => number = Date.now): () => string {
  const machine = randomBytes(5).toString('hex')
  let counter = randomBytes(3).readUIntBE(0, 3)
  return () => {
    counter = (counter + 1) % 0x1000000
    const seconds = Math.floor(now() / 1000)
      .toString(16)
      .padStart(8, '0')
    return seconds + machine + counter.toString(16).padStart(6, '0')
  }
}
