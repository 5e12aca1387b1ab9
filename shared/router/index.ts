/**
 * The typed router. Clients import `type AppRouter` and the transformer superjson; a server makes the router with a transformer
 * that writes what superjson reads (so that it may encode an event once for many), and carries it over WebSocket and HTTP.
 * `account.*` and `cursor.*` are for the server itself and have no procedure.
 */
import type { AnyTRPCRootTypes, TRPCCombinedDataTransformer, TRPCRootConfig } from '@trpc/server'
import { admin } from './admin.ts'
import { calls } from './calls.ts'
import { conversation } from './conversation.ts'
import { lock } from './lock.ts'
import { message } from './message.ts'
import { notification } from './notification.ts'
import { presence } from './presence.ts'
import { queue } from './queue.ts'
import { schedule } from './schedule.ts'
import { sync } from './sync.ts'
import { builder, options } from './trpc.ts'
import { typing } from './typing.ts'
import { user } from './user.ts'

export interface Wire {
  readonly transformer: TRPCCombinedDataTransformer
  /** How streams over HTTP are kept alive. */
  readonly sse: NonNullable<TRPCRootConfig<AnyTRPCRootTypes>['sse']>
}

export const createRouter = ({ transformer, sse }: Wire) =>
  builder
    .create({ ...options, transformer, sse })
    .router({ user, conversation, message, lock, notification, schedule, queue, presence, typing, sync, admin, calls })

export type AppRouter = ReturnType<typeof createRouter>
