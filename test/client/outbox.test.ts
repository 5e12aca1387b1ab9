/** The outbox against a model of the server: whatever is lost or refused, messages are stored once, in order, and known. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ParleyError } from '../../client/errors.ts'
import { Outbox } from '../../client/outbox.ts'
import type { PendingMessage } from '../../client/pending.ts'
import type { Message } from '../../shared/model.ts'

const tick = () => new Promise<void>((resolve) => setImmediate(resolve))

/** What becomes of one attempt. `lost`: the request is, `unanswered`: it is stored and its answer is lost. */
const outcomes = [
  'ok',
  'event first',
  'lost',
  'unanswered',
  'unanswered, then its event',
  'overloaded',
  'refused',
] as const
type Outcome = (typeof outcomes)[number]

class Server {
  readonly stored: Message[] = []
  /** Attempts of messages that are not settled, by conversation. */
  readonly inFlight = new Map<string, number>()
  readonly #script: Outcome[]
  outbox!: Outbox

  constructor(script: readonly Outcome[]) {
    this.#script = [...script]
  }

  store({ conversationId, clientId, draft }: PendingMessage): Message {
    const first = this.stored.find((message) => message.clientId === clientId)
    if (first) return first
    const message: Message = {
      ...{ id: `m${this.stored.length}`, conversationId, clientId, content: draft.content },
      ...{ seq: this.stored.length + 1, senderId: 'ann', type: 'text', metadata: null, replyTo: null },
      ...{
        createdAt: new Date(0),
        version: 1,
        reactions: [],
        replyCount: 0,
        mentions: [],
        mentionsEveryone: false,
        editedAt: null,
        originalContent: null,
        deletedAt: null,
        deletedBy: null,
      },
    }
    this.stored.push(message)
    return message
  }

  send = async (pending: PendingMessage): Promise<Message> => {
    expect(pending.status).toBe('pending')
    const { conversationId } = pending
    expect(this.inFlight.get(conversationId) ?? 0).toBe(0)
    this.inFlight.set(conversationId, 1)
    const settled = () => this.inFlight.set(conversationId, 0)
    await tick()
    const outcome = this.#script.shift() ?? 'ok'
    if (outcome === 'lost' || outcome === 'overloaded' || outcome === 'refused') {
      settled()
      throw new ParleyError(
        ({ lost: 'UNAVAILABLE', overloaded: 'OVERLOADED', refused: 'FORBIDDEN' } as const)[outcome],
        outcome,
      )
    }
    const message = this.store(pending)
    // Whether it settles depends on the outbox knowing who it is; if it does, the next one may go.
    if (outcome === 'event first' || outcome === 'unanswered, then its event') {
      this.outbox.stored(message)
      if (pending.status === 'sent') settled()
      await tick()
    }
    if (pending.status !== 'sent') settled()
    if (outcome === 'unanswered' || outcome === 'unanswered, then its event')
      throw new ParleyError('UNAVAILABLE', outcome)
    return message
  }
}

const open = (server: Server, options: Partial<ConstructorParameters<typeof Outbox>[0]> = {}) => {
  let id = 0
  const outbox = new Outbox({
    ...{ send: server.send, backoff: () => 0, timeoutMs: 1_000, now: Date.now, newId: () => `client-${++id}` },
    ...options,
  })
  server.outbox = outbox
  return outbox
}

/** Every status that it showed after the first. */
const history = (pending: PendingMessage) => {
  const statuses: string[] = []
  pending.onChange(({ status }) => statuses.push(status))
  return statuses
}

describe('the outbox', () => {
  test('stores each message once and in order, and knows what became of it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 12 }),
        fc.array(fc.constantFrom(...outcomes), { maxLength: 40 }),
        async (conversations, script) => {
          const server = new Server(script)
          const outbox = open(server)
          const sends = conversations.map((id, index) => {
            const pending = outbox.add(id, { content: `${index}` })
            expect(pending.status).toBe('pending')
            expect(pending.message).toMatchObject({
              content: `${index}`,
              clientId: pending.clientId,
              id: null,
              seq: null,
            })
            return { pending, statuses: history(pending) }
          })
          await Promise.allSettled(sends.map(({ pending }) => pending.done))
          for (const { pending, statuses } of sends) {
            expect(statuses).toEqual([pending.status])
            const stored = server.stored.filter(({ clientId }) => clientId === pending.clientId)
            if (pending.status === 'sent') expect(stored).toEqual([pending.message])
            else expect(pending.error?.code).toBe('FORBIDDEN')
          }
          for (const id of ['a', 'b', 'c']) {
            const order = server.stored.filter((m) => m.conversationId === id).map((m) => Number(m.content))
            expect(order).toEqual(order.toSorted((a, b) => a - b))
            expect(outbox.waiting(id)).toEqual([])
          }
        },
      ),
      { numRuns: 200 },
    )
  })

  test('a failed message is retried under the same id, behind the others', async () => {
    const server = new Server(['refused'])
    const outbox = open(server)
    const first = outbox.add('a', { content: 'first' })
    await expect(first.done).rejects.toMatchObject({ code: 'FORBIDDEN', retry: false })
    const second = outbox.add('a', { content: 'second' })
    const statuses = history(first)
    expect(first.retry()).toBe(first)
    expect(first.error).toBeNull()
    expect(await first).toMatchObject({ clientId: first.clientId, content: 'first' })
    await second
    expect(statuses).toEqual(['pending', 'sent'])
    expect(server.stored.map(({ content }) => content)).toEqual(['second', 'first'])
    expect(first.retry().status).toBe('sent')
  })

  test('a listener may retry at once', async () => {
    const server = new Server(['refused', 'refused'])
    const pending = open(server).add('a', { content: 'again' })
    const failed = pending.done
    const sent = new Promise<void>((resolve) =>
      pending.onChange(({ status }) => (status === 'failed' ? pending.retry() : status === 'sent' && resolve())),
    )
    await expect(failed).rejects.toThrow('refused')
    await sent
    expect(server.stored).toHaveLength(1)
  })

  test('somebody else using the same client id confirms nothing', async () => {
    const server = new Server([])
    const outbox = open(server)
    await outbox.add('a', { content: 'so it knows who it is' })
    await tick()
    const pending = outbox.add('a', { content: 'mine' })
    outbox.stored({ ...server.store(pending), senderId: 'mallory', content: 'forged' })
    expect(pending.status).toBe('pending')
    expect(await pending).toMatchObject({ senderId: 'ann', content: 'mine' })
  })

  test('its event is enough, and lets the next one go', async () => {
    const server = new Server([])
    const answers = new Map<string, (message: Message) => void>()
    const send = (pending: PendingMessage) => {
      const message = server.store(pending)
      if (pending.draft.content === 'answered') return Promise.resolve(message)
      return new Promise<Message>((resolve) => answers.set(pending.clientId, resolve))
    }
    const outbox = open(server, { send })
    await outbox.add('a', { content: 'answered' })
    await tick()
    const [first, second] = [outbox.add('a', { content: 'first' }), outbox.add('a', { content: 'second' })]
    await tick()
    expect(server.stored.map(({ content }) => content)).toEqual(['answered', 'first'])
    const statuses = history(first)
    outbox.stored(server.store(first))
    expect(first.status).toBe('sent')
    await tick()
    outbox.stored(server.store(second))
    expect(await second).toMatchObject({ content: 'second' })
    answers.get(first.clientId)?.(server.store(first))
    await tick()
    expect(statuses).toEqual(['sent'])
  })

  test('gives up at its deadline, in the middle of a wait too', async () => {
    const outbox = open(new Server(Array(1_000).fill('lost')), { backoff: () => 60_000 })
    const pending = outbox.add('a', { content: 'late' }, { deadlineMs: 20 })
    await expect(pending.done).rejects.toMatchObject({ code: 'TIMEOUT' })
    expect(pending.status).toBe('failed')
  })

  test('does not wait on once the connection is back', async () => {
    const server = new Server(['lost'])
    let waiting = () => {}
    const waits = new Promise<void>((resolve) => {
      waiting = resolve
    })
    const outbox = open(server, {
      backoff: () => {
        waiting()
        return 60_000
      },
    })
    const pending = outbox.add('a', { content: 'hi' })
    await waits
    outbox.wake()
    expect(await pending).toMatchObject({ content: 'hi' })
  })

  test('close fails what waits, and what comes after', async () => {
    const never = new Promise<Message>(() => {})
    const outbox = open(new Server([]), { send: () => never })
    const sends = [outbox.add('a', { content: '1' }), outbox.add('a', { content: '2' })]
    outbox.close(new ParleyError('CLOSED', 'closed'))
    sends.push(outbox.add('a', { content: '3' }))
    for (const pending of sends) await expect(pending.done).rejects.toMatchObject({ code: 'CLOSED' })
  })
})
