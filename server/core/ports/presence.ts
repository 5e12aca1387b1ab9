/** What presence asks of the store, and what nodes tell each other of it. */
import type { CustomStatus, Status } from '../../../shared/model.ts'

/** A user as presence knows them, at one moment of the database. */
export interface Person {
  readonly userId: string
  readonly role: string
  readonly schoolId: string | null
  readonly classIds: readonly string[]
  /** What they have chosen; a custom status that has expired is null. */
  readonly status: Status
  readonly custom: CustomStatus | null
  /** Until the custom status expires, ms, at the time of reading; null if it does not. */
  readonly customLeftMs: number | null
  readonly lastSeenAt: Date | null
  readonly conversationIds: readonly string[]
  /** When it was read, seconds by the database's clock: of two, the higher one is newer. */
  readonly readAt: number
}

export interface PresenceReads {
  /** Those who exist, in no order. */
  people(userIds: readonly string[]): Promise<Person[]>
  /**
   * As above, with those conversations alone that `viewerId` is a member of too; `blocked`: there is a block between the two,
   * in either direction.
   */
  peopleFor(viewerId: string, userIds: readonly string[]): Promise<(Person & { readonly blocked: boolean })[]>
}

export interface PresenceWrites {
  /** What is given changes. Whoever becomes invisible was last seen now. */
  choose(
    userId: string,
    choice: { readonly status?: Status | undefined; readonly custom?: CustomStatus | null | undefined },
  ): Promise<Pick<Person, 'status' | 'custom'>>
  /** They were last seen now, but for those who are invisible: nobody saw them. */
  seen(userIds: readonly string[]): Promise<void>
}

/**
 * What a node tells the others. Messages of one node come in their order; `seq` counts them, so that a lost one is noticed by
 * the next. `people`: these users as read just now, and whether they are connected there; with `all`, everybody who is.
 * `away`: the last connection of the user there has gone, and whether they come back is waited for; `back`: they have.
 * `beat`: the node lives. `ask`: it needs to know who is where, so everybody answers with `all`. `left`: it stops.
 */
export type PresenceNews = { readonly node: string; readonly seq: number } & PresenceSaid
export type PresenceSaid =
  | {
      readonly kind: 'people'
      readonly all: boolean
      readonly people: readonly { readonly person: Person; readonly here: boolean }[]
    }
  | { readonly kind: 'away' | 'back'; readonly userId: string }
  | { readonly kind: 'beat' | 'ask' | 'left' }
