/** The laws of the store, for every database it runs on. */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { LockFilter, Sent, Store, Tx } from '../../server/core/ports.ts'
import type { StoreOptions } from '../../server/store/store.ts'
import type { Durable } from '../../shared/events.ts'
import { addMember, checkGapless, createConversation, draft, newId, notice, removeMember, text } from './drafts.ts'

const textOf = (event: Durable) => (event.name === 'message.created' ? event.payload.message.clientId : event.name)

export function contract(
  name: string,
  skip: boolean,
  open: (options?: StoreOptions) => Promise<Store>,
  close: () => Promise<void>,
): void {
  describe.skipIf(skip)(name, () => {
    let store: Store
    beforeAll(async () => {
      store = await open()
    })
    afterAll(async () => {
      await store?.close()
      await close()
    })

    async function conversation(...userIds: string[]): Promise<string> {
      const id = newId()
      await createConversation(store, id, userIds)
      return id
    }

    it('makes the notifications of a send with it: for members, once for a cause, as wished, filled from the message', async () => {
      const id = newId()
      const [ann, bob, cid, dan] = [`ann${id}`, `bob${id}`, `cid${id}`, `dan${id}`]
      await createConversation(store, id, [ann, bob, cid])
      await store.write((tx) => tx.upsertUser({ id: dan }))
      const message = draft(id, ann, 'c1', { mentions: [bob], mentionsEveryone: true, content: 'see you at eight' })
      const about = (userId: string) =>
        notice(userId, `message:${message.id}`, { messageId: message.id, conversationId: id })
      const sent = await store.send({ ...message, notifications: [about(bob), about(bob), about(cid), about(dan)] })
      expect(sent.message).toMatchObject({ mentions: [bob], mentionsEveryone: true })
      expect(sent.notified.map(({ position }) => position)).toEqual([
        (sent.position ?? 0) + 1,
        (sent.position ?? 0) + 2,
      ])
      const page = await store.log.page({ userId: bob }, (sent.position ?? 0) - 1, 10)
      expect(page.events.map(({ name }) => name)).toEqual(['message.created', 'notification.created'])
      const body = (events: readonly Durable[]) =>
        events.flatMap(({ payload }) => ('notification' in payload ? [payload.notification.body] : []))
      expect(body(sent.notified)).toEqual(['see you at eight', 'see you at eight'])
      expect(body(page.events)).toEqual(['see you at eight'])
      expect((await store.send({ ...message, notifications: [about(cid)] })).notified).toEqual([])
      await store.write((tx) => tx.deleteMessage(message.id, ann))
      expect(body((await store.log.page({ userId: bob }, sent.position ?? 0, 10)).events)).toEqual([''])
      const { events } = await store.write((tx) =>
        tx.notify([notice(bob, 'x'), notice(bob, 'x'), notice('nobody', 'x')], null),
      )
      expect(body(events)).toEqual(['hello'])
      await checkGapless(store, [id])
    })

    it('gives gapless seq and position to concurrent sends and writes, in order by sender', async () => {
      const ids = await Promise.all(['a', 'b', 'c'].map(() => conversation('ann', 'bob')))
      const sends: Promise<Sent>[] = []
      const writes: Promise<unknown>[] = []
      for (let n = 0; n < 60; n++) {
        for (const id of ids) for (const user of ['ann', 'bob']) sends.push(store.send(draft(id, user, `${user} ${n}`)))
        if (n % 10 === 0) {
          await sends.at(-1)
          writes.push(...ids.map((id) => addMember(store, id, `guest ${n}`)))
        }
      }
      const sent = await Promise.all(sends)
      await Promise.all(writes)
      await checkGapless(store, ids)
      expect(new Set(sent.map(({ position }) => position)).size).toBe(sends.length)
      for (const id of ids)
        for (const user of ['ann', 'bob']) {
          const own = sent.filter(({ message }) => message.conversationId === id && message.senderId === user)
          expect(own.map(({ message }) => message.seq)).toEqual(
            own.map(({ message }) => message.seq).sort((a, b) => a - b),
          )
          expect(own.map(({ message }) => message.clientId)).toEqual(own.map((_, n) => `${user} ${n}`))
        }
    })

    it('answers a known clientId with the first message as it is now, also to a removed sender', async () => {
      const id = await conversation('ann', 'bob')
      const first = await store.send(draft(id, 'ann', 'once'))
      expect(first.position).not.toBeNull()
      await store.write((tx) => tx.editMessage(first.message.id, text('edited')))
      await removeMember(store, id, 'ann')
      const again = await store.send(draft(id, 'ann', 'once', { content: 'other words' }))
      expect(again).toMatchObject({ position: null, message: { id: first.message.id, seq: 1, content: 'edited' } })
      await expect(store.send(draft(id, 'ann', 'new'))).rejects.toMatchObject({ code: 'FORBIDDEN' })
      await expect(store.send(draft(id, 'zoe', 'new'))).rejects.toMatchObject({ code: 'FORBIDDEN' })
      await expect(store.send(draft('nowhere', 'ann', 'new'))).rejects.toMatchObject({ code: 'NOT_FOUND' })
      expect((await store.send(draft(id, 'bob', 'once'))).message.seq).toBe(2)
      await checkGapless(store, [id])
    })

    it('stores what is sent twice at once only once', async () => {
      const id = await conversation('ann')
      const drafts = Array.from({ length: 20 }, (_, n) => draft(id, 'ann', `twice ${n % 5}`))
      const sent = await Promise.all(drafts.map((one) => store.send(one)))
      expect(new Set(sent.map(({ message }) => message.id)).size).toBe(5)
      expect(sent.filter(({ position }) => position !== null)).toHaveLength(5)
      await checkGapless(store, [id])
    })

    it('keeps every text and metadata as it was given', async () => {
      const id = await conversation('ann')
      const text = fc
        .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
        .filter((value) => !value.includes('\u0000'))
      await fc.assert(
        fc.asyncProperty(text, fc.dictionary(fc.constantFrom('a', 'b "q"', 'c\\'), text), async (content, metadata) => {
          const { message } = await store.send(draft(id, 'ann', newId(), { content, metadata, origin: content }))
          const stored = await store.reads.messages.get(message.id)
          expect(stored).toEqual(message)
          expect(stored).toMatchObject({ content, metadata })
        }),
        {
          numRuns: 60,
          examples: [
            ['NULL', {}],
            ['{"a",b}\\', { a: '\n\t"' }],
            ['null', { a: '' }],
          ],
        },
      )
    })

    it('fails one bad draft and none of its neighbours', async () => {
      const id = await conversation('ann')
      const { message } = await store.send(draft(id, 'ann', 'first'))
      const others = Array.from({ length: 30 }, (_, n) => draft(id, 'ann', `fine ${n}`))
      const bad = draft(id, 'ann', 'bad', { id: message.id })
      const unanswerable = draft(id, 'ann', 'reply', { replyTo: 'nothing' })
      const answers = await Promise.allSettled(
        [...others.slice(0, 11), bad, ...others.slice(11), unanswerable].map((one) => store.send(one)),
      )
      const refused = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason.code] : []))
      expect(refused).toEqual(['INTERNAL', 'NOT_FOUND'])
      const kept = await store.reads.messages.range(id, { fromSeq: 2, toSeq: 99, limit: 99, newest: false })
      expect(kept.map(({ clientId }) => clientId)).toEqual(others.map(({ clientId }) => clientId))
      await checkGapless(store, [id])
    })

    it('replays to a member what happened while they were one, both ends included', async () => {
      const id = await conversation('ann', 'bob')
      await store.send(draft(id, 'ann', 'one'))
      await removeMember(store, id, 'bob')
      await store.send(draft(id, 'ann', 'two'))
      await addMember(store, id, 'bob')
      await store.send(draft(id, 'ann', 'three'))
      await addMember(store, id, 'cid')
      const replay = async (userId: string, after = 0) => {
        const { events } = await store.log.page({ userId, only: { conversationId: id } }, after, 100)
        return events.map(textOf)
      }
      expect(await replay('ann')).toEqual([
        ...['conversation.created', 'one', 'member.removed', 'two', 'member.added', 'three', 'member.added'],
      ])
      expect(await replay('bob')).toEqual([
        'conversation.created',
        'one',
        'member.removed',
        'member.added',
        'three',
        'member.added',
      ])
      expect(await replay('cid')).toEqual(['member.added'])
      expect(await replay('dan')).toEqual([])
      const { events } = await store.log.page({ userId: 'ann', only: { conversationId: id } }, 0, 100)
      const at = (index: number) => events[index]?.position ?? 0
      const isMember = async (position: number) => (await store.log.memberships('bob', position)).includes(id)
      expect(await Promise.all([at(0) - 1, at(0), at(1), at(2), at(3), at(4), at(6)].map(isMember))).toEqual([
        ...[false, true, true, false, false, true, true],
      ])
    })

    it('joins and leaves within one write in the order of its events', async () => {
      const id = await conversation('ann', 'bob')
      const topic = `conversation:${id}` as const
      await store.write(async (tx) => {
        await tx.lock([id])
        await tx.removeMember(id, 'bob')
        const event = { topic, actorId: null, origin: null }
        tx.append({ ...event, name: 'member.removed', payload: { conversationId: id, userId: 'bob', reason: 'left' } })
        const members = await tx.addMembers(id, ['bob'], 'member')
        tx.append({ ...event, name: 'member.added', payload: { conversationId: id, members } })
      })
      const { position } = await store.log.tail()
      const isMember = async (at: number) => (await store.log.memberships('bob', at)).includes(id)
      expect(await Promise.all([position - 2, position - 1, position].map(isMember))).toEqual([true, false, true])
    })

    it('pages through everything of a user without loss or repetition, whatever the size of the pages', async () => {
      const user = newId()
      const ids = await Promise.all([1, 2, 3].map(() => conversation(user, 'ann')))
      await Promise.all(Array.from({ length: 40 }, (_, n) => store.send(draft(ids[n % 3] ?? '', 'ann', `page ${n}`))))
      await store.write(async (tx) => {
        const { user: changed } = await tx.upsertUser({ id: user, name: 'New name' })
        const { id, name, role, avatar } = changed
        const payload = { profile: { id, name, role, avatar }, active: true }
        tx.append({ name: 'user.updated', topic: `user:${user}`, actorId: user, origin: null, payload })
      })
      await store.write(async (tx) => {
        const at = await tx.view(ids[0] ?? '', user)
        tx.append({
          name: 'conversation.viewed',
          topic: `user:${user}`,
          actorId: user,
          origin: 'c',
          payload: { conversationId: ids[0] ?? '', userId: user, at },
        })
      })
      const whole = await store.log.page({ userId: user }, 0, 1_000)
      expect(whole.events).toHaveLength(45)
      expect(whole.events.at(-1)?.payload).toMatchObject({ at: expect.any(Date) })
      for (const size of [1, 7, 45, 46]) {
        const events: Durable[] = []
        let after = 0
        for (let full = true; full; ) {
          const page = await store.log.page({ userId: user }, after, size)
          events.push(...page.events)
          expect(page.upTo).toBeGreaterThanOrEqual(after)
          after = page.upTo
          full = page.events.length === size
        }
        expect(events).toEqual(whole.events)
        expect(after).toBe((await store.log.tail()).position)
      }
      const own = await store.log.page({ userId: user, only: 'own' }, 0, 1_000)
      expect(own.events.length).toBeGreaterThan(0)
      expect(own.events).toEqual(whole.events.filter(({ topic }) => topic === `user:${user}`))
    })

    it('never brings deleted text back', async () => {
      const id = await conversation('ann')
      const { message } = await store.send(draft(id, 'ann', 'secret', { content: 'secret', metadata: { secret: 1 } }))
      await store.write(async (tx) => {
        await tx.lock([id])
        const edited = await tx.editMessage(message.id, text('secret too'))
        tx.append({
          name: 'message.updated',
          topic: `conversation:${id}`,
          actorId: 'ann',
          origin: null,
          payload: { message: edited },
        })
      })
      const { events: live } = await store.write(async (tx) => {
        await tx.lock([id])
        const deleted = await tx.deleteMessage(message.id, 'ann')
        tx.append({
          name: 'message.deleted',
          topic: `conversation:${id}`,
          actorId: 'ann',
          origin: null,
          payload: { message: deleted },
        })
      })
      const { events } = await store.log.page({ userId: 'ann', only: { conversationId: id } }, 0, 10)
      expect(events.map(({ name }) => name)).toEqual([
        'conversation.created',
        'message.created',
        'message.updated',
        'message.deleted',
      ])
      expect(JSON.stringify(events)).not.toContain('secret too')
      expect(events.at(-1)).toEqual(live[0])
      expect(events[1]?.payload).toMatchObject({ message: { content: '', metadata: null, deletedBy: 'ann' } })
    })

    it('keeps what a message said before each edit, until it is deleted', async () => {
      const id = await conversation('ann')
      const { message } = await store.send(draft(id, 'ann', 'edited', { content: 'one' }))
      expect(message).toMatchObject({ version: 1, reactions: [] })
      const edit = (content: string) =>
        store.write(async (tx) => {
          await tx.lock([id])
          return tx.editMessage(message.id, text(content))
        })
      const { result: second } = await edit('two')
      const { result: third } = await edit('three')
      expect([second.version, third.version]).toEqual([2, 3])
      const versions = [
        { version: 1, content: 'one', writtenAt: message.createdAt },
        { version: 2, content: 'two', writtenAt: second.editedAt },
      ]
      expect(await store.reads.messages.versions(message.id, 0, 9)).toEqual(versions)
      expect(await store.reads.messages.versions(message.id, 0, 1)).toEqual(versions.slice(0, 1))
      expect(await store.reads.messages.versions(message.id, 1, 9)).toEqual(versions.slice(1))
      await store.write((tx) => tx.deleteMessage(message.id, 'ann'))
      await expect(edit('four')).rejects.toMatchObject({ code: 'NOT_FOUND' })
      expect(await store.reads.messages.versions(message.id, 0, 9)).toEqual([])
    })

    it('fills every read of a message with its reactions, bounded, until it is deleted', async () => {
      const user = newId()
      const id = await conversation(user, 'bob')
      const { message } = await store.send(draft(id, 'bob', 'liked'))
      const react = async (userId: string, reaction: string, on = true) =>
        (await store.write((tx) => tx.react(message.id, userId, reaction, on))).result
      const fans = Array.from({ length: 12 }, (_, n) => `fan ${String(n).padStart(2, '0')}`)
      for (const [index, fan] of fans.entries())
        expect(await react(fan, '❤️')).toEqual({ changed: true, count: index + 1 })
      expect(await react('fan 03', '❤️')).toEqual({ changed: false, count: 12 })
      expect(await react('fan 03', '"ok"')).toEqual({ changed: true, count: 1 })
      expect(await react('fan 00', '❤️', false)).toEqual({ changed: true, count: 11 })
      expect(await react('fan 00', '❤️', false)).toEqual({ changed: false, count: 11 })

      const everywhere = async () => {
        const { messages, conversations, snapshot } = store.reads
        const { events } = await store.log.page({ userId: user, only: { conversationId: id } }, 0, 9)
        const range = { fromSeq: 1, toSeq: 9, limit: 9 }
        return [
          await messages.get(message.id),
          await messages.byClientId(id, 'bob', 'liked'),
          ...(await messages.range(id, { ...range, newest: true })),
          ...(await messages.range(id, { ...range, newest: false })),
          ...(await messages.missed(user, new Date(0), 9)),
          (await store.send(draft(id, 'bob', 'liked'))).message,
          (await conversations.detail(id, user))?.lastMessage,
          (await conversations.list(user, { limit: 1 })).conversations[0]?.lastMessage,
          (await snapshot(user, 1)).conversations[0]?.lastMessage,
          ...events.flatMap((event) => (event.name === 'message.created' ? [event.payload.message] : [])),
        ]
      }
      const liked = [
        { reaction: '❤️', count: 11, userIds: fans.slice(1, 11) },
        { reaction: '"ok"', count: 1, userIds: ['fan 03'] },
      ]
      expect(await everywhere()).toEqual(Array(10).fill({ ...message, reactions: liked }))
      const { result: edited } = await store.write((tx) => tx.editMessage(message.id, text('better')))
      expect(edited.reactions).toEqual(liked)
      const { result: deleted } = await store.write((tx) => tx.deleteMessage(message.id, 'bob'))
      expect(deleted.reactions).toEqual([])
      expect(await everywhere()).toEqual(Array(10).fill(deleted))
    })

    it('refuses a reply to what its sender may not see like one to nothing, and keeps its neighbours', async () => {
      const id = await conversation('ann')
      const { message: old } = await store.send(draft(id, 'ann', 'old'))
      await addMember(store, id, 'bob')
      const reply = (userId: string, clientId: string, replyTo = old.id) =>
        store.send(draft(id, userId, clientId, { replyTo })).then(
          ({ message }) => message.replyTo,
          (error) => `${error.code}: ${error.message}`,
        )
      expect(await reply('bob', 'while visible')).toBe(old.id)
      await store.write((tx) => tx.updateConversation(id, { historyVisible: false }))
      const nothing = await reply('bob', 'to nothing', 'nothing')
      expect(nothing).toMatch(/^NOT_FOUND/)
      const { message: newer } = await store.send(draft(id, 'ann', 'newer'))
      const answers = [
        reply('ann', 'her own'),
        reply('bob', 'hidden'),
        store.send(draft(id, 'bob', 'plain')).then(({ message }) => message.replyTo),
        reply('bob', 'visible', newer.id),
        reply('bob', 'while visible'),
        reply('zoe', 'no member'),
      ]
      expect(await Promise.all(answers)).toEqual([
        ...[old.id, nothing, null, newer.id, old.id],
        expect.stringMatching(/^FORBIDDEN/),
      ])
      await checkGapless(store, [id])
    })

    it('publishes from a write exactly what is replayed', async () => {
      const id = newId()
      const { events: live } = await createConversation(store, id, ['ann', 'bob'])
      const { events } = await store.log.page({ userId: 'ann', only: { conversationId: id } }, 0, 10)
      expect(events).toEqual(live)
    })

    it('leaves nothing of a write that throws, and refuses its session afterwards', async () => {
      const before = await store.log.tail()
      const id = newId()
      let leaked: Promise<unknown> = Promise.resolve()
      const failure = new Error('changed my mind')
      const attempt = store.write(async (tx) => {
        await tx.createConversation({
          ...{
            id,
            kind: 'room',
            title: null,
            context: null,
            historyVisible: true,
            joinPolicy: 'open',
            createdBy: 'ann',
            pair: null,
          },
        })
        const payload = { conversation: await tx.conversations.get(id), members: [] }
        if (payload.conversation)
          tx.append({
            name: 'conversation.created',
            topic: `conversation:${id}`,
            actorId: null,
            origin: null,
            payload: { conversation: payload.conversation, members: [] },
          })
        leaked = new Promise((resolve) =>
          setImmediate(() => resolve(tx.conversations.get(id).catch((error: unknown) => error))),
        )
        throw failure
      })
      await expect(attempt).rejects.toBe(failure)
      expect(await leaked).toBeInstanceOf(Error)
      expect(await store.reads.conversations.get(id)).toBeNull()
      expect(await store.log.tail()).toEqual(before)
    })

    it('finds the one direct conversation of two users, however often it is created at once', async () => {
      const [a, b] = [newId(), newId()]
      const attempts = await Promise.allSettled(
        Array.from({ length: 8 }, (_, n) => createConversation(store, newId(), n % 2 ? [a, b] : [b, a], 'direct')),
      )
      expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      const found = await store.reads.conversations.direct(b, a)
      expect(found).toMatchObject({ kind: 'direct' })
      expect((await store.reads.conversations.list(a, { limit: 5 })).conversations).toMatchObject([
        { id: found?.id, peer: { id: b } },
      ])
    })

    it('lists conversations by activity in pages, and takes the snapshot of one moment', async () => {
      const user = newId()
      const ids: string[] = []
      for (let n = 0; n < 7; n++) ids.push(await conversation(user, 'bob'))
      // Rising: of two within a millisecond the later id comes first.
      const busy = [0, 2, 4].map((index) => ids[index] ?? '')
      for (const id of busy) await store.send(draft(id, 'bob', newId()))
      const order = [...busy].reverse().concat(ids.filter((id) => !busy.includes(id)).reverse())
      const whole = await store.reads.snapshot(user, 500)
      expect(whole.conversations.map(({ id }) => id)).toEqual(order)
      expect(whole.conversations.map(({ unread }) => unread)).toEqual([1, 1, 1, 0, 0, 0, 0])
      expect(whole.conversations[0]?.lastMessage?.senderId).toBe('bob')
      expect(whole).toMatchObject({ next: null, position: (await store.log.tail()).position })
      const paged: string[] = []
      for (let after: string | undefined; ; ) {
        const page = await store.reads.conversations.list(user, { after, limit: 2 })
        paged.push(...page.conversations.map(({ id }) => id))
        if (page.next === null) break
        after = page.next
      }
      expect(paged).toEqual(order)
      expect((await store.reads.conversations.list(user, { limit: 9, kind: 'room' })).conversations).toEqual([])
      await expect(store.reads.conversations.list(user, { after: 'x', limit: 2 })).rejects.toMatchObject({
        code: 'INVALID_INPUT',
      })
      expect(await store.reads.snapshot(newId(), 5)).toMatchObject({
        conversations: [],
        next: null,
        position: whole.position,
      })
    })

    it('shows one conversation whole: a hundred members, the reader among them, and how many there are', async () => {
      const names = Array.from({ length: 120 }, (_, n) => `crowd ${String(n).padStart(3, '0')}`)
      const id = await conversation(...names)
      const { message } = await store.send(draft(id, 'crowd 000', 'hello'))
      const detail = await store.reads.conversations.detail(id, 'crowd 119')
      expect(detail).toMatchObject({ memberCount: 120, lastMessage: message, conversation: { id, lastSeq: 1 } })
      expect(detail?.members).toHaveLength(101)
      expect(detail?.members.find(({ userId }) => userId === 'crowd 119')?.unread).toBe(1)
      expect(detail?.members.find(({ userId }) => userId === 'crowd 000')?.unread).toBe(0)
      expect((await store.reads.conversations.detail(id, 'stranger'))?.members).toHaveLength(100)
      expect(await store.reads.conversations.detail('nowhere', 'ann')).toBeNull()
    })

    it('finds messages missed since a moment, by others, oldest first', async () => {
      const user = newId()
      const [one, two, left] = [
        await conversation(user, 'bob'),
        await conversation(user, 'bob'),
        await conversation(user, 'bob'),
      ]
      const first = await store.send(draft(one, 'bob', 'm0'))
      await store.send(draft(left, 'bob', 'left'))
      await removeMember(store, left, user)
      let since = first.message.createdAt
      // Times have milliseconds: the next one must be later than `since`.
      while (Date.now() <= since.getTime()) await new Promise(setImmediate)
      for (let n = 1; n <= 9; n++) await store.send(draft(n % 2 ? one : two, n % 3 ? 'bob' : user, `m${n}`))
      const missed = await store.reads.messages.missed(user, since, 100)
      expect(missed.map(({ clientId }) => clientId).sort()).toEqual(['m1', 'm2', 'm4', 'm5', 'm7', 'm8'])
      expect(missed.map(({ createdAt }) => createdAt)).toEqual(
        missed.map(({ createdAt }) => createdAt).sort((a, b) => a.getTime() - b.getTime()),
      )
      expect(await store.reads.messages.missed(user, since, 2)).toEqual(missed.slice(0, 2))
      since = missed.at(-1)?.createdAt ?? since
      expect((await store.reads.messages.missed(user, since, 100)).every(({ createdAt }) => createdAt > since)).toBe(
        true,
      )
      expect((await store.reads.messages.missed(user, new Date(0), 100)).map(({ clientId }) => clientId)).toContain(
        'm0',
      )
    })

    it('upserts users by what is given, and says whether anything changed', async () => {
      const id = newId()
      const classIds = ['a"b', 'c\\d', '']
      expect(await store.write((tx) => tx.upsertUser({ id, email: 'x@y', classIds }))).toMatchObject({
        result: { changed: true, user: { id, name: id, email: 'x@y', classIds, active: true } },
      })
      expect(await store.write((tx) => tx.upsertUser({ id }))).toMatchObject({
        result: { changed: false, user: { email: 'x@y' } },
      })
      expect(await store.write((tx) => tx.upsertUser({ id, email: 'x@y', classIds }))).toMatchObject({
        result: { changed: false },
      })
      expect(await store.write((tx) => tx.upsertUser({ id, email: null, name: 'N' }))).toMatchObject({
        result: { changed: true, user: { email: null, name: 'N', classIds } },
      })
      expect(await store.reads.users.first(['no', id, 'ann'])).toMatchObject({ id, classIds })
      expect((await store.reads.users.existing([id, 'no'])).map((user) => user.id)).toEqual([id])
    })

    it('counts unread as a naive recount does, whatever happens (property)', async () => {
      const users = ['ann', 'bob', 'cid']
      const who = fc.constantFrom(...users)
      const step = fc.oneof(
        { weight: 6, arbitrary: fc.record({ kind: fc.constant('send' as const), who }) },
        {
          weight: 3,
          arbitrary: fc.record({
            kind: fc.constantFrom('read' as const, 'delivered' as const),
            who,
            share: fc.double({ min: 0, max: 1.1, noNaN: true }),
          }),
        },
        {
          weight: 2,
          arbitrary: fc.record({
            kind: fc.constant('back' as const),
            who,
            share: fc.double({ min: 0, max: 1.1, noNaN: true }),
          }),
        },
        { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave' as const), who }) },
        { weight: 1, arbitrary: fc.record({ kind: fc.constant('join' as const), who }) },
        { weight: 1, arbitrary: fc.record({ kind: fc.constant('write' as const), who }) },
      )
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
          const id = await conversation(...users)
          const senders: string[] = []
          const marks = new Map(users.map((user) => [user, { joined: 0, read: 0, delivered: 0, member: true }]))
          const others = (user: string, from: number, to: number) =>
            senders.slice(from, to).filter((sender) => sender !== user).length
          for (const { kind, who: user, ...more } of steps) {
            const mark = marks.get(user) ?? { joined: 0, read: 0, delivered: 0, member: false }
            if (kind === 'send') {
              const sent = store.send(draft(id, user, newId()))
              if (mark.member) senders.push((await sent).message.senderId)
              else await expect(sent).rejects.toMatchObject({ code: 'FORBIDDEN' })
            } else if (kind === 'write') {
              await store.write(async (tx) => {
                await tx.lock([id])
                const message = await tx.createMessage(draft(id, user, newId()))
                tx.append({
                  name: 'message.created',
                  topic: `conversation:${id}`,
                  actorId: user,
                  origin: null,
                  payload: { message },
                })
              })
              senders.push(user)
            } else if (kind === 'leave') {
              await removeMember(store, id, user)
              mark.member = false
            } else if (kind === 'join') {
              await addMember(store, id, user)
              const end = senders.length
              if (!mark.member) Object.assign(mark, { joined: end, read: end, delivered: end, member: true })
            } else if (kind === 'back') {
              const seq = 1 + Math.round(('share' in more ? more.share : 0) * senders.length)
              const target = Math.max(seq - 1, mark.joined)
              const { result } = await store.write(async (tx) => {
                await tx.lock([id])
                return tx.retreat(id, user, seq)
              })
              if (!mark.member || target >= mark.read) expect(result).toBeNull()
              else {
                const changed = others(user, target, mark.read)
                const unread = others(user, target, senders.length)
                expect(result).toEqual({ fromSeq: mark.read, seq: target, changed, unread, mentions: 0 })
                mark.read = target
                expect((await store.reads.members.list(id, [user]))[0]?.unread).toBe(unread)
              }
            } else {
              const seq = Math.round(('share' in more ? more.share : 0) * senders.length)
              const target = Math.min(seq, senders.length)
              const { result } = await store.write(async (tx) => {
                await tx.lock([id])
                return tx.advance(kind, id, user, seq)
              })
              if (!mark.member || target <= mark[kind]) expect(result).toBeNull()
              else {
                const fromSeq = mark[kind]
                mark[kind] = target
                mark.delivered = Math.max(mark.delivered, mark.read)
                expect(result).toMatchObject({ fromSeq, seq: target, changed: others(user, fromSeq, target) })
                expect(result?.unread).toBe(others(user, mark.read, senders.length))
              }
            }
          }
          const members = await store.reads.members.list(id, users)
          const expected = users.flatMap((userId) => {
            const mark = marks.get(userId)
            if (!mark?.member) return []
            return [
              {
                userId,
                lastReadSeq: mark.read,
                lastDeliveredSeq: mark.delivered,
                unread: others(userId, mark.read, senders.length),
              },
            ]
          })
          const byId = (a: { userId: string }, b: { userId: string }) => (a.userId < b.userId ? -1 : 1)
          expect(
            members
              .map(({ userId, lastReadSeq, lastDeliveredSeq, unread }) => ({
                userId,
                lastReadSeq,
                lastDeliveredSeq,
                unread,
              }))
              .sort(byId),
          ).toEqual(expected)
          for (const { userId, unread } of expected) {
            const { conversations } = await store.reads.conversations.list(userId, { limit: 1 })
            expect(conversations[0]?.id === id ? conversations[0].unread : unread).toBe(unread)
          }
        }),
        {
          numRuns: 25,
          // Back over one's own message, which was never unread.
          examples: [
            [
              [
                { kind: 'send', who: 'ann' },
                { kind: 'send', who: 'bob' },
                { kind: 'read', who: 'ann', share: 1 },
                { kind: 'back', who: 'ann', share: 0 },
              ],
            ],
          ],
        },
      )
      const audited = { checked: 0, conversations: 0 }
      for (let after: string | undefined; ; ) {
        const { checked, drift, next } = await store.reads.receipts.audit({ after, limit: 7 })
        expect(drift).toBe(0)
        audited.checked += checked
        if (next === null) break
        after = next
      }
      const { conversations } = await store.reads.stats()
      expect(audited.checked).toBeGreaterThan(conversations)
    })

    it('names who has received and who has read a message, in pages', async () => {
      const id = await conversation('ann', 'bob', 'cid', 'dan', 'eve')
      const { message } = await store.send(draft(id, 'ann', newId()))
      await store.write(async (tx) => {
        await tx.lock([id])
        await tx.advance('read', id, 'bob', 1)
        await tx.advance('delivered', id, 'cid', 1)
        await tx.advance('read', id, 'eve', 1)
        await tx.advance('read', id, 'ann', 1)
      })
      await addMember(store, id, 'late')
      const readers = async (page: { after?: string; limit: number }) => {
        const { readers, next } = await store.reads.receipts.readers(message, page)
        return [...readers.map(({ profile, read }) => `${profile.id} ${read}`), next]
      }
      expect(await readers({ limit: 9 })).toEqual(['bob true', 'cid false', 'eve true', null])
      expect(await readers({ limit: 3 })).toEqual(['bob true', 'cid false', 'eve true', null])
      expect(await readers({ limit: 2 })).toEqual(['bob true', 'cid false', 'cid'])
      expect(await readers({ limit: 2, after: 'cid' })).toEqual(['eve true', null])
      await removeMember(store, id, 'eve')
      await store.write(async (tx) => {
        await tx.lock([id])
        await tx.retreat(id, 'bob', 1)
      })
      expect(await readers({ limit: 9 })).toEqual(['bob false', 'cid false', null])
    })

    it("keeps a member's wishes, each as given last, and lists by them", async () => {
      const user = newId()
      const [one, two] = [await conversation(user, 'ann'), await conversation(user, 'ann')]
      const mutedUntil = new Date('2040-01-01T00:00:00.123Z')
      const set = async (change: Parameters<Tx['configure']>[2]) =>
        (await store.write((tx) => tx.configure(one, user, change))).result
      const none = { mutedUntil: null, archived: false, pinned: false }
      expect(await set({ mutedUntil: null, archived: false })).toEqual({ wishes: none, changed: false })
      expect(await set({ mutedUntil, pinned: true })).toEqual({
        wishes: { mutedUntil, archived: false, pinned: true },
        changed: true,
      })
      expect(await set({ pinned: true })).toMatchObject({ changed: false })
      expect(await set({ archived: true })).toEqual({
        wishes: { mutedUntil, archived: true, pinned: true },
        changed: true,
      })
      const listed = async (archived?: boolean) =>
        (await store.reads.conversations.list(user, { limit: 9, archived })).conversations.map(({ id }) => id)
      expect(await listed()).toEqual([one, two])
      expect(await listed(true)).toEqual([one])
      expect(await listed(false)).toEqual([two])
      expect((await store.reads.snapshot(user, 9)).conversations).toMatchObject([
        { id: one, mutedUntil, archived: true, pinned: true },
        { id: two, ...none },
      ])
      await removeMember(store, one, user)
      await expect(set({ pinned: false })).rejects.toMatchObject({ code: 'FORBIDDEN' })
      await addMember(store, one, user)
      expect(await set({ mutedUntil: null, pinned: false })).toEqual({
        wishes: { ...none, archived: true },
        changed: true,
      })
    })

    it('tells a standing, and whose history is visible from where', async () => {
      const id = await conversation('ann')
      await store.send(draft(id, 'ann', 'before'))
      await addMember(store, id, 'bob')
      await store.write((tx) => tx.setRole(id, 'bob', 'admin'))
      await store.write((tx) =>
        tx.updateConversation(id, { historyVisible: false, title: 'T', context: { jobId: 'j' } }),
      )
      expect(await store.reads.members.standing(id, 'bob')).toEqual({
        kind: 'group',
        role: 'admin',
        joinedSeq: 1,
        historyVisible: false,
        blocked: false,
      })
      expect(await store.reads.members.standing(id, 'zoe')).toBeNull()
      expect(await store.reads.conversations.get(id)).toMatchObject({
        title: 'T',
        context: { jobId: 'j' },
        historyVisible: false,
      })
      await expect(store.write((tx) => tx.updateConversation('nowhere', { title: 'x' }))).rejects.toMatchObject({
        code: 'NOT_FOUND',
      })
    })

    it('answers OVERLOADED beyond the queue, and keeps what it took', async () => {
      const small = await open({ queueLimit: 50 })
      try {
        const id = newId()
        await createConversation(small, id, ['ann'])
        const answers = await Promise.allSettled(
          Array.from({ length: 80 }, (_, n) => small.send(draft(id, 'ann', `n${n}`))),
        )
        const codes = answers.map((answer) => (answer.status === 'rejected' ? answer.reason.code : 'kept'))
        expect(codes).toEqual([...Array(50).fill('kept'), ...Array(30).fill('OVERLOADED')])
        expect(small.queued).toBe(0)
        expect((await small.reads.conversations.get(id))?.lastSeq).toBe(50)
      } finally {
        await small.close()
      }
    })

    describe('locks', () => {
      const FOR = { forMs: 60_000 }
      const unknown = { holderId: 'nobody', token: 1, forMs: 60_000 }
      const wish = (conversationId: string, messageId: string, holderId: string, forMs = 60_000) => ({
        ...{ conversationId, messageId, holderId, forMs },
      })
      const take = async (of: ReturnType<typeof wish>) =>
        (
          await store.write(async (tx) => {
            await tx.lock([of.conversationId])
            return tx.takeLock(of)
          })
        ).result
      const end = async (which: LockFilter) => (await store.write((tx) => tx.endLocks(which))).result
      const overdue = async (messageId: string) => {
        // The database's clock says when: the read waits for nobody.
        while (await store.reads.locks.get(messageId));
      }
      async function message(...userIds: string[]) {
        const id = await conversation(...userIds)
        return { id, messageId: (await store.send(draft(id, userIds[0] ?? '', 'locked'))).message.id }
      }

      it('give a message to one holder at a time, with a higher token for each holding', async () => {
        const { id, messageId } = await message('ann', 'bob')
        const first = await take(wish(id, messageId, 'ann'))
        expect(first).toMatchObject({ holderId: 'ann', token: 1, isNew: true, overdue: null })
        expect(first.remainingMs).toBeGreaterThan(50_000)
        expect(first.remainingMs).toBeLessThanOrEqual(60_000)
        expect(await take(wish(id, messageId, 'ann'))).toMatchObject({ holderId: 'ann', token: 1, isNew: false })
        expect(await take(wish(id, messageId, 'bob'))).toMatchObject({ holderId: 'ann', isNew: false, overdue: null })
        expect(await store.reads.locks.get(messageId)).toMatchObject({ holderId: 'ann', conversationId: id })
        expect(await end({ messageId, holderIds: ['ann'], token: 2 })).toEqual([])
        expect(await end({ messageId, holderIds: ['bob'], token: 1 })).toEqual([])
        expect(await end({ messageId, holderIds: ['ann'], token: 1 })).toEqual([
          { messageId, conversationId: id, holderId: 'ann' },
        ])
        expect(await end({ messageId })).toEqual([])
        expect(await store.reads.locks.get(messageId)).toBeNull()
        const { result } = await store.write((tx) => tx.renewLock({ messageId, holderId: 'ann', token: 1, ...FOR }))
        expect(result).toBeNull()
        expect(await take(wish(id, messageId, 'ann'))).toMatchObject({ token: 2, isNew: true, overdue: null })
      })

      it('end when their time is over, which whoever takes them next is told once', async () => {
        const { id, messageId } = await message('ann', 'bob')
        await take(wish(id, messageId, 'ann', 1))
        await overdue(messageId)
        const late = await store.write((tx) => tx.renewLock({ messageId, holderId: 'ann', token: 1, ...FOR }))
        expect(late.result).toBeNull()
        expect(await store.reads.locks.nextExpiry()).toBe(0)
        expect(await take(wish(id, messageId, 'bob'))).toMatchObject({ token: 2, isNew: true, overdue: 'ann' })
        expect(await take(wish(id, messageId, 'bob'))).toMatchObject({ token: 2, isNew: false, overdue: null })
        await end({ messageId })
        await take(wish(id, messageId, 'ann', 1))
        await overdue(messageId)
        expect(await end({ overdue: true })).toEqual([{ messageId, conversationId: id, holderId: 'ann' }])
        expect(await end({ overdue: true })).toEqual([])
        expect(await take(wish(id, messageId, 'ann'))).toMatchObject({ token: 4, isNew: true, overdue: null })
        await store.write((tx) => tx.renewLock({ ...unknown, messageId }))
        expect((await store.reads.locks.get(messageId))?.holderId).toBe('ann')
      })

      it('are ended once, and taken by one, however many ask', async () => {
        const { id, messageId } = await message('ann', 'bob')
        const users = Array.from({ length: 12 }, (_, n) => `user ${n}`)
        const won = await Promise.all(users.map((user) => take(wish(id, messageId, user, 1_000))))
        const [holder] = won.filter(({ isNew }) => isNew)
        expect(won.map(({ holderId, token }) => [holderId, token])).toEqual(won.map(() => [holder?.holderId, 1]))
        const ends = await Promise.all(users.map(() => end({ holderIds: users })))
        expect(ends.flat()).toEqual([{ messageId, conversationId: id, holderId: holder?.holderId }])
        const sent = await Promise.all(users.map((user) => store.send(draft(id, 'ann', `for ${user}`))))
        const ids = sent.map(({ message }) => message.id)
        for (const one of ids) await take(wish(id, one, 'ann', 1))
        for (const one of ids) await overdue(one)
        const expired = await Promise.all(users.map(() => end({ overdue: true })))
        expect(
          expired
            .flat()
            .map(({ messageId }) => messageId)
            .sort(),
        ).toEqual(ids.sort())
      })

      it('are listed in order, to members from the first message that they see', async () => {
        const id = await conversation('ann', 'bob')
        const sent = []
        for (const n of [1, 2, 3, 4]) sent.push((await store.send(draft(id, 'ann', `${n}`))).message.id)
        const [one = '', two = '', three = '', four = ''] = sent
        for (const messageId of [four, two, one]) await take(wish(id, messageId, 'lister'))
        await take(wish(id, three, 'bob', 1))
        await overdue(three)
        const listed = async (from: number, limit = 10) =>
          (await store.reads.locks.list(id, from, limit)).map(({ messageId }) => messageId)
        expect(await listed(0)).toEqual([one, two, four])
        expect(await listed(2)).toEqual([two, four])
        expect(await listed(0, 1)).toEqual([one])
        expect(await store.reads.locks.holding(['lister', 'nobody'])).toEqual(['lister'])
        expect(await end({ conversationId: 'elsewhere', holderIds: ['lister'] })).toEqual([])
        expect((await end({ conversationId: id, holderIds: ['lister'] })).map(({ messageId }) => messageId)).toEqual(
          expect.arrayContaining([one, two, four]),
        )
        expect(await store.reads.locks.holding(['lister'])).toEqual([])
      })
    })

    it('refuses to write once it is closed', async () => {
      const other = await open()
      const id = newId()
      await createConversation(other, id, ['ann'])
      const sends = Array.from({ length: 20 }, (_, n) => other.send(draft(id, 'ann', `n${n}`)))
      const closed = other.close()
      await expect(Promise.all(sends)).resolves.toHaveLength(20)
      await closed
      await expect(other.send(draft(id, 'ann', 'late'))).rejects.toMatchObject({ code: 'UNAVAILABLE' })
      await expect(other.write(async () => 1)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
      await expect(other.reads.users.get('ann')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
      await expect(other.ping()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    })

    // Last: it takes the beginning of the log away.
    it('forgets old events in batches, never the last, and says so to whoever asks for them', async () => {
      const id = await conversation('ann')
      await store.send(draft(id, 'ann', 'old'))
      const { position } = await store.log.tail()
      await expect(store.log.page({ userId: 'ann' }, position + 1, 10)).rejects.toMatchObject({
        code: 'RESET',
        data: { reason: 'ahead' },
      })
      expect(await store.log.prune(new Date(0))).toBe(0)
      const floor = await store.log.prune(new Date(Date.now() + 60_000))
      expect(floor).toBe(position - 1)
      expect(await store.log.tail()).toEqual({ position, floor })
      for (const reader of [null, { userId: 'ann' }, { userId: 'ann', conversationId: id }]) {
        await expect(store.log.page(reader, floor - 1, 10)).rejects.toMatchObject({
          code: 'RESET',
          data: { reason: 'expired' },
        })
        expect((await store.log.page(reader, floor, 10)).events.map(textOf)).toEqual(['old'])
        expect(await store.log.page(reader, position, 10)).toEqual({ events: [], upTo: position })
      }
      expect((await store.send(draft(id, 'ann', 'next'))).position).toBe(position + 1)
    })
  })
}
