/** Sends for ever into the embedded database of a folder, and prints each acknowledgement: `<clientId> <seq> <position>`. */
import { openStore } from '../../server/store/store.ts'
import { createConversation, draft } from './drafts.ts'

const [dataDir = '', run = ''] = process.argv.slice(2)
const store = await openStore({ dataDir })
const known = await store.reads.conversations.get('c0')
if (!known) for (const id of ['c0', 'c1', 'c2']) await createConversation(store, id, ['ann', 'bob'])
process.stdout.write('ready\n')
await Promise.all(
  Array.from({ length: 8 }, async (_, n) => {
    for (let round = 0; ; round++) {
      const { message, position } = await store.send(
        draft(`c${(n + round) % 3}`, n % 2 ? 'ann' : 'bob', `${run} ${n} ${round}`),
      )
      process.stdout.write(`${message.conversationId} ${message.clientId} ${message.seq} ${position}\n`)
    }
  }),
)
