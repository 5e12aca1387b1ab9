/** The laws of search, for every database it runs on: against a plain filter, whatever the index has taken up so far. */
import fc from 'fast-check'
import { beforeAll, expect, it } from 'vitest'
import type { Store } from '../../server/core/ports.ts'
import { onEachDatabase } from './databases.ts'
import { addMember, createConversation, draft, newId, text } from './drafts.ts'

type Wish = Parameters<Store['reads']['searches']['find']>[0]

const WORDS = ['red', 'reddish', 'blue', 'bluebell', 'Green', 'çok']
const word = fc.constantFrom(...WORDS)
/** What a message says. */
const content = fc.array(word, { minLength: 1, maxLength: 4 }).map((words) => words.join(' '))

interface Term {
  readonly words: readonly string[]
  readonly not: boolean
}
const term = fc.record({ words: fc.array(word, { minLength: 1, maxLength: 2 }), not: fc.boolean() })
/** Any of these, all of the terms of it. */
const question = fc.array(fc.array(term, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 2 })

const typed = (groups: readonly (readonly Term[])[]) =>
  groups
    .map((terms) =>
      terms
        .map(({ words, not }) => (not ? '-' : '') + (words.length > 1 ? `"${words.join(' ')}"` : words[0]))
        .join(' '),
    )
    .join(' or ')

function says(message: string, groups: readonly (readonly Term[])[]): boolean {
  const said = message.toLowerCase().split(' ')
  return groups.some((terms, group) =>
    terms.every(({ words, not }, at) => {
      const last = group === groups.length - 1 && at === terms.length - 1 && words.length === 1 && !not
      const wanted = words.map((each) => each.toLowerCase())
      const there = said.some((_, from) =>
        wanted.every((each, n) => (last ? said[from + n]?.startsWith(each) : said[from + n] === each)),
      )
      return there !== not
    }),
  )
}

export const erase = (store: Store, id: string, conversationId: string) =>
  store.write(async (tx) => {
    await tx.lock([conversationId])
    const message = await tx.deleteMessage(id, 'ann')
    tx.append({
      ...{ name: 'message.deleted', topic: `conversation:${conversationId}`, actorId: null, origin: null },
      payload: { message },
    })
  })

type Step =
  | { readonly kind: 'send' | 'edit'; readonly which: number; readonly content: string }
  | { readonly kind: 'delete'; readonly which: number }
  | { readonly kind: 'index'; readonly limit: number }
const which = fc.nat(50)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('send' as const), which, content }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('edit' as const), which, content }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const), which }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('index' as const), limit: fc.constantFrom(1, 2, 1_000) }) },
)

export const searching = () =>
  onEachDatabase('search', (opened, database) => {
    const numRuns = database === 'embedded' ? 10 : 50
    let store: Store
    beforeAll(() => {
      store = opened()
    })

    const find = (userId: string, query: string, more: Partial<Wish> = {}) =>
      store.reads.searches.find({
        ...{ userId, query, conversationId: null, senderId: null, before: null, limit: 50 },
        ...more,
      })
    const found = async (userId: string, query: string, more: Partial<Wish> = {}) =>
      (await find(userId, query, more)).map(({ message }) => message.id)
    async function upToDate() {
      while ((await store.index(1_000)) !== 'done');
    }
    const edit = (id: string, conversationId: string, to: string) =>
      store.write(async (tx) => {
        await tx.lock([conversationId])
        const message = await tx.editMessage(id, text(to))
        tx.append({
          ...{ name: 'message.updated', topic: `conversation:${conversationId}`, actorId: null, origin: null },
          payload: { message },
        })
      })

    it('finds what a plain filter finds, newest first, however far the index is', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(step, { minLength: 3, maxLength: 14 }),
          fc.array(question, { minLength: 3, maxLength: 3 }),
          async (steps, questions) => {
            const conversationId = newId()
            const ann = `ann ${conversationId}`
            await createConversation(store, conversationId, [ann])
            const said: { id: string; content: string | null }[] = []
            for (const each of steps) {
              if (each.kind === 'index') await store.index(each.limit)
              else if (each.kind === 'send') {
                const sent = await store.send(draft(conversationId, ann, newId(), { content: each.content }))
                said.push({ id: sent.message.id, content: each.content })
              } else {
                const one = said[each.which % Math.max(said.length, 1)]
                if (!one || one.content === null) continue
                one.content = each.kind === 'edit' ? each.content : null
                if (one.content === null) await erase(store, one.id, conversationId)
                else await edit(one.id, conversationId, one.content)
              }
            }
            for (const groups of questions) {
              const expected = said
                .filter((one) => one.content !== null && says(one.content, groups))
                .map(({ id }) => id)
                .reverse()
              expect(await found(ann, typed(groups)), typed(groups)).toEqual(expected)
            }
          },
        ),
        { numRuns },
      )
    })

    it('takes no text for an expression: what was typed is words, or nothing', async () => {
      const id = newId()
      const ann = `ann ${id}`
      await createConversation(store, id, [ann])
      const sent = await store.send(
        draft(id, ann, newId(), { content: "Bobby'; drop table it's List<String> yes/no naïve 東京 café foo-bar" }),
      )
      const hit = [sent.message.id]
      const nasty = [
        "'; drop table",
        "'",
        '"',
        '\\',
        "\\'",
        ':*',
        '<->',
        'drop <-> table',
        '!!',
        '&|!()',
        '-',
        '%',
        '$1',
        '👍',
      ]
      const words = [
        'bobby',
        'table it',
        '"drop table"',
        "it's",
        'string',
        'list<str',
        'YES',
        'no',
        'yes/no',
        'NAÏVE',
        '東京',
        'caf',
        'foo-bar',
        'bar',
        '"yes no"',
      ]
      for (const state of ['from the log', 'from the index']) {
        if (state === 'from the index') await upToDate()
        for (const query of words) expect(await found(ann, query), `${query} ${state}`).toEqual(hit)
        for (const query of nasty) {
          const expected = /[a-z]/.test(query) ? hit : []
          expect(await found(ann, query), `${query} ${state}`).toEqual(expected)
        }
        expect(await found(ann, `${id}`)).toEqual([])
      }
    })

    it('looks into all conversations of the user, many as they are, and no other; by sender or conversation if asked', async () => {
      const run = newId()
      const [ann, bob] = [`ann ${run}`, `bob\\'"${run}`]
      const ids: string[] = []
      const sent: { id: string; place: string; by: string }[] = []
      for (let n = 0; n < 40; n++) {
        // Ids are opaque: these would end a lexeme that is not quoted.
        const place = `${run} it's \\${n}`
        ids.push(place)
        await createConversation(store, place, n % 4 === 3 ? [bob] : [ann, bob])
        for (const by of n % 4 === 3 ? [bob] : [ann, bob]) {
          const { message } = await store.send(draft(place, by, newId(), { content: `lantern ${n}` }))
          sent.push({ id: message.id, place, by })
        }
      }
      const expected = (filter: (one: (typeof sent)[number]) => boolean) =>
        sent
          .filter(filter)
          .map(({ id }) => id)
          .reverse()
      const of = (place: string) => ids.indexOf(place) % 4 !== 3
      for (const state of ['from the log', 'from the index']) {
        if (state === 'from the index') await upToDate()
        const all = { limit: 100 }
        expect(await found(ann, 'lantern', all), state).toEqual(expected(({ place }) => of(place)))
        expect(await found(bob, 'lantern', all), state).toEqual(expected(() => true))
        expect(await found(ann, 'lantern', { ...all, senderId: bob }), state).toEqual(
          expected(({ place, by }) => of(place) && by === bob),
        )
        const conversationId = ids[5] ?? ''
        expect(await found(ann, 'lantern', { ...all, conversationId }), state).toEqual(
          expected(({ place }) => place === conversationId),
        )
        expect(await found(ann, 'lantern', { ...all, conversationId: ids[3] ?? '' }), state).toEqual([])
      }
    })

    it('reaches old messages by the index, and the newest of those that wait for it', async () => {
      await upToDate()
      const id = newId()
      const ann = `ann ${id}`
      await createConversation(store, id, [ann])
      const say = (content: string) => store.send(draft(id, ann, newId(), { content }))
      const old = await say('sparrow in the index')
      await upToDate()
      const early = await say('sparrow not in the index')
      await Promise.all(Array.from({ length: 2_000 }, (_, n) => say(`${n}`)))
      const late = await say('sparrow among the newest')
      const newestFirst = [late, early, old].map(({ message }) => message.id)
      expect(await found(ann, 'sparrow')).toEqual([newestFirst[0], newestFirst[2]])
      expect(await store.index(1)).toBe('more')
      await upToDate()
      expect(await found(ann, 'sparrow')).toEqual(newestFirst)
    })

    it('takes long texts up in short pages, and leaves none out', async () => {
      await upToDate()
      const id = newId()
      const ann = `ann ${id}`
      await createConversation(store, id, [ann])
      const long = `walrus ${'or seal '.repeat(1_200)}`
      await Promise.all(Array.from({ length: 15 }, (_, n) => store.send(draft(id, ann, `${n}`, { content: long }))))
      await addMember(store, id, `bob ${id}`)
      expect(await store.index(1_000)).toBe('more')
      await upToDate()
      expect(await found(ann, 'walrus')).toHaveLength(15)
    })

    it('indexes once, whoever asks, and an edit is not overtaken by an older state', async () => {
      const id = newId()
      const ann = `ann ${id}`
      await createConversation(store, id, [ann])
      const sent = await Promise.all(
        Array.from({ length: 30 }, (_, n) => store.send(draft(id, ann, `${n}`, { content: `before ${n}` }))),
      )
      let done = false
      const nodes = [1, 2, 3].map(async () => {
        while (!done) await store.index(3)
      })
      for (const { message } of sent) await edit(message.id, id, `after ${message.clientId}`)
      done = true
      await Promise.all(nodes)
      await upToDate()
      expect(await store.index(1_000)).toBe('done')
      expect(await found(ann, 'before')).toEqual([])
      expect(await found(ann, 'after')).toHaveLength(30)
    })
  })
