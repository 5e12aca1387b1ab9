import { followAll, read } from './trpc.ts'

export const sync = {
  /** Everything of the actor under one cursor. */
  events: followAll(),
  snapshot: read('sync.snapshot'),
}
