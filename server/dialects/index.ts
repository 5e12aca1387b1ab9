/** The dialects, in the order in which an undecided socket's events are offered to them. */
import type { Dialect } from './dialect.ts'
import { marketplace } from './marketplace.ts'
import { rooms } from './rooms.ts'

export const dialects: readonly Dialect[] = [marketplace, rooms]
export const dialectNames: readonly string[] = dialects.map(({ name }) => name)
