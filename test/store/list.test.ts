/** The laws of lists and of what a reader has hidden, for every database: mention counts, pins, and pages without gaps. */
import fc from 'fast-check'
import { beforeAll, expect, it } from 'vitest'
import type { Store, Tx } from '../../server/core/ports.ts'
import { onEachDatabase } from './databases.ts'
import { addMember, createConversation, draft, newId, removeMember } from './drafts.ts'

const USERS = ['ann', 'bob', 'cid']
const who = fc.constantFrom(...USERS)
const named = fc.record({ mentions: fc.uniqueArray(who, { maxLength: 3 }), mentionsEveryone: fc.boolean() })
const at = fc.integer({ min: 1, max: 12 })
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ act: fc.constant('send' as const), user: who, named }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('edit' as const), user: who, named, at }) },
  {
    weight: 5,
    arbitrary: fc.record({ act: fc.constantFrom('read', 'back', 'delete', 'hide', 'leave', 'join'), user: who, at }),
  },
)

/** What a naive reader knows of a message and of a member. */
interface Sent {
  readonly id: string
  readonly sender: string
  mentions: readonly string[]
  mentionsEveryone: boolean
}

onEachDatabase('lists', (opened) => {
  let store: Store
  beforeAll(() => {
    store = opened()
  })

  async function conversation(...userIds: string[]): Promise<string> {
    const id = newId()
    await createConversation(store, id, userIds)
    return id
  }
  const change = async <T>(id: string, run: (tx: Tx) => Promise<T>): Promise<T> =>
    (
      await store.write(async (tx) => {
        await tx.lock([id])
        return run(tx)
      })
    ).result
  const listed = async (userId: string, id: string) =>
    (await store.reads.conversations.list(userId, { limit: 500 })).conversations.find((one) => one.id === id)

  it('counts unread mentions as a naive recount does, whatever happens (property)', async () => {
    const runs = fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
      const id = await conversation(...USERS)
      const sent: Sent[] = []
      const marks = new Map(USERS.map((user) => [user, { joined: 0, read: 0, member: true }]))
      const names = (message: Sent, user: string) =>
        message.sender !== user && (message.mentionsEveryone || message.mentions.includes(user))
      const expected = (user: string) =>
        sent.slice(marks.get(user)?.read).filter((message) => names(message, user)).length
      for (const one of steps) {
        const { act, user } = one
        const mark = marks.get(user) ?? { joined: 0, read: 0, member: false }
        const message = 'at' in one ? sent[one.at - 1] : undefined
        if (act === 'send' && mark.member) {
          const stored = await store.send(draft(id, user, newId(), one.named))
          sent.push({ id: stored.message.id, sender: user, ...one.named })
        } else if (act === 'edit' && message) {
          await change(id, (tx) => tx.editMessage(message.id, { content: 'again', ...one.named })).catch(() => {})
          const now = await store.reads.messages.get(message.id)
          if (!now?.deletedAt) Object.assign(message, one.named)
        } else if (act === 'delete' && message) {
          await change(id, (tx) => tx.deleteMessage(message.id, message.sender))
          Object.assign(message, { mentions: [], mentionsEveryone: false })
        } else if (act === 'hide' && message) await change(id, (tx) => tx.hide(message.id, user))
        else if (act === 'leave') {
          await removeMember(store, id, user)
          mark.member = false
        } else if (act === 'join') {
          await addMember(store, id, user)
          if (!mark.member) Object.assign(mark, { joined: sent.length, read: sent.length, member: true })
        } else if (act === 'read' && mark.member) {
          const moved = await change(id, (tx) => tx.advance('read', id, user, one.at))
          mark.read = Math.max(mark.read, Math.min(one.at, sent.length))
          if (moved) expect(moved.mentions).toBe(expected(user))
        } else if (act === 'back' && mark.member) {
          const moved = await change(id, (tx) => tx.retreat(id, user, one.at))
          mark.read = Math.min(mark.read, Math.max(one.at - 1, mark.joined))
          if (moved) expect(moved.mentions).toBe(expected(user))
        }
      }
      const members = await store.reads.members.list(id, USERS)
      const present = USERS.filter((user) => marks.get(user)?.member)
      const counts = Object.fromEntries(members.map(({ userId, mentions }) => [userId, mentions]))
      expect(counts).toEqual(Object.fromEntries(present.map((user) => [user, expected(user)])))
      expect(members.filter(({ mentions, unread }) => mentions > unread)).toEqual([])
      const [someone] = present
      if (someone === undefined) return
      expect((await listed(someone, id))?.mentions).toBe(expected(someone))
      const detail = await store.reads.conversations.detail(id, someone)
      expect(detail?.members.map(({ userId, mentions }) => [userId, mentions]).sort()).toEqual(
        Object.entries(counts).sort(),
      )
    })
    const everybody = { mentions: USERS, mentionsEveryone: true }
    await fc.assert(runs, {
      numRuns: 25,
      // Named twice by one message is one mention, and none by oneself; it ends with the edit that takes it back.
      examples: [
        [[{ act: 'send', user: 'ann', named: everybody }]],
        [
          [
            { act: 'send', user: 'ann', named: everybody },
            { act: 'edit', user: 'ann', named: { mentions: ['bob'], mentionsEveryone: false }, at: 1 },
          ],
        ],
      ],
    })
  })

  it('lists pinned conversations first, each part by activity, in pages of any size', async () => {
    const user = newId()
    const ids: string[] = []
    for (let n = 0; n < 7; n++) ids.push(await conversation(user, 'bob'))
    for (const n of [2, 5, 0]) await store.send(draft(ids[n] ?? '', 'bob', newId()))
    for (const n of [1, 5, 3]) await change(ids[n] ?? '', (tx) => tx.configure(ids[n] ?? '', user, { pinned: true }))
    const order = [5, 3, 1, 0, 2, 6, 4].map((n) => ids[n])
    const { conversations } = await store.reads.snapshot(user, 500)
    expect(conversations.map(({ id }) => id)).toEqual(order)
    for (let limit = 1; limit <= 8; limit++) {
      const paged: string[] = []
      for (let after: string | undefined; ; ) {
        const page = await store.reads.conversations.list(user, { limit, after })
        paged.push(...page.conversations.map(({ id }) => id))
        if (page.next === null) break
        after = page.next
      }
      expect(paged).toEqual(order)
    }
    for (const skip of [0, 1, 3, 6, 7, 8])
      for (const limit of [2, 9]) {
        const page = await store.reads.conversations.list(user, { limit, skip })
        expect(page.conversations.map(({ id }) => id)).toEqual(order.slice(skip, skip + limit))
        expect(page.next === null).toBe(skip + limit >= order.length)
      }
    await change(ids[4] ?? '', (tx) => tx.configure(ids[4] ?? '', user, { archived: true }))
    await removeMember(store, ids[6] ?? '', user)
    const { count } = store.reads.conversations
    const wishes = [{}, { archived: true }, { archived: false }, { kind: 'group' as const }, { kind: 'room' as const }]
    expect(await Promise.all(wishes.map((which) => count(user, which)))).toEqual([6, 1, 5, 6, 0])
    for (const after of ['', 'x', '1.2', `0.x.${ids[0]}`, `2.1.${ids[0]}`, `${Date.now()}.${ids[0]}`, '0.1.'])
      await expect(store.reads.conversations.list(user, { limit: 2, after })).rejects.toMatchObject({
        code: 'INVALID_INPUT',
      })
  })

  it('leaves out what a reader has hidden: full pages, the last message, what was missed; nothing else changes', async () => {
    const [id, ann, bob] = [newId(), newId(), newId()]
    await createConversation(store, id, [ann, bob])
    const sent: string[] = []
    for (let n = 1; n <= 6; n++) sent.push((await store.send(draft(id, ann, newId()))).message.id)
    const hide = (n: number) => change(id, (tx) => tx.hide(sent[n - 1] ?? '', bob))
    expect([await hide(2), await hide(3), await hide(3), await hide(6)]).toEqual([true, true, false, true])
    const { messages } = store.reads
    const seqs = async (range: object, reader?: string) =>
      (
        await messages.range(id, {
          ...{ fromSeq: 1, toSeq: 9, limit: 3, newest: false },
          ...range,
          ...(reader !== undefined && { reader }),
        })
      ).map(({ seq }) => seq)
    expect(await seqs({}, bob)).toEqual([1, 4, 5])
    expect(await seqs({ newest: true, limit: 2 }, bob)).toEqual([4, 5])
    expect(await seqs({}, ann)).toEqual([1, 2, 3])
    expect(await seqs({})).toEqual([1, 2, 3])
    expect(await messages.ends(id, 2, bob)).toEqual({ first: 4, last: 5 })
    expect(await messages.ends(id, 1, ann)).toEqual({ first: 1, last: 6 })
    expect(await messages.ends(id, 6, bob)).toBeNull()
    expect((await messages.visible(sent[1] ?? '', bob))?.hidden).toBe(true)
    expect((await messages.visible(sent[1] ?? '', ann))?.hidden).toBe(false)
    expect(await messages.visible(sent[1] ?? '', newId())).toBeNull()
    expect((await messages.missed(bob, new Date(0), 3)).map(({ seq }) => seq)).toEqual([1, 4, 5])
    expect(await listed(bob, id)).toMatchObject({ lastMessage: null, lastSeq: 6, unread: 6 })
    expect(await listed(ann, id)).toMatchObject({ lastMessage: { seq: 6 } })
    const detail = async (reader: string) => (await store.reads.conversations.detail(id, reader))?.lastMessage?.seq
    expect([await detail(bob), await detail(ann)]).toEqual([undefined, 6])
  })

  it('lists replies, and refuses one to what its sender has hidden', async () => {
    const [id, ann, bob] = [newId(), newId(), newId()]
    await createConversation(store, id, [ann, bob])
    const send = async (sender: string, replyTo: string | null = null) =>
      (await store.send(draft(id, sender, newId(), { replyTo }))).message
    const first = await send(ann)
    const replies = [await send(bob, first.id), await send(ann, first.id), await send(bob, first.id)]
    const seqs = async (reader: string, page: object = {}) =>
      (await store.reads.messages.replies(first.id, { after: 0, limit: 9, reader, ...page })).map(({ seq }) => seq)
    expect(await seqs(ann)).toEqual([2, 3, 4])
    expect(await seqs(ann, { after: 2, limit: 1 })).toEqual([3])
    await change(id, (tx) => tx.hide(replies[1]?.id ?? '', bob))
    expect([await seqs(bob), await seqs(ann)]).toEqual([
      [2, 4],
      [2, 3, 4],
    ])
    await change(id, (tx) => tx.deleteMessage(replies[0]?.id ?? '', bob))
    expect(await seqs(ann)).toEqual([3, 4])
    expect((await store.reads.messages.get(first.id))?.replyCount).toBe(2)
    await change(id, (tx) => tx.hide(first.id, bob))
    await expect(send(bob, first.id)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect((await send(ann, first.id)).seq).toBe(5)
  })
})
