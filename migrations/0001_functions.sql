INSERT INTO log (epoch) VALUES (left(replace(gen_random_uuid()::text, '-', ''), 12));
--> statement-breakpoint
-- Takes the lock of the log, which is held to the commit, and gives the last position. So order of position is order of
-- commit, without a gap. Two statements: the second must not see an older state than that at the time of the lock.
CREATE FUNCTION lock_log(OUT last_position bigint, OUT last_at timestamptz) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(1346458188);
  SELECT e.position, e.created_at INTO last_position, last_at FROM events e ORDER BY e.position DESC LIMIT 1;
  last_position := coalesce(last_position, 0);
END $$;
--> statement-breakpoint
-- Stores a batch of messages, one array per column. Locks the conversations in order of id; then, in a new snapshot, finds
-- duplicates before it checks membership; allots seq; with `with_events` also logs `message.created`. One row comes back for
-- each message, in order: `new`, `known` (its id is the first one's), `no conversation`, `not a member` or `no reply target`.
-- Without `with_events` membership and the event are the caller's.
CREATE FUNCTION append_messages(
  ids text[], conversation_ids text[], sender_ids text[], client_ids text[], types text[], contents text[],
  metadatas text[], reply_tos text[], origins text[], with_events boolean
) RETURNS TABLE (code text, id text, seq bigint, log_position bigint, created_at timestamptz)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  codes text[]; found text[]; seqs bigint[]; ats timestamptz[]; steps bigint[];
  base bigint := 0;
  started timestamptz;
BEGIN
  PERFORM 1 FROM conversations c WHERE c.id = ANY (conversation_ids) ORDER BY c.id FOR NO KEY UPDATE;
  started := date_trunc('milliseconds', clock_timestamp());

  WITH input AS MATERIALIZED (
    SELECT i.ord::int AS ord, i.id, i.conversation_id COLLATE "C" AS conversation_id, i.sender_id COLLATE "C" AS sender_id,
      i.client_id, i.type, i.content, i.metadata, i.reply_to, first.id AS first_id, coalesce(last.seq, 0) AS last_seq,
      coalesce(own.sender_seq, 0) AS own_seq, greatest(started, c.created_at, last.created_at) AS at,
      CASE
        WHEN first.id IS NOT NULL THEN 'known'
        WHEN c.id IS NULL THEN 'no conversation'
        WHEN with_events AND m.user_id IS NULL THEN 'not a member'
        WHEN i.reply_to IS NOT NULL AND r.conversation_id IS DISTINCT FROM i.conversation_id THEN 'no reply target'
        ELSE 'new'
      END AS code
    FROM unnest(ids, conversation_ids, sender_ids, client_ids, types, contents, metadatas, reply_tos) WITH ORDINALITY
      AS i (id, conversation_id, sender_id, client_id, type, content, metadata, reply_to, ord)
    LEFT JOIN LATERAL (
      SELECT x.id FROM messages x
      WHERE x.conversation_id || chr(10) || x.sender_id || chr(10) || x.client_id
        = i.conversation_id || chr(10) || i.sender_id || chr(10) || i.client_id LIMIT 1
    ) first ON true
    LEFT JOIN LATERAL (SELECT c.id, c.created_at FROM conversations c WHERE c.id = i.conversation_id LIMIT 1) c ON true
    LEFT JOIN LATERAL (
      SELECT x.seq, x.created_at FROM messages x WHERE x.conversation_id = i.conversation_id ORDER BY x.seq DESC LIMIT 1
    ) last ON true
    LEFT JOIN LATERAL (
      SELECT x.sender_seq FROM messages x
      WHERE x.conversation_id || chr(10) || x.sender_id = i.conversation_id || chr(10) || i.sender_id
      ORDER BY x.seq DESC LIMIT 1
    ) own ON true
    LEFT JOIN LATERAL (
      SELECT m.user_id FROM members m
      WHERE m.conversation_id = i.conversation_id AND m.user_id = i.sender_id AND m.left_at IS NULL LIMIT 1
    ) m ON true
    LEFT JOIN LATERAL (
      SELECT x.conversation_id FROM messages x WHERE i.reply_to IS NOT NULL AND x.id = i.reply_to LIMIT 1
    ) r ON true
  ),
  numbered AS MATERIALIZED (
    SELECT i.*,
      i.last_seq + count(*) FILTER (WHERE i.code = 'new') OVER (PARTITION BY i.conversation_id ORDER BY i.ord) AS seq,
      i.own_seq + count(*) FILTER (WHERE i.code = 'new')
        OVER (PARTITION BY i.conversation_id, i.sender_id ORDER BY i.ord) AS sender_seq
    FROM input i
  ),
  stored AS (
    INSERT INTO messages
      (id, conversation_id, seq, sender_id, sender_seq, client_id, type, content, metadata, reply_to, created_at)
    SELECT n.id, n.conversation_id, n.seq, n.sender_id, n.sender_seq, n.client_id, n.type, n.content, n.metadata::jsonb,
      n.reply_to, n.at
    FROM numbered n WHERE n.code = 'new'
  )
  SELECT array_agg(n.code), array_agg(coalesce(n.first_id, n.id)), array_agg(n.seq), array_agg(n.at), array_agg(n.step)
  INTO codes, found, seqs, ats, steps
  FROM (
    SELECT n.*, count(*) FILTER (WHERE n.code = 'new') OVER (ORDER BY n.ord) AS step FROM numbered n ORDER BY n.ord
  ) n;

  IF with_events THEN
    SELECT l.last_position INTO base FROM lock_log() l;
    INSERT INTO events (position, conversation_id, name, actor_id, origin, message_id, created_at)
    SELECT base + n.step, n.conversation_id, 'message.created', n.sender_id, n.origin, n.id, n.at
    FROM unnest(codes, steps, conversation_ids, sender_ids, origins, found, ats)
      AS n (code, step, conversation_id, sender_id, origin, id, at)
    WHERE n.code = 'new';
  END IF;

  RETURN QUERY
  SELECT n.code, n.id, n.seq, CASE WHEN n.code = 'new' AND with_events THEN base + n.step END, n.at
  FROM unnest(codes, found, seqs, steps, ats) AS n (code, id, seq, step, at);
END $$;
--> statement-breakpoint
-- The last statement of a write: its events in order, one array per column; a topic is a conversation or a user. Opens the
-- intervals of those whom an event adds, from that event on, and closes those whom it removes, that event included
-- (`ord` counts the events from 1).
CREATE FUNCTION append_events(
  conversation_ids text[], user_ids text[], names text[], actor_ids text[], origins text[], payloads text[],
  message_ids text[], added_ords int[], added_ids text[], removed_ords int[], removed_ids text[]
) RETURNS TABLE (log_position bigint, created_at timestamptz)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  base bigint;
  at timestamptz;
BEGIN
  SELECT l.last_position, greatest(date_trunc('milliseconds', clock_timestamp()), l.last_at) INTO base, at FROM lock_log() l;

  INSERT INTO events (position, conversation_id, user_id, name, actor_id, origin, payload, message_id, created_at)
  SELECT base + n.ord, n.conversation_id, n.user_id, n.name, n.actor_id, n.origin, n.payload::jsonb, n.message_id, at
  FROM unnest(conversation_ids, user_ids, names, actor_ids, origins, payloads, message_ids) WITH ORDINALITY
    AS n (conversation_id, user_id, name, actor_id, origin, payload, message_id, ord);

  INSERT INTO intervals (user_id, conversation_id, from_position)
  SELECT n.id, conversation_ids[n.ord], base + n.ord FROM unnest(added_ords, added_ids) AS n (ord, id);

  UPDATE intervals i SET to_position = base + n.ord
  FROM unnest(removed_ords, removed_ids) AS n (ord, id)
  WHERE i.user_id = n.id AND i.conversation_id = conversation_ids[n.ord]
    AND i.to_position IS NULL AND i.from_position <= base + n.ord;

  RETURN QUERY SELECT base + n.ord, at FROM generate_series(1, cardinality(names)) AS n (ord);
END $$;
--> statement-breakpoint
-- The first seq of a conversation written after `since`, last_seq + 1 if none. Times rise with seq and seq has no gap, so it
-- halves the range over messages_seq: some twenty probes instead of one more index that every send would pay for.
CREATE FUNCTION first_seq_after(conversation text, since timestamptz, last_seq bigint) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
  low bigint := 1;
  high bigint := last_seq + 1;
  middle bigint;
BEGIN
  WHILE low < high LOOP
    middle := (low + high) / 2;
    IF (SELECT m.created_at FROM messages m WHERE m.conversation_id = conversation AND m.seq = middle) > since
    THEN high := middle; ELSE low := middle + 1; END IF;
  END LOOP;
  RETURN low;
END $$;
--> statement-breakpoint
-- One plan for each statement of the functions, made once and only from indexes: a plan made while the tables were small
-- must not scan them once they are large.
ALTER FUNCTION append_messages SET plan_cache_mode = force_generic_plan;
--> statement-breakpoint
ALTER FUNCTION append_messages SET enable_seqscan = off;
--> statement-breakpoint
ALTER FUNCTION append_events SET plan_cache_mode = force_generic_plan;
--> statement-breakpoint
ALTER FUNCTION append_events SET enable_seqscan = off;
