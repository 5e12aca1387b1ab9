/**
 * A user's 500 conversations with unread and mention counts, last messages and pins, in one page and in pages of 50, on native
 * Postgres: median and spread of store.reads.conversations.list, and how much of it the database takes (EXPLAIN ANALYZE of the
 * same statement; the rest is the way, decoding and node). Needs Postgres programs.
 *
 *     npm run bench:list [-- --conversations 500 --messages 100000 --users 5000 --rounds 200]
 *
 * Last figures (2 cores, quiet): all unread, with 834 mentions, 500 a page 23.7 ms (23.0 to 25.4), 17.2 of it the database, 50 a page
 * 5.8; one in five unread, 500 a page 17.9 ms (17.3 to 24.1), 12.5 of it the database, 50 a page 5.7. What an unread conversation costs
 * more is two probes: the member's own last message, and their mentions.
 */
import { parseArgs } from 'node:util'
import { openStore } from '../../server/store/store.ts'
import { LIST } from '../../server/store/summary.ts'
import { createCluster, findPrograms, withSql } from '../postgres.ts'

const { values: given } = parseArgs({
  options: {
    conversations: { type: 'string', default: '500' },
    messages: { type: 'string', default: '100000' },
    users: { type: 'string', default: '5000' },
    rounds: { type: 'string', default: '200' },
  },
})
const [conversations, messages, users, rounds] = [given.conversations, given.messages, given.users, given.rounds].map(
  Number,
) as [number, number, number, number]

const CONTENT = 'Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore'

/**
 * User `me` in every conversation: every third a direct one, the others groups of ten. Messages go round the conversations and
 * their members; each conversation has 20 that are not read. Every 20th message names `me`, every 50th everyone, every 10th is
 * a reply, one in five has a reaction.
 */
const FILL = `
insert into users (id, name, role, avatar) select 'me', 'Me Myself', 'client', null
  union all select 'u' || n, 'User Number ' || n, 'client', 'https://example.org/' || n || '.png' from generate_series(1, ${users}) n;
insert into conversations (id, kind, pair, title, context, join_policy, history_visible, created_by)
  select 'c' || lpad(n::text, 23, '0'), case when n % 3 = 0 then 'direct' else 'group' end,
    case when n % 3 = 0 then 'pair ' || n end, case when n % 3 = 0 then null else 'Conversation ' || n end,
    case when n % 3 = 0 then jsonb_build_object('jobId', n) end, 'invited', n % 7 <> 0, 'me'
  from generate_series(1, ${conversations}) n;
create temporary table seats as
  select c.id, n.place, case when n.place = 0 then 'me' else 'u' || ((substr(c.id, 2)::int * 7 + n.place) % 50 + 1) end as user_id,
    case when c.kind = 'direct' then 2 else 10 end as seats
  from conversations c cross join generate_series(0, 9) as n (place) where c.kind <> 'direct' or n.place < 2;
create temporary table sent as
  select n, 'c' || lpad(((n - 1) % ${conversations} + 1)::text, 23, '0') as conversation_id, (n - 1) / ${conversations} + 1 as seq
  from generate_series(1, ${messages}) n;
insert into messages (id, conversation_id, seq, sender_id, sender_seq, client_id, type, content, reply_to, mentions, mentions_everyone, created_at)
  select lpad(to_hex(s.n), 24, '0'), s.conversation_id, s.seq, p.user_id,
    row_number() over (partition by s.conversation_id, p.user_id order by s.seq), 'client ' || s.n, 'text', '${CONTENT}',
    case when s.seq % 10 = 0 then lpad(to_hex(s.n - 3 * ${conversations}), 24, '0') end,
    case when s.seq % 20 = 8 then '["me"]'::jsonb end, s.seq % 50 = 49, now() - interval '1 day' + s.n * interval '50 ms'
  from sent s join seats p on p.id = s.conversation_id and p.place = (s.seq + 3) % p.seats order by s.n;
insert into mentions select m.conversation_id, x.id, m.seq, m.sender_id from messages m
  cross join lateral (select 'me' as id where m.mentions is not null union all select '' where m.mentions_everyone) x;
insert into reactions (message_id, reaction, user_id) select lpad(to_hex(n), 24, '0'), '👍', 'me' from sent where (n + seq) % 5 = 0;
insert into members (conversation_id, user_id, role, joined_seq, last_read_seq, last_delivered_seq, sent_at_read, pinned_at)
  select p.id, p.user_id, 'member', 0, greatest(last.seq - 20, 0), greatest(last.seq - 20, 0),
    (select count(*) from messages x where x.conversation_id = p.id and x.sender_id = p.user_id and x.seq <= last.seq - 20),
    case when substr(p.id, 2)::int % 50 = 0 then now() end
  from seats p join (select conversation_id, max(seq) as seq from messages group by 1) last on last.conversation_id = p.id;
insert into hidden select 'me', lpad(to_hex(n), 24, '0') from sent where n % 97 = 0;
insert into events (position, conversation_id, name, message_id, created_at)
  select n, conversation_id, 'message.created', lpad(to_hex(n), 24, '0'), now() from sent;`

/** All but every fifth conversation is read to its end. */
const READ = `
update members m set last_read_seq = last.seq, last_delivered_seq = last.seq,
  sent_at_read = (select count(*) from messages x where x.conversation_id = m.conversation_id and x.sender_id = 'me')
from (select conversation_id, max(seq) as seq from messages group by 1) last
where last.conversation_id = m.conversation_id and m.user_id = 'me' and substr(m.conversation_id, 2)::int % 5 <> 0`

const programs = findPrograms()
if (!programs) throw new Error('no Postgres programs')
const cluster = await createCluster(programs)
try {
  const url = cluster.url()
  const store = await openStore({ databaseUrl: url })
  await withSql(url, async (sql) => {
    await sql.unsafe(FILL)
    // What autovacuum does in a minute.
    await sql.unsafe('vacuum analyze')
  })
  const measure = async (what: string) => {
    const { conversations: sample } = await store.reads.conversations.list('me', { limit: 500 })
    const sum = (of: 'unread' | 'mentions') => sample.reduce((total, one) => total + one[of], 0)
    console.log(
      `${what}: ${sample.length} conversations, ${sum('unread')} unread, ${sum('mentions')} mentions, ${messages} messages`,
    )

    for (const limit of [500, 50]) {
      const times: number[] = []
      for (let round = 0; round < rounds + 20; round++) {
        const start = performance.now()
        await store.reads.conversations.list('me', { limit })
        if (round >= 20) times.push(performance.now() - start)
      }
      times.sort((a, b) => a - b)
      const at = (share: number) => (times[Math.floor(times.length * share)] ?? 0).toFixed(1)
      const database = await withSql(url, async (sql) => {
        const took: number[] = []
        for (let round = 0; round < 30; round++) {
          const [row] = await sql.unsafe(`explain (analyze, timing off, format json) ${LIST}`, [
            ...['me', null, null, null, null, null, limit + 1, 0],
          ])
          took.push(Number(row?.['QUERY PLAN'][0]['Execution Time']))
        }
        return took.sort((a, b) => a - b)[15] ?? 0
      })
      console.log(
        `  ${String(limit).padStart(3)} a page: median ${at(0.5)} ms (${at(0.1)} to ${at(0.9)}), of which the database ${database.toFixed(1)} ms`,
      )
    }
  }
  await measure('all unread')
  await withSql(url, async (sql) => {
    await sql.unsafe(READ)
    await sql.unsafe('vacuum analyze')
  })
  await measure('one in five unread')
  await store.close()
} finally {
  await cluster.remove()
}
