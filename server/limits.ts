/** How much one user may ask: a cost per command against an allowance per window, over all of the user's connections. */
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { AppError } from '../shared/errors.ts'
import type { Actor } from '../shared/ports.ts'

/** Throws RATE_LIMITED with `data.retryAfterMs`. The server itself is not limited. */
export function commandLimit({ points, windowMs }: { points: number; windowMs: number }) {
  const limiter = new RateLimiterMemory({ points, duration: windowMs / 1000 })
  return async (actor: Actor, cost: number): Promise<void> => {
    if (actor.role === 'system') return
    try {
      await limiter.consume(actor.userId, cost)
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal
      const retryAfterMs = refusal.msBeforeNext
      throw new AppError('RATE_LIMITED', 'Rate limit exceeded', { data: { retryAfterMs } })
    }
  }
}
