/**
 * Durable sends a second on native Postgres (fsync on, the real schema): the journal against the same SQL function called
 * with one message at a time over ten pipelined connections. 200 senders, each in a conversation of their own. The two run
 * in turns; then again while a snapshot is held open. Needs DATABASE_URL (its own empty database) or Postgres programs.
 *
 *     npm run bench:journal [-- --senders 200 --seconds 3 --rounds 5 --lanes 1]
 *
 * Last figures (2 cores, shared with other work, PostgreSQL 15, one lane): 12.7 times, with the snapshot held 11.3 times; a
 * batch p50 18 ms, p99 52 ms; and as fast after 340,000 sends under the snapshot as before. Two lanes were no faster than one.
 */
import { parseArgs } from 'node:util'
import postgres from 'postgres'
import type { SendDraft } from '../../server/core/ports.ts'
import type { Query } from '../../server/store/driver.ts'
import { appendMessages } from '../../server/store/message.ts'
import { openStore } from '../../server/store/store.ts'
import { createCluster, findPrograms, withSql } from '../postgres.ts'
import { createConversation, draft, newId } from '../store/drafts.ts'

const { values: given } = parseArgs({
  options: {
    senders: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '5' },
    lanes: { type: 'string', default: '1' },
  },
})
const [senders, seconds, rounds, lanes] = [given.senders, given.seconds, given.rounds, given.lanes].map(Number) as [
  number,
  number,
  number,
  number,
]
const CONTENT =
  'Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et dolore'

type Send = (draft: SendDraft) => Promise<unknown>
interface Run {
  rate: number
  p50: number
  p99: number
  cpu: number
}

async function drive(send: Send): Promise<Run> {
  let stop = false
  const times: number[] = []
  const loops = Array.from({ length: senders }, async (_, n) => {
    while (!stop) {
      const start = performance.now()
      await send(draft(`c${n}`, 'ann', newId(), { content: CONTENT }))
      times.push(performance.now() - start)
    }
  })
  const cpu = process.cpuUsage()
  const start = performance.now()
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000))
  stop = true
  await Promise.all(loops)
  const lasted = performance.now() - start
  const { user, system } = process.cpuUsage(cpu)
  times.sort((a, b) => a - b)
  const at = (share: number) => times[Math.floor(times.length * share)] ?? 0
  return {
    rate: (times.length / lasted) * 1_000,
    p50: at(0.5),
    p99: at(0.99),
    cpu: (user + system) / 1_000 / times.length,
  }
}

const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

function report(name: string, runs: Run[]): number {
  const rates = runs.map(({ rate }) => rate)
  const rate = median(rates)
  console.log(
    `  ${name.padEnd(34)} ${rate.toFixed(0).padStart(6)}/s (${Math.min(...rates).toFixed(0)} to ${Math.max(...rates).toFixed(0)})`,
    ` p50 ${median(runs.map(({ p50 }) => p50)).toFixed(1)} ms  p99 ${median(runs.map(({ p99 }) => p99)).toFixed(1)} ms`,
    ` ${(median(runs.map(({ cpu }) => cpu)) * 1_000).toFixed(0)} µs of node CPU a send`,
  )
  return rate
}

const programs = findPrograms()
const cluster = process.env.DATABASE_URL || !programs ? undefined : await createCluster(programs, { synced: true })
const url = process.env.DATABASE_URL ?? cluster?.url()
if (!url) throw new Error('neither DATABASE_URL nor Postgres programs')
try {
  const store = await openStore({ databaseUrl: url, lanes })
  for (let n = 0; n < senders; n++) await createConversation(store, `c${n}`, ['ann', 'bob'])
  const sql = postgres(url, { max: 10, fetch_types: false, onnotice: () => {} })
  const pipelined: Query = async <R extends readonly unknown[]>(text: string, params: Parameters<Query>[1] = []) =>
    (await sql.unsafe(text, [...params], { prepare: true }).values()) as unknown as R[]
  const single: Send = (one) => appendMessages(pipelined, [one], true, pipelined)

  async function compare(title: string): Promise<void> {
    console.log(`${title}: ${senders} senders, ${rounds} rounds of ${seconds} s in turns`)
    const [batches, singles]: [Run[], Run[]] = [[], []]
    for (let round = 0; round < rounds; round++) {
      batches.push(await drive(store.send))
      singles.push(await drive(single))
    }
    const ratio = report(`journal, ${lanes} lane(s)`, batches) / report('one by one, 10 connections', singles)
    console.log(`  ratio ${ratio.toFixed(2)}`)
  }

  await drive(store.send)
  await drive(single)
  await compare('plain')
  await withSql(url, async (holder) => {
    await holder.unsafe('begin isolation level repeatable read')
    await holder.unsafe('select count(*) from events')
    await compare('with a snapshot held open')
    await holder.unsafe('commit')
  })
  const { messages, position } = await store.reads.stats()
  console.log(`stored ${messages} messages, last position ${position}`)
  await sql.end()
  await store.close()
} finally {
  await cluster?.remove()
}
