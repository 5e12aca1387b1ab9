/** Whom a text names, against a reading of the rule letter by letter, on names and texts made to collide. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { candidates, fold, mentionsIn, type Named } from '../../server/core/mention.ts'

const PEOPLE: readonly Named[] = [
  { userId: 'u-1', name: 'Ann' },
  { userId: 'u-1b', name: 'Ann Lee' },
  { userId: 'u3', name: 'ann lee' },
  { userId: 'Bob', name: 'Ann Lee-Roth' },
  { userId: 'bob', name: 'Jürgen (HR)' },
  { userId: 'u6', name: 'ΟΔΟΣ' },
  { userId: 'u7', name: '𝔘no 日本' },
  { userId: 'u8', name: 'All Stars' },
  { userId: 'u9', name: 'Zoe (@Ann)' },
]
const WORD = /[\p{L}\p{N}\p{M}]/u
const everyone = ['everyone', 'all', 'channel']

/** Letter by letter; every name tried at every place, the longest that fits. */
function naive(text: string, people: readonly Named[], senderId: string) {
  const mentions: string[] = []
  let mentionsEveryone = false
  for (let at = 0; at < text.length; at++) {
    if (text[at] !== '@' || WORD.test([...text.slice(0, at)].at(-1) ?? '')) continue
    const fits = (length: number, said: string) => {
      const [next = ''] = text.slice(at + 1 + length)
      return said !== '' && !WORD.test(next)
    }
    let longest = 0
    let found: { ids: string[]; all: boolean } | undefined
    for (let length = 1; at + length < text.length; length++) {
      const said = text.slice(at + 1, at + 1 + length)
      if (!fits(length, said)) continue
      const all = everyone.includes(said.toLowerCase())
      const byId = people.filter(({ userId }) => userId === said)
      const byName = people.filter(({ name }) => fold(name) === fold(said))
      const ids = (byId.length > 0 ? byId : byName).map(({ userId }) => userId)
      if (all || ids.length > 0) [longest, found] = [length, { ids, all }]
    }
    if (found?.all) mentionsEveryone = true
    else for (const id of found?.ids ?? []) if (id !== senderId && !mentions.includes(id)) mentions.push(id)
    at += longest
  }
  return { mentions, mentionsEveryone }
}

const pieces = fc.oneof(
  fc.constantFrom(
    '@',
    '@',
    '@',
    ' ',
    '-',
    '.',
    'a',
    '1',
    'é',
    '\u0301',
    '😀',
    'everyone',
    'All',
    'CHANNEL',
    ' Stars',
    ' Lee',
    '-Roth',
  ),
  fc.constantFrom(...PEOPLE.flatMap(({ userId, name }) => [userId, name, `@${name}`, `@${name.toUpperCase()}`])),
)
const texts = fc.array(pieces, { maxLength: 24 }).map((parts) => parts.join(''))

test('what is named is what the rule says', () => {
  fc.assert(
    fc.property(texts, fc.subarray([...PEOPLE]), fc.constantFrom('u-1', 'bob', 'nobody'), (text, people, senderId) => {
      expect(mentionsIn(text, people, senderId)).toEqual(naive(text, people, senderId))
    }),
    { numRuns: 2_000 },
  )
})

test('all who are named are among the candidates, by id or by folded name', () => {
  fc.assert(
    fc.property(texts, (text) => {
      const asked = candidates(text)
      const folded = asked.map(fold)
      const found = PEOPLE.filter(({ userId, name }) => asked.includes(userId) || folded.includes(fold(name)))
      expect(mentionsIn(text, found, 'nobody')).toEqual(mentionsIn(text, PEOPLE, 'nobody'))
    }),
  )
})

test.each([
  ['hi @ann, and @ANN LEE-ROTH!', ['u-1', 'Bob']],
  ['@ann lee', ['u-1b', 'u3']],
  ['@Ann Leeds', ['u-1']],
  ['mail ann@ann, x@Ann, (@u-1)', ['u-1']],
  ['@Bob @bob', ['Bob', 'bob']],
  ['@jürgen (hr) and @JU\u0308RGEN (HR)', ['bob']],
  ['@οδος.α', ['u6']],
  ['@@Ann', ['u-1']],
  ['@zoe (@ann)', ['u9']],
  ['@annA @ann1 @anné', []],
])('%s names %j', (text, mentions) => {
  expect(mentionsIn(text, PEOPLE, 'me')).toEqual({ mentions, mentionsEveryone: false })
})

test('everyone by three words, in any case; a longer name comes first', () => {
  const said = (text: string) => mentionsIn(text, PEOPLE, 'me')
  for (const text of ['@everyone', 'now @ALL!', '(@channel)'])
    expect(said(text)).toEqual({ mentions: [], mentionsEveryone: true })
  expect(said('@all stars')).toEqual({ mentions: ['u8'], mentionsEveryone: false })
  expect(said('@allies, a@all')).toEqual({ mentions: [], mentionsEveryone: false })
})

test('at most 50 places of a text count, and 32 ends at each', () => {
  const crowd = Array.from({ length: 60 }, (_, n) => ({ userId: `u${n}`, name: `Name ${n}` }))
  const text = crowd.map(({ name }) => `@${name}`).join(' ')
  expect(mentionsIn(text, crowd, 'me').mentions).toEqual(crowd.slice(0, 50).map(({ userId }) => userId))
  expect(candidates('@.'.repeat(5_000)).length).toBeLessThanOrEqual(32)
})
