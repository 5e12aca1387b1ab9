/** How far the readers of legacy dialects have come in the log, for the server's own bridge alone: no entrance has these. */
import { z } from 'zod'
import { Cursor, Id, Text } from '../model.ts'
import type { Contract } from './contract.ts'

/** A user has one for each dialect, and for each part of the log that it follows by itself (`scope`). */
const Key = z.object({ userId: Id, dialect: Text(64).min(1), scope: Text(300).min(1) })

export const cursor = {
  /** Null if none was saved. */
  'cursor.load': {
    kind: 'read',
    input: Key,
    output: z.object({ cursor: Cursor.nullable() }),
    errors: ['FORBIDDEN'],
    cost: 1,
  },
  /** None moves back; one of another history of the log is passed over. */
  'cursor.save': {
    kind: 'write',
    input: z.object({ cursors: z.array(Key.extend({ cursor: Cursor })).max(1_000) }),
    output: z.object({}),
    errors: ['FORBIDDEN'],
    cost: 1,
  },
} as const satisfies Record<string, Contract>
