/** How much one user may ask: a cost per command against an allowance per window, over all of the user's connections. */
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { AppError } from '../shared/errors.ts'
import type { Actor } from '../shared/ports.ts'

interface Allowance {
  points: number
  windowMs: number
}

/** Throws RATE_LIMITED with `data.retryAfterMs`. The server itself is not limited. */
export function commandLimit(allowance: Allowance) {
  const { take } = attemptLimit(allowance)
  return async (actor: Actor, cost: number): Promise<void> => {
    if (actor.role !== 'system') await take(actor.userId, cost)
  }
}

/** Attempts by a key of any kind. `take` throws as above; `forget` gives the key its whole allowance again. */
export function attemptLimit({ points, windowMs }: Allowance) {
  const limiter = new RateLimiterMemory({ points, duration: windowMs / 1000 })
  return {
    async take(key: string, cost = 1): Promise<void> {
      try {
        await limiter.consume(key, cost)
      } catch (refusal) {
        if (!(refusal instanceof RateLimiterRes)) throw refusal
        const retryAfterMs = refusal.msBeforeNext
        throw new AppError('RATE_LIMITED', 'Rate limit exceeded', { data: { retryAfterMs } })
      }
    },
    async forget(key: string): Promise<void> {
      await limiter.delete(key)
    },
  }
}
