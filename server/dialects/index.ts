/** The dialects, in the order in which an undecided socket's events are offered to them. */
import { bedtimeRest } from './bedtime.rest.ts'
import { bedtime } from './bedtime.ts'
import type { Dialect } from './dialect.ts'
import { lmsRest } from './lms.rest.ts'
import { lms } from './lms.ts'
import { marketplaceRest } from './marketplace.rest.ts'
import { marketplace } from './marketplace.ts'
import { messengerRest } from './messenger.rest.ts'
import { messenger } from './messenger.ts'
import type { Group } from './rest.ts'
import { roomsRest } from './rooms.rest.ts'
import { rooms } from './rooms.ts'

export const dialects: readonly Dialect[] = [marketplace, lms, messenger, rooms, bedtime]
export const dialectNames: readonly string[] = dialects.map(({ name }) => name)

/** Their routes over HTTP. */
export const groups: readonly Group[] = [marketplaceRest, lmsRest, messengerRest, roomsRest, bedtimeRest]
