import { read, write } from './trpc.ts'

export const user = {
  me: read('user.me'),
  get: read('user.get'),
  upsert: write('user.upsert'),
  block: write('user.block'),
  unblock: write('user.unblock'),
  blocks: read('user.blocks'),
}
