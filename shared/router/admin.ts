import { read, write } from './trpc.ts'

export const admin = {
  stats: read('admin.stats'),
  audit: read('admin.audit'),
  test: write('admin.test'),
  connections: read('admin.connections'),
  rooms: read('admin.rooms'),
  conversations: read('admin.conversations'),
  history: read('admin.history'),
  queues: read('admin.queues'),
  kick: write('admin.kick'),
  revoke: write('admin.revoke'),
  explain: read('admin.explain'),
}
