/**
 * Limits on this node: those that a dialect states as data (of a user's events and requests in a fixed window, of connections), and
 * the operator's one for all events of a user, a token bucket, in dialects that have words for it.
 */
import { TokenBucket } from 'limiter'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { AppError } from '../../../shared/errors.ts'
import type { Dialect, Excess } from '../../dialects/dialect.ts'
import type { Limit } from '../../dialects/inbound.ts'

const exceeded = (data: Record<string, unknown> = {}) => new AppError('RATE_LIMITED', 'Rate limit exceeded', { data })

/** Counts one more; without a limit, nothing. Throws RATE_LIMITED with `data.retryAfterMs`. */
export type TakeOne = (limit: Limit | undefined, userId: string) => Promise<void>
/** Rows and routes with the same limit, the very same object, share its points. */
export function statedLimits(): TakeOne {
  const limiters = new Map<Limit, RateLimiterMemory>()
  return async (limit, userId) => {
    if (!limit) return
    const { points, seconds: duration } = limit
    const limiter = limiters.get(limit) ?? new RateLimiterMemory({ points, duration })
    limiters.set(limit, limiter)
    try {
      await limiter.consume(userId)
    } catch (refusal) {
      throw refusal instanceof RateLimiterRes ? exceeded({ retryAfterMs: refusal.msBeforeNext }) : refusal
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

export interface EventLimit {
  readonly points: number
  readonly windowMs: number
  /** Of an event that is counted alone: its own points. */
  readonly overrides: ReadonlyMap<string, number>
}
/** Buckets kept before those that have filled up again are forgotten. */
const BUCKETS = 10_000

/** Counts an event of a user; says by how much it is one too many, or null. */
export function eventLimits({ points, windowMs, overrides }: EventLimit) {
  const buckets = new Map<string, TokenBucket>()
  const forget = () => {
    for (const [key, bucket] of buckets) if (bucket.drip() && bucket.content >= bucket.bucketSize) buckets.delete(key)
  }
  return (event: string, userId: string): Excess | null => {
    const own = overrides.get(event)
    const limit = own ?? points
    const key = own === undefined ? userId : `${userId}\n${event}`
    let bucket = buckets.get(key)
    if (!bucket) {
      if (buckets.size >= BUCKETS) forget()
      bucket = new TokenBucket({ bucketSize: limit, tokensPerInterval: limit, interval: windowMs })
      bucket.content = limit
      buckets.set(key, bucket)
    }
    if (bucket.tryRemoveTokens(1)) return null
    return { limit, windowMs, retryAfterMs: Math.max(1, Math.ceil(bucket.getWaitTime(1))) }
  }
}
