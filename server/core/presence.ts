/** Presence by command: answers come from the database, with who is connected from the roster, so what was chosen is seen at once. */
import type { Presence } from '../../shared/model.ts'
import type { Actor } from '../../shared/ports.ts'
import type { HandlersOf, Node } from './handler.ts'
import { anyone, memberOrAdminIfNamed } from './policy.ts'
import type { Reads } from './ports.ts'
import { appearance, hidden, keys, keysFor, matches, maySee } from './roster.ts'

/** As the actor sees these users; those whom they may not see are left out. */
async function seen(reads: Reads, actor: Actor, node: Node, userIds: readonly string[]): Promise<Presence[]> {
  const wanted = new Set(userIds)
  const people = await reads.presence.peopleFor(actor.userId, [...wanted, actor.userId])
  const stored = people.find(({ userId }) => userId === actor.userId)
  if (!stored) return []
  const own = { ...stored, role: actor.role }
  const places = new Set(own.conversationIds)
  return people.flatMap((person) => {
    if (!wanted.has(person.userId) || !maySee(node.rights, own, places, person)) return []
    return [person.blocked ? hidden(person.userId) : appearance(person, node.presence.shown(person.userId))]
  })
}

export const presence: HandlersOf<'presence.set' | 'presence.get' | 'presence.online'> = {
  'presence.set': {
    policy: anyone,
    run: ({ tx, actor, input }) => tx.choose(actor.userId, input),
    committed: ({ actor, node }) => node.presence.look([actor.userId]),
  },
  'presence.get': {
    policy: anyone,
    run: async ({ tx, actor, input, node }) => ({ users: await seen(tx, actor, node, input.userIds) }),
  },
  'presence.online': {
    policy: memberOrAdminIfNamed,
    run: async ({ tx, actor, input, node }) => {
      const { conversationId, limit, ...filter } = input
      const { roster } = node.presence
      const [stored] = await tx.presence.people([actor.userId])
      if (!stored) return { users: [] }
      const own = { ...stored, role: actor.role }
      const places = new Set(own.conversationIds)
      const found: string[] = []
      for (const key of conversationId === undefined ? keysFor(filter) : [keys.conversation(conversationId)]) {
        for (const { person, nodes } of roster.at(key)) {
          if (found.length >= limit) break
          if (nodes.size === 0 || person.status === 'offline' || !matches(filter, person)) continue
          if (maySee(node.rights, own, places, person)) found.push(person.userId)
        }
      }
      // Once more, as the database has it now: who has just left, hidden or been blocked is not there.
      const users = found.length === 0 ? [] : await seen(tx, actor, node, found)
      return { users: users.filter(({ status }) => status !== 'offline') }
    },
  },
}
