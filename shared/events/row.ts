import type { z } from 'zod'

/** What a row of the event table states. */
export type Row = { kind: 'durable' | 'ephemeral'; topic: 'conversation' | 'user' | 'either'; payload: z.ZodType }
