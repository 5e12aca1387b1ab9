/**
 * Search. The index proposes, the message decides: candidates come from `searches` and, for what happened since `log.indexed`,
 * from the log itself; each is then checked as it is now, newest first, until the page is full. So an index that lags, or was
 * filled from an older state, shows nothing wrong.
 * `words` also holds the conversation and the sender of the message, as lexemes that no text can contain. With them the
 * index gives only what is in the actor's conversations, a few at a time: for each message GIN looks at all that are named.
 */
import type { Found, Highlight } from '../../shared/commands/search.ts'
import { AppError } from '../../shared/errors.ts'
import type { SearchIndex, SearchReads } from '../core/ports.ts'
import { hiddenFrom, messageColumns } from './columns.ts'
import type { Driver, Query } from './driver.ts'

/**
 * Text as the parser of Postgres gets it: `<b>` would be taken for markup and `yes/no` for a file. They become control
 * characters, which part words; `shown` is the way back. \x01 and \x02 are left free for the borders of hits.
 */
const plain = (text: string) => `translate(${text}, E'<>/\\x01\\x02\\x03\\x04\\x05', E'\\x03\\x04\\x05     ')`
const shown = (text: string) => text.replaceAll('\x03', '<').replaceAll('\x04', '>').replaceAll('\x05', '/')
const wordsOf = (message: string) => `to_tsvector('simple', ${plain(`${message}.content`)})`
const placeOf = (id: string) => `chr(10) || ${id}`
const senderOf = (id: string) => `chr(9) || ${id}`
/** A lexeme in the syntax of tsquery. */
const quoted = (lexeme: string) => `'''' || replace(replace(${lexeme}, '\\', '\\\\'), '''', '''''') || ''''`

const RECENT = 2_000
const PLACES = 16

/** `$2` as a query; with `$7` its last word, unless negated, is also the beginning of one. */
const FIND = `
with typed as materialized (select websearch_to_tsquery('simple', ${plain('$2::text')})::text as query),
asked as materialized (
  select a.query, case when $4::text is null then a.query else a.query && (${quoted(senderOf('$4'))})::tsquery end as wide
  from (
    select (case when $7::boolean and t.query ~ '(^|[^!])''[^'']+''$' then t.query || ':*' else t.query end)::tsquery as query
    from typed t
  ) a where numnode(a.query) > 0
),
places as materialized (
  select string_agg(${quoted(placeOf('m.conversation_id'))}, ' | ')::tsquery as query
  from (
    select m.conversation_id, row_number() over (order by m.conversation_id) as n from members m
    where m.user_id = $1 and m.left_at is null and ($3::text is null or m.conversation_id = $3)
  ) m group by m.n / ${PLACES}
),
recent as materialized (
  select e.message_id, min(e.position) filter (where e.name = 'message.created') as position
  from log cross join lateral (
    select x.* from events x where x.position > log.indexed order by x.position desc limit ${RECENT}
  ) e
  where e.name in ('message.created', 'message.updated') group by e.message_id
),
found as (
  select s.message_id, s.position from asked cross join places cross join lateral (
    select x.message_id, x.position from searches x where x.words @@ (asked.wide && places.query) offset 0
  ) s
  where not exists (select from recent r where r.message_id = s.message_id)
  union all
  select r.message_id, coalesce(r.position, s.position) from recent r left join searches s on s.message_id = r.message_id
),
page as materialized (
  select f.position, msg.id, asked.query
  from (
    select x.* from found x where x.position < coalesce($5::bigint, 9007199254740991) order by x.position desc offset 0
  ) f
  cross join asked
  cross join lateral (select x.* from messages x where x.id = f.message_id offset 0) msg
  cross join lateral (
    select c.history_visible, m.joined_seq from members m join conversations c on c.id = m.conversation_id
    where m.conversation_id = msg.conversation_id and m.user_id = $1 and m.left_at is null offset 0
  ) m
  where msg.deleted_at is null
    and ($3::text is null or msg.conversation_id = $3) and ($4::text is null or msg.sender_id = $4)
    and not ${hiddenFrom('$1')}
    -- The text, which is dear, after all else: of a large conversation one who came late sees little.
    and case when m.history_visible or msg.seq > m.joined_seq then ${wordsOf('msg')} @@ asked.query else false end
  order by f.position desc limit $6
)
select page.position,
  ts_headline('simple', ${plain('msg.content')}, page.query, E'StartSel="\\x01", StopSel="\\x02", MaxWords=30, ShortWord=0'),
  ${messageColumns.text}
from page join messages msg on msg.id = page.id order by page.position desc`

const LONGEST = 200
/** What is left of the text before the first hit, if it does not fit. */
const LEAD = 60

/** Cut by characters, not by halves of them. */
function toHighlights(headline: string): Highlight[] {
  const highlights: Highlight[] = []
  let left = LONGEST
  for (const [index, text] of headline.replaceAll('\x02', '\x01').split('\x01').entries()) {
    const all = Array.from(shown(text))
    const piece = index === 0 && headline.includes('\x01') ? all.slice(-LEAD) : all.slice(0, left)
    left -= piece.length
    if (piece.length > 0) highlights.push({ text: piece.join(''), hit: index % 2 === 1 })
  }
  return highlights
}

/** Whether the last word may be unfinished: it is neither followed by something nor in quotes. */
const unfinished = (query: string) => /[\p{L}\p{M}\p{N}]$/u.test(query) && query.split('"').length % 2 === 1

/** Of one user at once, the one under way included. */
const MOST_SEARCHES = 10

export function searchReads(query: Query): SearchReads {
  /** A user's searches go one after the other: together they would take all connections from everybody. */
  const waiting = new Map<string, { last: Promise<unknown>; count: number }>()
  async function inTurn<R>(userId: string, run: () => Promise<R>): Promise<R> {
    const mine = waiting.get(userId) ?? { last: Promise.resolve(), count: 0 }
    if (mine.count >= MOST_SEARCHES) throw new AppError('OVERLOADED', 'Too many searches at once')
    waiting.set(userId, mine)
    mine.count++
    const result = mine.last.then(run)
    mine.last = result.catch(() => undefined)
    try {
      return await result
    } finally {
      if (--mine.count === 0) waiting.delete(userId)
    }
  }
  return {
    async find({ userId, query: asked, conversationId, senderId, before, limit }) {
      const rows = await inTurn(userId, () =>
        query<[position: number, headline: string, ...unknown[]]>(FIND, [
          ...[userId, asked, conversationId, senderId, before, limit, unfinished(asked)],
        ]),
      )
      return rows.flatMap((row): (Found & { position: number })[] => {
        const message = messageColumns.read(row, 2)
        return message ? [{ message, highlights: toHighlights(row[1]), position: row[0] }] : []
      })
    },
  }
}

const LOCK = 1_346_458_195
/** Characters of text in a page, so that it stays short: the embedded database does nothing else meanwhile. */
const MAX_SIZE = 100_000

/**
 * `limit` is $1. Events are seen in order of position without a gap, so the state of a message is never older than they are.
 * Messages are read by id, one by one (`offset`): joined as a whole, the planner reads all there are for each page.
 */
const INDEX = `
with page as materialized (
  select e.position, e.name, e.message_id
  from (
    select e.*, sum(coalesce(length(msg.content), 0)) over (order by e.position rows between unbounded preceding and 1 preceding)
      as before
    from log cross join lateral (
      select x.position, x.name, x.message_id from events x where x.position > log.indexed order by x.position limit $1
    ) e
    left join lateral (select x.content from messages x where x.id = e.message_id offset 0) msg on true
  ) e where coalesce(e.before, 0) < ${MAX_SIZE}
),
touched as materialized (
  select p.message_id, min(p.position) filter (where p.name = 'message.created') as position from page p
  where p.name in ('message.created', 'message.updated', 'message.deleted') group by p.message_id
),
gone as (
  delete from searches s using touched t
  where s.message_id = t.message_id and (select msg.deleted_at from messages msg where msg.id = t.message_id) is not null
),
put as (
  insert into searches (message_id, position, words)
  select msg.id, coalesce(t.position, s.position),
    ${wordsOf('msg')} || array_to_tsvector(array[${placeOf('msg.conversation_id')}, ${senderOf('msg.sender_id')}])
  from touched t cross join lateral (select x.* from messages x where x.id = t.message_id offset 0) msg
  left join lateral (select x.position from searches x where x.message_id = t.message_id offset 0) s on true
  where msg.deleted_at is null and coalesce(t.position, s.position) is not null
  on conflict (message_id) do update set words = excluded.words
),
moved as (update log set indexed = (select max(p.position) from page p) where exists (select from page))
select (select count(*) from touched),
  coalesce((select max(e.position) from events e) > (select max(p.position) from page p), false)`

export function openSearchIndex(driver: Driver): SearchIndex {
  return {
    async index(limit) {
      const { result } = await driver.transaction(async (query) => {
        // A statement of its own: the next one must see all that the last holder has committed.
        const [lock] = await query<[boolean]>(`select pg_try_advisory_xact_lock(${LOCK})`)
        if (!lock?.[0]) return { result: null }
        const [row] = await query<[touched: number, more: boolean]>(INDEX, [limit])
        return { result: row ?? null }
      })
      if (!result) return 'busy'
      // What GIN has put off until later, every search would read through.
      if (result[0] > 0) await driver.query("select gin_clean_pending_list('searches_words')")
      return result[1] ? 'more' : 'done'
    },
  }
}
