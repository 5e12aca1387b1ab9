/** Where a client starts from. */
import { cursorAt } from './cursor.ts'
import type { HandlersOf } from './handler.ts'
import { anyone } from './policy.ts'

export const sync: HandlersOf<'sync.snapshot'> = {
  'sync.snapshot': {
    policy: anyone,
    run: async ({ tx, actor, input, node: { hub } }) => {
      const { position, conversations, next } = await tx.snapshot(actor.userId, input.limit)
      return { cursor: cursorAt(hub.epoch, position), conversations, next }
    },
  },
}
