/** `parley/shared`: the contract at run time (schemas and tables) and its types. The router is a type only. */
export * from './commands.ts'
export * from './errors.ts'
export * from './events.ts'
export * from './model.ts'
export type { Actor, Channel, Core, Feed, Scope, Sink } from './ports.ts'
export type { AppFailure } from './router/failure.ts'
export type { AppRouter } from './router/index.ts'
