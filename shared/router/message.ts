import { followConversation, read, write } from './trpc.ts'

export const message = {
  send: write('message.send'),
  history: read('message.history'),
  get: read('message.get'),
  edit: write('message.edit'),
  versions: read('message.versions'),
  delete: write('message.delete'),
  hide: write('message.hide'),
  replies: read('message.replies'),
  react: write('message.react'),
  markDelivered: write('message.markDelivered'),
  markRead: write('message.markRead'),
  markUnread: write('message.markUnread'),
  readers: read('message.readers'),
  missed: read('message.missed'),
  search: read('message.search'),
  /** Everything that happens in one conversation. It completes when the actor is no longer a member. */
  onEvent: followConversation(),
}
