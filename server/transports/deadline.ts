/** Waiting until a time, and no longer than a time. */
import { setTimeout as pause } from 'node:timers/promises'

/** setTimeout fires at once beyond this. */
const LONGEST = 2 ** 31 - 1

/** Runs at a time in milliseconds since 1970, however far away; never if it is null. Returns how to call it off. */
export function at(time: number | null, run: () => void): () => void {
  let timer: NodeJS.Timeout | undefined
  const wait = (until: number) => {
    const left = until - Date.now()
    timer = left > LONGEST ? setTimeout(() => wait(until), LONGEST) : setTimeout(run, Math.max(left, 0))
  }
  if (time !== null) wait(time)
  return () => clearTimeout(timer)
}

/** False if `done` takes longer, which is then no longer waited for. */
export const within = (ms: number, done: Promise<unknown>): Promise<boolean> =>
  Promise.race([done.then(() => true), pause(ms, false, { ref: false })])
