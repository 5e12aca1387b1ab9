/**
 * What search costs, on native Postgres (fsync on, the real schema). First latency: a rare word, a common one (in every other
 * message) and a phrase, over 200,000 messages in 500 conversations, one of which has a quarter of them; for a user in all of
 * them and one in twenty. Then the price of the index for sends: durable sends a second with the indexing worker and without,
 * in turns; before each run the index is brought up to date. Needs DATABASE_URL (its own empty database) or Postgres programs.
 *
 *     npm run bench:search [-- --messages 200000 --senders 200 --seconds 2 --rounds 7]
 *
 * Last figures (2 cores, quiet, PostgreSQL 15, p50): a rare word 5 ms in 500 conversations, 2 ms in 20; a phrase 68 and 11 ms; the
 * common word 308 and 73 ms, the beginning of one 431 and 54 ms. Indexing 93 µs of Postgres CPU a message, a send 61 µs. Sends with
 * the worker to sends without: 0.95 (0.91 to 1.02 by round), 11,600 and 11,900 a second.
 */
import fs from 'node:fs'
import { parseArgs } from 'node:util'
import postgres from 'postgres'
import type { Watcher } from '../../server/core/hub.ts'
import { Indexing } from '../../server/core/indexing.ts'
import { openStore } from '../../server/store/store.ts'
import type { Durable } from '../../shared/events.ts'
import { createCluster, findPrograms, withSql } from '../postgres.ts'
import { createConversation, draft, newId } from '../store/drafts.ts'

const { values: given } = parseArgs({
  options: {
    messages: { type: 'string', default: '200000' },
    senders: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '7' },
  },
})
const [messages, senders, seconds, rounds] = [given.messages, given.senders, given.seconds, given.rounds].map(
  Number,
) as [number, number, number, number]
const CONTENT =
  'Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et dolore'

const programs = findPrograms()
const cluster = process.env.DATABASE_URL || !programs ? undefined : await createCluster(programs, { synced: true })
const url = process.env.DATABASE_URL ?? cluster?.url()
if (!url) throw new Error('neither DATABASE_URL nor Postgres programs')

const sorted = (values: number[]) => values.sort((a, b) => a - b)
const at = (values: number[], share: number) => sorted(values)[Math.floor(values.length * share)] ?? 0
const ms = (value: number) => value.toFixed(1)

/** What the processes of Postgres have computed so far, in ms; on this machine, Linux. Busy neighbours do not change it. */
async function computed(sql: postgres.Sql): Promise<number> {
  const rows = await sql`select pid from pg_stat_activity`
  const ticks = rows.map(({ pid }) => {
    const stat = `/proc/${pid}/stat`
    const fields = fs.existsSync(stat) ? fs.readFileSync(stat, 'utf8').split(') ')[1]?.split(' ') : undefined
    return Number(fields?.[11] ?? 0) + Number(fields?.[12] ?? 0)
  })
  return ticks.reduce((sum, each) => sum + each, 0) * 10
}

/** Fourteen words of 20,000, the frequent ones often, and what is searched for; straight into the tables. */
const fill = (sql: postgres.Sql) =>
  sql.begin(async (tx) => {
    const base = `(select max(position) from events)`
    await tx.unsafe(`
      create temporary table made as
      select g, ${base} + g as position, 'big' || lpad(g::text, 21, '0') as id,
        case when g % 4 = 0 then 'c0' else 'c' || 1 + (g * 7) % 499 end as conversation_id,
        (select string_agg('w' || floor(20000 * power(random(), 3))::int, ' ') from generate_series(1, 14) x where g = g)
          || case when g % 2 = 0 then ' common' else '' end || case when g % 10000 = 0 then ' rareword' else '' end as content
      from generate_series(1, ${messages}) g`)
    await tx.unsafe(`
      insert into messages (id, conversation_id, seq, sender_id, sender_seq, client_id, type, content, created_at)
      select id, conversation_id, row_number() over (partition by conversation_id order by g), 'everywhere',
        row_number() over (partition by conversation_id order by g), id, 'text', content, now() from made`)
    await tx.unsafe(`
      insert into events (position, conversation_id, name, actor_id, message_id, created_at)
      select position, conversation_id, 'message.created', 'everywhere', id, now() from made order by position`)
  })

try {
  const store = await openStore({ databaseUrl: url })
  async function catchUp(): Promise<void> {
    while ((await store.index(1_000)) !== 'done');
  }
  for (let n = 0; n < 500; n++)
    await createConversation(store, `c${n}`, n < 20 ? ['everywhere', 'ann'] : ['everywhere'])
  await catchUp()
  await withSql(url, async (sql) => {
    await fill(sql)
    await sql.unsafe('vacuum analyze')
  })
  const watching = postgres(url, { max: 1, onnotice: () => {} })
  const measured = async (run: () => Promise<unknown>) => {
    const [cpu, start] = [await computed(watching), performance.now()]
    await run()
    const wall = performance.now() - start
    return { wall, cpu: (await computed(watching)) - cpu }
  }
  const filled = await measured(catchUp)
  const each = (total: number) => `${((total * 1_000) / messages).toFixed(0)} µs`
  console.log(`indexed ${messages} messages: each ${each(filled.cpu)} of Postgres CPU, ${each(filled.wall)} in all`)

  const questions = {
    'rare word': 'rareword',
    'common word': 'common',
    phrase: '"w1 w2"',
    'beginning of a word': 'w12',
  }
  const places = { everywhere: '500 conversations', ann: '20, one of them large' }
  for (const [userId, where] of Object.entries(places)) {
    for (const [what, query] of Object.entries(questions)) {
      const times: number[] = []
      let found = 0
      const { cpu } = await measured(async () => {
        for (let n = 0; n < 25; n++) {
          const start = performance.now()
          const wish = { userId, query, conversationId: null, senderId: null, before: null, limit: 21 }
          found = (await store.reads.searches.find(wish)).length
          times.push(performance.now() - start)
        }
      })
      const named = `  ${what.padEnd(20)} in ${where.padEnd(22)}`
      const took = `p50 ${ms(at(times, 0.5))} ms  p95 ${ms(at(times, 0.95))} ms`
      console.log(`${named} ${(cpu / 25).toFixed(0)} ms of Postgres CPU  ${took}  (${found} found)`)
    }
  }

  /** Sends a second, and how many of them search had not taken up at the end. */
  async function drive(indexed: boolean): Promise<{ rate: number; lag: number; cpu: number }> {
    let watcher: Watcher | undefined
    const hub = {
      watch: (given: Watcher) => {
        watcher = given
        return () => {}
      },
    }
    const indexing = new Indexing({ store, hub, onError: console.error })
    if (indexed) indexing.start()
    let [stop, count] = [false, 0]
    const loops = Array.from({ length: senders }, async (_, n) => {
      while (!stop) {
        const { message, position } = await store.send(draft(`c${n}`, 'everywhere', newId(), { content: CONTENT }))
        const event = { name: 'message.created', payload: { message }, position }
        // What passes the tail; the worker looks at the name alone.
        watcher?.passed?.(event as Durable)
        count++
      }
    })
    const { wall, cpu } = await measured(async () => {
      await new Promise((resolve) => setTimeout(resolve, seconds * 1_000))
      stop = true
      await Promise.all(loops)
    })
    await indexing.stop()
    const [row] = await withSql(url ?? '', (sql) =>
      sql.unsafe('select (select max(position) from events) - indexed as lag from log'),
    )
    await catchUp()
    return { rate: (count / wall) * 1_000, lag: Number(row?.lag), cpu: (cpu * 1_000) / count }
  }

  await drive(true)
  const sending: number[] = []
  const runs: { with: number[]; without: number[]; ratio: number[]; lag: number[] } = {
    with: [],
    without: [],
    ratio: [],
    lag: [],
  }
  for (let round = 0; round < rounds; round++) {
    // Who goes first changes, so that what drifts hits both alike.
    const first = round % 2 === 0
    const one = await drive(first)
    const other = await drive(!first)
    const [on, off] = first ? [one, other] : [other, one]
    runs.with.push(on.rate)
    runs.without.push(off.rate)
    runs.ratio.push(on.rate / off.rate)
    runs.lag.push(on.lag)
    sending.push(off.cpu)
  }
  const spread = (values: number[], digits = 0) =>
    `${at(values, 0.5).toFixed(digits)} (${at(values, 0).toFixed(digits)} to ${at(values, 0.999).toFixed(digits)})`
  console.log(`${senders} senders, ${rounds} rounds of ${seconds} s in turns, sends a second, median (least to most)`)
  console.log(`  without the worker ${spread(runs.without)}`)
  console.log(`  with the worker    ${spread(runs.with)}; events it was behind at the end ${spread(runs.lag)}`)
  console.log(`  a send without it  ${spread(sending)} µs of Postgres CPU`)
  console.log(`  ratio by round     ${spread(runs.ratio, 2)}`)
  await watching.end()
  await store.close()
} finally {
  await cluster?.remove()
}
