/** Which reader: a user has one for each way of following the log, and what of it. */
export interface CursorKey {
  readonly userId: string
  readonly dialect: string
  readonly scope: string
}

export interface CursorReads {
  /** The position saved last; null if none was. */
  get(key: CursorKey): Promise<number | null>
}

export interface CursorWrites {
  /** In one statement; none moves back. Of several for one key the highest counts. */
  saveCursors(cursors: readonly (CursorKey & { readonly position: number })[]): Promise<void>
}
