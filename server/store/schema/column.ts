/** Types of columns. Ids are compared by bytes, times have milliseconds, int8 is read as a number. */
import { bigint, customType, timestamp } from 'drizzle-orm/pg-core'

export const id = customType<{ data: string }>({ dataType: () => 'text collate "C"' })
export const at = (name: string) => timestamp(name, { withTimezone: true, precision: 3 })
export const int8 = (name: string) => bigint(name, { mode: 'number' })
/** Lexemes for full-text search. */
export const tsvector = customType<{ data: string }>({ dataType: () => 'tsvector' })
