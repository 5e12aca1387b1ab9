import { followPresence, read, write } from './trpc.ts'

export const presence = {
  set: write('presence.set'),
  get: read('presence.get'),
  online: read('presence.online'),
  beat: write('presence.beat'),
  metrics: read('presence.metrics'),
  /** `presence.changed` alone, of these users or this school or class, as far as the actor may see them. No replay. */
  onChange: followPresence(),
}
