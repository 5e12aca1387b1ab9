/** How long to wait before trying again, and waiting that can be cut short. */

/** Milliseconds before attempt 0, 1, 2, ... after a failure. */
export type Backoff = (attempt: number) => number

/**
 * Anywhere between nothing and 0.25 s, 0.5 s, 1 s, ... 10 s: all of it is chance, so that clients whom one restart
 * disconnected do not come back together.
 */
export const jittered: Backoff = (attempt) => Math.random() * Math.min(10_000, 250 * 2 ** attempt)

/** Waits, all of which `wake` ends at once. */
export class Pause {
  readonly #waiting = new Map<ReturnType<typeof setTimeout>, () => void>()

  wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(timer)
        resolve()
      }, ms)
      this.#waiting.set(timer, resolve)
    })
  }

  wake(): void {
    for (const [timer, resolve] of this.#waiting) {
      clearTimeout(timer)
      resolve()
    }
    this.#waiting.clear()
  }
}
