/**
 * `npm run demo`: a server on a fresh folder; a typed client and one of each old system in one conversation, then one each of what
 * typed users and administrators do. Prints who received what, in which words, and fails if anything is missing.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dialects } from './demo/dialects.ts'
import { messages } from './demo/messages.ts'
import { notices } from './demo/notices.ts'
import { operator } from './demo/operator.ts'
import { people } from './demo/people.ts'
import { Stage } from './demo/stage.ts'
import { startServer } from './harness.ts'

const folder = mkdtempSync(join(tmpdir(), 'parley-demo-'))
const server = await startServer({ env: { DATA_DIR: folder, SUPPORT_BOT: 'true' } })
const stage = new Stage(server)
const ann = await stage.typed('ann', 'Ann', [
  ...(['message.created', 'message.reacted', 'message.deleted', 'message.hidden'] as const),
  ...(['typing.changed', 'presence.changed'] as const),
])
for (const id of ['bob', 'cid', 'dan', 'eve', 'fay', 'gus', 'lil', 'moe', 'bea']) {
  await server.actor(id, { name: `${id.slice(0, 1).toUpperCase()}${id.slice(1)}` })
}
await server.actor('carl', { name: 'Carl', role: 'craftsman' })
const members = { memberIds: ['bob', 'cid', 'dan', 'lil', 'moe', 'bea'], title: 'Demo' }
const { conversation } = await ann.api.conversation.create.mutate({ kind: 'group', ...members })
const dan = await stage.typed('dan', 'Dan', ['message.updated', 'lock.acquired'])
const root = await stage.typed('root', 'Root', [], { role: 'admin' })

await dialects(stage, ann, conversation.id)
await messages(stage, ann, dan, conversation.id)
await people(stage, ann, dan, conversation.id)
await notices(stage, ann, root, conversation.id)
await operator(stage, root, ann, conversation.id)

console.log(
  stage.missing === 0 ? '\nEverybody received everything, in their own words.' : `\n${stage.missing} missing.`,
)
await Promise.all([ann.close(), dan.close(), root.close()])
await server.close()
rmSync(folder, { recursive: true, force: true })
process.exit(stage.missing === 0 ? 0 : 1)
