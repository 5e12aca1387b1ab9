/** The limits that a dialect states as data: events of a row per user in a fixed window, connections per user; on this node. */
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { AppError } from '../../../shared/errors.ts'
import type { Dialect } from '../../dialects/dialect.ts'
import type { Inbound } from '../../dialects/inbound.ts'

const exceeded = () => new AppError('RATE_LIMITED', 'Rate limit exceeded')

/** Throws RATE_LIMITED. */
export function rowLimits() {
  const limiters = new Map<Inbound, RateLimiterMemory>()
  return async (row: Inbound, userId: string): Promise<void> => {
    if (!row.limit) return
    const { points, seconds: duration } = row.limit
    const limiter = limiters.get(row) ?? new RateLimiterMemory({ points, duration })
    limiters.set(row, limiter)
    try {
      await limiter.consume(userId)
    } catch (refusal) {
      throw refusal instanceof RateLimiterRes ? exceeded() : refusal
    }
  }
}

/** Counts one more connection of the user; throws RATE_LIMITED if that is one too many. Returns how to give it back. */
export function connectionLimits() {
  const counts = new Map<string, number>()
  return ({ name, connect }: Dialect, userId: string): (() => void) => {
    const key = `${name} ${userId}`
    const count = counts.get(key) ?? 0
    if (count >= (connect.connections ?? Number.POSITIVE_INFINITY)) throw exceeded()
    counts.set(key, count + 1)
    return () => {
      const left = (counts.get(key) ?? 1) - 1
      if (left > 0) counts.set(key, left)
      else counts.delete(key)
    }
  }
}
