/**
 * What the old servers' own code could call, by the names of their documents, for programs that embed this one: `socketService`
 * of `bedtime` and `marketplace`, `socketManager` of `rooms`. What changes something goes through the core as the server itself and
 * is done when its promise resolves; nobody has to wait for that: a failure goes to `onError` too. What only looks, looks at this node.
 */
import { AppError } from '../shared/errors.ts'
import type { App } from './app.ts'
import { GUEST } from './auth.ts'
import type { Attached } from './core/census.ts'

/** `type` is what clients look at: `bedtime` for a reminder. */
export interface LegacyNotification {
  readonly type: string
  readonly title: string
  readonly message: string
  readonly scheduleName?: string
}

/** What else is in it, the server says better. */
interface TestPayload {
  readonly message?: string
  readonly content?: string
  readonly [other: string]: unknown
}

type Server = Pick<App, 'core' | 'system' | 'attached' | 'census'>

/** Whoever has not registered is none. */
const users = (attached: readonly Attached[]) =>
  [...new Set(attached.map(({ userId }) => userId))].filter((userId) => userId !== GUEST)

export function socketService({ core, system, attached }: Server, onError: (error: unknown) => void = console.error) {
  const done = (work: Promise<unknown>): Promise<void> => {
    const promise = work.then(() => undefined)
    promise.catch(onError)
    return promise
  }
  const notice = ({ type, title, message, scheduleName }: LegacyNotification) => ({
    ...{ title, body: message },
    data: { kind: type, ...(scheduleName !== undefined && { scheduleName }) },
  })
  async function test(room: string, event: string, message: string, content: string): Promise<void> {
    const [, kind, id = ''] = /^(user|chat):(.+)$/s.exec(room) ?? []
    if (kind === 'user' && event === 'test-event') await core.execute(system, 'admin.test', { userId: id, message })
    else if (kind === 'chat' && event === 'test-message')
      await core.execute(system, 'admin.test', { conversationId: id, message: content })
    else throw new AppError('INVALID_INPUT', `Nothing but test events is emitted by hand: ${event} to ${room}`)
  }
  return {
    /** To every user there is, and to sockets that have not registered. Stored as notifications. */
    broadcastNotification: (notification: LegacyNotification) =>
      done(core.execute(system, 'notification.broadcast', notice(notification))),
    /** To one user, now or when they come. Stored as a notification. Throws NOT_FOUND. */
    sendNotificationToUser: (userId: string, notification: LegacyNotification) =>
      done(core.execute(system, 'notification.send', { ...notice(notification), userId })),
    getConnectedUsers: (): string[] => users(attached()),
    getConnectionCount: (): number => users(attached()).length,
    /** For the debug events `test-event` (to `user:<id>`) and `test-message` (to `chat:<id>`); whatever else is refused. */
    getIO: () => ({
      to: (room: string) => ({
        emit: (event: string, { message = '', content = '' }: TestPayload) => done(test(room, event, message, content)),
      }),
    }),
  }
}

export function socketManager({ attached, census }: Server) {
  const manager = {
    /** Who has joined, by socket. */
    getUsersInRoom: (roomId: string) =>
      attached(roomId).map(({ connectionId, userId, name }) => ({ socketId: connectionId, userId, username: name })),
    isUserInRoom: (userId: string, roomId: string): boolean => attached(roomId).some((one) => one.userId === userId),
    getStats: census,
    /** Prints who is here. */
    printState(print: (line: string) => void = console.log): void {
      const { totalUsers, totalRooms, totalSockets } = census()
      print(`${totalUsers} users, ${totalRooms} rooms, ${totalSockets} sockets`)
      for (const { connectionId, userId, name } of attached()) print(`${userId} (${name}): ${connectionId}`)
    },
  }
  return manager
}
