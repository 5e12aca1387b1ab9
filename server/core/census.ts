/**
 * Who is attached to this node, for those who operate it. Pages by id: a connection that comes or goes between two pages makes
 * none of the others appear twice or not at all.
 */
import type { Output, Parsed } from '../../shared/commands.ts'
import type { Subscriber } from './following.ts'
import { conversationTopic } from './handler.ts'
import type { Hub } from './hub.ts'

/** How many connections and users of a room are named. */
const NAMED = 100
const ROOM = 'conversation:'

const distinct = (subscribers: readonly Subscriber[], of: 'userId' | 'connectionId') => [
  ...new Set(subscribers.map((subscriber) => subscriber[of])),
]
const rooms = (hub: Hub): string[] =>
  hub.topics().flatMap((topic) => (topic.startsWith(ROOM) ? [topic.slice(ROOM.length)] : []))

export function census(hub: Hub): { totalUsers: number; totalRooms: number; totalSockets: number } {
  const all = hub.subscribers()
  return {
    totalUsers: distinct(all, 'userId').length,
    totalRooms: rooms(hub).length,
    totalSockets: distinct(all, 'connectionId').length,
  }
}

/** A client's connection to this node. */
export interface Attached {
  readonly connectionId: string
  readonly userId: string
  readonly name: string
}
/** Clients here now, each connection once: all, or those that follow a conversation. */
export function attached(hub: Hub, conversationId?: string): Attached[] {
  const all = conversationId === undefined ? hub.subscribers() : hub.followers(conversationTopic(conversationId))
  const clients = all.filter(({ sink }) => sink.entrance !== undefined)
  return [
    ...new Map(
      clients.map(({ connectionId, userId, name }) => [connectionId, { connectionId, userId, name }]),
    ).values(),
  ]
}

export function connectionsPage(
  hub: Hub,
  { userId, after, limit }: Parsed<'admin.connections'>,
): Output<'admin.connections'> {
  const byConnection = new Map<string, Subscriber[]>()
  for (const subscriber of hub.subscribers(userId)) {
    const own = byConnection.get(subscriber.connectionId)
    if (own) own.push(subscriber)
    else byConnection.set(subscriber.connectionId, [subscriber])
  }
  const { ids, next } = page([...byConnection.keys()], after, limit)
  const connections = ids.flatMap((connectionId) => {
    const own = byConnection.get(connectionId) ?? []
    const [first] = own
    if (!first) return []
    const followed = new Set(own.flatMap(({ topics }) => [...topics].filter((topic) => topic.startsWith(ROOM))))
    return {
      ...{ connectionId, userId: first.userId, name: first.name, conversations: followed.size },
      entrance: first.sink.entrance ?? null,
      since: new Date(Math.min(...own.map(({ since }) => since.getTime()))),
    }
  })
  return { connections, next }
}

export function roomsPage(hub: Hub, { after, limit }: Parsed<'admin.rooms'>): Output<'admin.rooms'> {
  const { ids, next } = page(rooms(hub), after, limit)
  const found = ids.map((conversationId) => {
    const followers = hub.followers(conversationTopic(conversationId))
    const connectionIds = distinct(followers, 'connectionId')
    const userIds = distinct(followers, 'userId')
    return {
      ...{ conversationId, connections: connectionIds.length, users: userIds.length },
      ...{ connectionIds: connectionIds.slice(0, NAMED), userIds: userIds.slice(0, NAMED) },
    }
  })
  return { ...census(hub), rooms: found, next }
}

function page(ids: string[], after: string | undefined, limit: number): { ids: string[]; next: string | null } {
  const rest = ids.filter((id) => after === undefined || id > after).sort()
  const taken = rest.slice(0, limit)
  return { ids: taken, next: rest.length > limit ? (taken.at(-1) ?? null) : null }
}
