import { followUser, read, write } from './trpc.ts'

export const notification = {
  list: read('notification.list'),
  count: read('notification.count'),
  unreadCount: read('notification.unreadCount'),
  get: read('notification.get'),
  read: write('notification.read'),
  readAll: write('notification.readAll'),
  delete: write('notification.delete'),
  deleteAll: write('notification.deleteAll'),
  mute: write('notification.mute'),
  muted: read('notification.muted'),
  send: write('notification.send'),
  broadcast: write('notification.broadcast'),
  onChange: followUser(['notification.created', 'notification.read', 'notification.deleted']),
}
