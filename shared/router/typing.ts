import { followConversation, write } from './trpc.ts'

export const typing = {
  set: write('typing.set'),
  onChange: followConversation(['typing.changed']),
}
