/**
 * Whom a text names: `@` at its start or after what is no letter or digit, then a member's name or id, up to what is no letter or
 * digit again; the longest that fits. Names compare without case and may hold spaces; all who bear one are named. `@everyone`,
 * `@all` and `@channel` name all. The sender is passed over. The first 50 places count, and 32 ends of a name at each: no text
 * is dear.
 */
import type { Message } from '../../shared/model.ts'

export interface Named {
  readonly userId: string
  readonly name: string
}
export type Mentions = Pick<Message, 'mentions' | 'mentionsEveryone'>

export const NOBODY: Mentions = { mentions: [], mentionsEveryone: false }

const MOST_PLACES = 50
const MOST_ENDS = 32
/** No name or id is longer. */
const MOST_UNITS = 200
const EVERYONE = new Set(['everyone', 'all', 'channel'])
const PLACE = /(?<![\p{L}\p{N}\p{M}])@/gu
const END = /(?<=.)(?![\p{L}\p{N}\p{M}])/gsu

/** How names compare: a capital Σ at the end of a word becomes another small letter than elsewhere. */
export const fold = (name: string): string => name.normalize('NFC').toLowerCase().replaceAll('ς', 'σ')

interface Place {
  readonly start: number
  /** What may be a name there, longest first. */
  readonly readings: readonly string[]
}

function places(text: string): Place[] {
  const found: Place[] = []
  for (const { index } of text.matchAll(PLACE)) {
    const start = index + 1
    const after = text.slice(start, start + MOST_UNITS + 1)
    const readings: string[] = []
    for (const end of after.matchAll(END)) {
      if (end.index <= MOST_UNITS) readings.unshift(after.slice(0, end.index))
      if (readings.length === MOST_ENDS) break
    }
    found.push({ start, readings })
    if (found.length === MOST_PLACES) break
  }
  return found
}

/** All that may be a name or an id in a text. */
export const candidates = (text: string): string[] => [...new Set(places(text).flatMap(({ readings }) => readings))]

/** Whom of `people` the text names. */
export function mentionsIn(text: string, people: readonly Named[], senderId: string): Mentions {
  const bearers = new Map<string, string[]>()
  for (const { userId, name } of people) {
    const known = bearers.get(fold(name))
    if (known) known.push(userId)
    else bearers.set(fold(name), [userId])
  }
  const ids = new Set(people.map(({ userId }) => userId))
  const named = new Set<string>()
  let mentionsEveryone = false
  let from = 0
  for (const { start, readings } of places(text)) {
    // Inside of a name that was found.
    if (start < from) continue
    for (const reading of readings) {
      const folded = fold(reading)
      const everyone = EVERYONE.has(folded)
      const bearing = ids.has(reading) ? [reading] : (bearers.get(folded) ?? [])
      if (!everyone && bearing.length === 0) continue
      if (everyone) mentionsEveryone = true
      else for (const userId of bearing) if (userId !== senderId && named.size < MOST_PLACES) named.add(userId)
      from = start + reading.length
      break
    }
  }
  return { mentions: [...named], mentionsEveryone }
}
