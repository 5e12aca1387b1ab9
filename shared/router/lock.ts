import { followConversation, read, write } from './trpc.ts'

export const lock = {
  acquire: write('lock.acquire'),
  renew: write('lock.renew'),
  release: write('lock.release'),
  list: read('lock.list'),
  onChange: followConversation(['lock.acquired', 'lock.released']),
}
