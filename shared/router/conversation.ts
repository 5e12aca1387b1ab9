import { read, write } from './trpc.ts'

export const conversation = {
  create: write('conversation.create'),
  get: read('conversation.get'),
  list: read('conversation.list'),
  count: read('conversation.count'),
  direct: read('conversation.direct'),
  update: write('conversation.update'),
  addMembers: write('conversation.addMembers'),
  setRole: write('conversation.setRole'),
  removeMember: write('conversation.removeMember'),
  join: write('conversation.join'),
  leave: write('conversation.leave'),
  configure: write('conversation.configure'),
  view: write('conversation.view'),
}
