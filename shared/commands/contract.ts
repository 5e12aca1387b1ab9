/** What a row of the command table states, and the inputs that several rows share. */
import { z } from 'zod'
import type { ErrorCode } from '../errors.ts'
import { Id, Text } from '../model.ts'

export type Contract = {
  readonly kind: 'read' | 'write'
  /** Defaults, no transforms: it is parsed at the edge and again in `execute`. */
  readonly input: z.ZodType
  readonly output: z.ZodType
  /** What the command itself may raise, besides what any call may meet. */
  readonly errors: readonly ErrorCode[]
  /** Against the actor's allowance. */
  readonly cost: number
}

export const Empty = z.object({}).default({})
export const ByConversation = z.object({ conversationId: Id })
export const ByMessage = z.object({ messageId: Id })
export const limit = (max: number, usual: number) => z.number().int().min(1).max(max).default(usual)
/** Rows to leave out before the page, for clients that page by number. */
export const Skip = z.number().int().min(0).max(10_000).default(0)
export const Content = Text(10_000).min(1)
