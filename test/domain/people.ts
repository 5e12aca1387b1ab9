/** Users of one test on a server shared by a file: named for it alone, here as devices, or away. */
import { createClient } from '../../client/index.ts'
import type { Event } from '../../shared/events.ts'
import type { NotificationType } from '../../shared/model.ts'
import type { Actor } from '../../shared/ports.ts'
import type { TestServer } from '../harness.ts'
import { Inbox } from '../inbox.ts'

export type Told = Event<'notification.created' | 'notification.read' | 'notification.deleted'>

/** A connected client with the notifications that it hears of. */
export async function device(server: TestServer, userId: string, cursor?: string) {
  const client = createClient({ url: server.url, token: server.token(userId), ...(cursor !== undefined && { cursor }) })
  const heard = new Inbox<Told>((event) => `${event.name} ${JSON.stringify(event.payload)}`)
  for (const name of ['notification.created', 'notification.read', 'notification.deleted'] as const)
    client.on(name, heard.push)
  const started = await client.ready()
  return { client, api: client.api, heard, started, [Symbol.asyncDispose]: () => client.close() }
}

let count = 0
/** Actors with ids of this call alone. */
export async function people<const N extends string>(server: TestServer, ...names: N[]): Promise<Record<N, Actor>> {
  count++
  const entries = names.map(async (name) => [name, await server.actor(`${name}${count}`, { name })] as const)
  // One entry for each of the names.
  return Object.fromEntries(await Promise.all(entries)) as Record<N, Actor>
}

/** What somebody has, newest first: type, body. */
export async function listed(server: TestServer, actor: Actor, ...types: NotificationType[]) {
  const { notifications } = await server.app.core.execute(actor, 'notification.list', types.length > 0 ? { types } : {})
  return notifications.map(({ type, body }) => `${type}: ${body}`)
}
