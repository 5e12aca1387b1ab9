/**
 * Everything a client may ask: the one inward vocabulary, a closed table. Routers, REST and dialects only translate to it. A row
 * gives the kind, the input, the output, the errors that the command itself may raise and its cost.
 */
import type { z } from 'zod'
import { account } from './commands/account.ts'
import { admin } from './commands/admin.ts'
import { block } from './commands/block.ts'
import { broadcast } from './commands/broadcast.ts'
import { conversation } from './commands/conversation.ts'
import { cursor } from './commands/cursor.ts'
import { live } from './commands/live.ts'
import { lock } from './commands/lock.ts'
import { message } from './commands/message.ts'
import { notification } from './commands/notification.ts'
import { presence } from './commands/presence.ts'
import { queue } from './commands/queue.ts'
import { receipt } from './commands/receipt.ts'
import { schedule } from './commands/schedule.ts'
import { search } from './commands/search.ts'
import { sync } from './commands/sync.ts'
import { user } from './commands/user.ts'
import type { ErrorCode } from './errors.ts'

export const commands = {
  ...user,
  ...account,
  ...block,
  ...conversation,
  ...message,
  ...search,
  ...receipt,
  ...queue,
  ...lock,
  ...presence,
  ...notification,
  ...schedule,
  ...broadcast,
  ...live,
  ...sync,
  ...cursor,
  ...admin,
} as const

/** What every call may meet, whatever the command. */
export const COMMON_ERRORS = [
  'INVALID_INPUT',
  'UNAUTHENTICATED',
  'RATE_LIMITED',
  'OVERLOADED',
  'UNAVAILABLE',
  'TIMEOUT',
  'INTERNAL',
] as const satisfies readonly ErrorCode[]

export type Commands = typeof commands
export type CommandName = keyof Commands
/** What a caller gives. */
export type Input<C extends CommandName> = z.input<Commands[C]['input']>
/** What a handler gets: parsed, defaults filled in. */
export type Parsed<C extends CommandName> = z.output<Commands[C]['input']>
export type Output<C extends CommandName> = z.output<Commands[C]['output']>
export type CommandsOf<K extends 'read' | 'write'> = {
  [C in CommandName]: Commands[C]['kind'] extends K ? C : never
}[CommandName]
