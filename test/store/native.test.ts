/** The contract on native Postgres, and what only a server apart can do: two stores, killed backends, restarts, snapshots. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Store } from '../../server/core/ports.ts'
import { openStore, type StoreOptions } from '../../server/store/store.ts'
import { type Cluster, createCluster, findPrograms, withSql } from '../postgres.ts'
import { contract } from './contract.ts'
import { nativeDatabase, withoutNative } from './databases.ts'
import { addMember, checkGapless, createConversation, draft, newId } from './drafts.ts'

const drops: (() => Promise<void>)[] = []

async function openFresh(options: StoreOptions = {}): Promise<Store> {
  const { url, drop } = await nativeDatabase()
  drops.push(drop)
  return openStore({ ...options, databaseUrl: url })
}

contract('store on native Postgres', withoutNative(), openFresh, async () => {
  for (const drop of drops) await drop()
})

/** Ends the sessions of the stores of this database that match, as an administrator would. */
const kill = (url: string, where = 'true') =>
  withSql(url, async (sql) => {
    const rows = await sql.unsafe(
      `select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'parley' and datname = current_database() and ${where}`,
    )
    return rows.length
  })

describe.skipIf(withoutNative())('native Postgres', () => {
  let url: string
  let drop: () => Promise<void>
  let one: Store
  let two: Store
  beforeAll(async () => {
    const database = await nativeDatabase()
    url = database.url
    drop = database.drop
    one = await openStore({ databaseUrl: url })
    two = await openStore({ databaseUrl: url, lanes: 2 })
  })
  afterAll(async () => {
    await Promise.all([one?.close(), two?.close()])
    await drop?.()
  })

  async function conversation(...userIds: string[]): Promise<string> {
    const id = newId()
    await createConversation(one, id, userIds)
    return id
  }

  it('stays gapless with two nodes that write at once, and gives one answer to what both send', async () => {
    const ids = await Promise.all(Array.from({ length: 4 }, () => conversation('ann', 'bob')))
    let reading = true
    let seen = (await one.log.tail()).position
    /** A reader at the end of the log, as the tail of a node: it must never have to look back. */
    const reader = (async () => {
      while (reading) {
        const { events, upTo } = await two.log.page(null, seen, 500)
        expect(events.map(({ position }) => position)).toEqual(events.map((_, index) => seen + index + 1))
        expect(upTo).toBe(seen + events.length)
        seen = upTo
      }
    })()
    const sender = async (n: number) => {
      for (let round = 0; round < 25; round++) {
        const id = ids[(n + round) % ids.length] ?? ''
        const clientId = `${n} ${round}`
        const first = (n + round) % 2 ? one : two
        const sends = [first.send(draft(id, 'ann', clientId))]
        if (round % 3 === 0) sends.push((first === one ? two : one).send(draft(id, 'ann', clientId)))
        const [a, b] = await Promise.all(sends)
        if (b) {
          expect(b.message.id).toBe(a?.message.id)
          expect([a?.position, b.position].filter((position) => position !== null)).toHaveLength(1)
        }
        if (round % 10 === 0) await addMember(first, id, `guest ${n} ${round}`)
      }
    }
    await Promise.all(Array.from({ length: 12 }, (_, n) => sender(n)))
    reading = false
    await reader
    await checkGapless(one, ids)
    expect((await one.reads.stats()).messages).toBeGreaterThanOrEqual(12 * 25)
  })

  it('goes on while somebody holds a snapshot open', async () => {
    const id = await conversation('ann')
    await withSql(url, async (sql) => {
      await sql.unsafe('begin isolation level repeatable read')
      await sql.unsafe('select count(*) from events')
      for (let n = 0; n < 300; n++) await one.send(draft(id, 'ann', `held ${n}`))
      await sql.unsafe('commit')
    })
    await checkGapless(one, [id])
  })

  it('answers UNAVAILABLE when the backend is killed inside a write, leaves nothing of it, and goes on', async () => {
    const id = await conversation('ann')
    for (const moment of ['idle', 'running'] as const) {
      const before = await one.log.tail()
      const attempt = one.write(async (tx) => {
        await tx.lock([id])
        await tx.createMessage(draft(id, 'ann', `killed ${moment}`))
        if (moment === 'idle') await kill(url, "state = 'idle in transaction'")
        else {
          const blocked = await withSql(url, async (sql) => {
            await sql.unsafe('begin')
            await sql.unsafe("insert into users (id, name) values ('blocker', 'b')")
            const waits = tx.upsertUser({ id: 'blocker' }).catch((error: unknown) => error)
            // From another session: within a transaction the statistics stand still.
            while ((await kill(url, "wait_event_type = 'Lock'")) === 0);
            return waits
          })
          expect(blocked).toMatchObject({ code: 'UNAVAILABLE' })
        }
        await tx.upsertUser({ id: `after ${moment}` })
        return 'not reached'
      })
      await expect(attempt).rejects.toMatchObject({ code: 'UNAVAILABLE' })
      expect(await one.log.tail()).toEqual(before)
      expect(await one.reads.users.get(`after ${moment}`)).toBeNull()
      await addMember(one, id, `next ${moment}`)
    }
    await checkGapless(one, [id])
  })

  it('loses and doubles nothing when backends are killed while it sends', async () => {
    const id = await conversation('ann', 'bob')
    let stop = false
    let killed = 0
    const acknowledged: string[] = []
    const killer = (async () => {
      for (let next = 0; !stop; ) {
        await one.ping().catch(() => {})
        if (acknowledged.length < next) continue
        next = acknowledged.length + 10
        killed += await kill(url)
      }
    })()
    let refused = 0
    const sender = async (user: string, n: number) => {
      for (let round = 0; round < 40; round++) {
        const clientId = `${n} ${round}`
        for (let done = false; !done; ) {
          try {
            acknowledged.push((await one.send(draft(id, user, clientId))).message.clientId)
            done = true
          } catch (error) {
            expect(error).toMatchObject({ code: 'UNAVAILABLE' })
            refused++
          }
        }
        await one.reads.members
          .standing(id, user)
          .catch((error) => expect(error).toMatchObject({ code: 'UNAVAILABLE' }))
        await addMember(one, id, `w ${n} ${round}`).catch((error) =>
          expect(error).toMatchObject({ code: 'UNAVAILABLE' }),
        )
      }
    }
    await Promise.all(Array.from({ length: 6 }, (_, n) => sender(n % 2 ? 'ann' : 'bob', n)))
    stop = true
    await killer
    expect(killed).toBeGreaterThan(10)
    expect(acknowledged).toHaveLength(240)
    await one.ping()
    const stored = await one.reads.messages.range(id, { fromSeq: 1, toSeq: 1e6, limit: 1e6, newest: false })
    expect(stored.map(({ clientId }) => clientId).sort()).toEqual(acknowledged.sort())
    await checkGapless(one, [id])
    expect(refused).toBeLessThan(240)
  })

  it('lets three servers migrate an empty database at once', async () => {
    const name = `parley_empty_${newId()}`
    await withSql(url, (sql) => sql.unsafe(`create database ${name}`))
    const empty = new URL(url)
    empty.pathname = `/${name}`
    const stores = await Promise.all([1, 2, 3].map(() => openStore({ databaseUrl: empty.href })))
    expect(new Set(stores.map(({ epoch }) => epoch)).size).toBe(1)
    expect(stores[0]?.epoch).toMatch(/^[0-9a-z]{1,32}$/)
    await Promise.all(stores.map((store, n) => createConversation(store, newId(), [`u${n}`])))
    expect((await stores[0]?.log.tail())?.position).toBe(3)
    await Promise.all(stores.map((store) => store.close()))
    const again = await openStore({ databaseUrl: empty.href })
    expect(again.epoch).toBe(stores[0]?.epoch)
    await again.close()
    // A copy is another history: its clients must not take cursors of the first for theirs.
    await withSql(url, (sql) => sql.unsafe(`create database ${name}_copy template ${name}`))
    empty.pathname = `/${name}_copy`
    const copy = await openStore({ databaseUrl: empty.href })
    expect(copy.epoch).not.toBe(again.epoch)
    await copy.close()
    await withSql(url, (sql) => sql.unsafe(`drop database ${name}`))
    await withSql(url, (sql) => sql.unsafe(`drop database ${name}_copy`))
  })
})

const programs = findPrograms()

describe.skipIf(programs === null)('native Postgres, stopped and started again', () => {
  let cluster: Cluster
  beforeAll(async () => {
    cluster = await createCluster(programs ?? '')
  })
  afterAll(() => cluster?.remove())

  it('costs waiting, not messages', async () => {
    const store = await openStore({ databaseUrl: cluster.url(), patience: 200 })
    const id = newId()
    await createConversation(store, id, ['ann'])
    let acknowledged = 0
    let stop = false
    const senders = Array.from({ length: 5 }, async (_, n) => {
      for (let round = 0; !stop; round++) {
        await store.send(draft(id, 'ann', `${n} ${round}`))
        acknowledged++
      }
      return n
    })
    for (let round = 0; round < 2; round++) {
      const before = acknowledged
      while (acknowledged < before + 50) await store.ping()
      await cluster.stop()
      await expect(store.ping()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
      await expect(store.reads.users.get('ann')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
      await expect(addMember(store, id, 'bob')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
      expect(store.queued).toBe(5)
      await cluster.start()
      await store.send(draft(id, 'ann', `after ${round}`))
      acknowledged++
    }
    stop = true
    await Promise.all(senders)
    expect((await store.reads.conversations.get(id))?.lastSeq).toBe(acknowledged)
    await checkGapless(store, [id])
    await store.close()
  })

  it('gives a send up with UNAVAILABLE when the database stays away, and refuses to open without one', async () => {
    const store = await openStore({ databaseUrl: cluster.url(), patience: 100, sendDeadline: 300 })
    const id = newId()
    await createConversation(store, id, ['zoe'])
    await cluster.stop()
    const sends = await Promise.allSettled([1, 2, 3].map((n) => store.send(draft(id, 'zoe', `lost ${n}`))))
    expect(sends.map((sent) => sent.status === 'rejected' && sent.reason.code)).toEqual(Array(3).fill('UNAVAILABLE'))
    expect(store.queued).toBe(0)
    await expect(openStore({ databaseUrl: cluster.url(), patience: 100 })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    })
    await cluster.start()
    expect((await store.send(draft(id, 'zoe', 'lost 1'))).message.seq).toBe(1)
    await store.close()
  })
})
