/** The nouns of the contract, as zod schemas with their types inferred. */
export * from './model/base.ts'
export * from './model/conversation.ts'
export * from './model/message.ts'
export * from './model/notification.ts'
export * from './model/presence.ts'
export * from './model/schedule.ts'
export * from './model/user.ts'
