-- Makes notifications, a JSON array of drafts (NotificationDraft), where they are wanted: by an active user who has not muted the
-- type, once for each cause; with a conversation, by its members only, and its messages only where it is not muted. One row
-- comes back for each that was made.
CREATE FUNCTION add_notifications(drafts jsonb) RETURNS TABLE (made_id text, made_silent boolean) LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY
  INSERT INTO notifications AS made
    (id, user_id, type, priority, title, body, data, action_url, message_id, cause, silent, created_at)
  SELECT d.id, d."userId", d.type, d.priority, d.title, d.body, d.data, d."actionUrl", d."messageId", d.cause,
    d.priority <> 'urgent' AND u.status = 'dnd' AND coalesce(u.status_expires_at > clock_timestamp(), true), d."createdAt"
  FROM jsonb_to_recordset(drafts) AS d (id text, "userId" text, type text, priority text, title text, body text, data jsonb,
    "actionUrl" text, "messageId" text, cause text, "conversationId" text, "createdAt" timestamptz)
  JOIN users u ON u.id = d."userId" AND u.active AND NOT (u.muted_types ? d.type)
  LEFT JOIN members m ON m.conversation_id = d."conversationId" AND m.user_id = d."userId" AND m.left_at IS NULL
  WHERE (d."conversationId" IS NULL OR m.user_id IS NOT NULL)
    AND NOT (d.type = 'message' AND coalesce(m.muted_until > clock_timestamp(), false))
  ORDER BY d.id
  ON CONFLICT (user_id, cause) DO NOTHING
  RETURNING made.id::text, made.silent;
END $$;
--> statement-breakpoint
DROP FUNCTION append_messages(text[], text[], text[], text[], text[], text[], text[], text[], text[], boolean);
--> statement-breakpoint
-- Stores a batch of messages, one array per column. Locks the conversations in order of id; then, in a new snapshot, finds
-- duplicates before it checks membership; allots seq; with `with_events` also makes `notifications` (drafts as of
-- add_notifications, each with the `ord` of its message and its `event`) and logs `message.created`, then
-- `notification.created`. One row comes back for each message, in order: `new`, `known` (its id is the first one's),
-- `no conversation`, `not a member`, `blocked` or `no reply target`; then one for each notification that was made, `notified`
-- or `notified silently`. Without `with_events` membership and events are the caller's.
CREATE FUNCTION append_messages(
  ids text[], conversation_ids text[], sender_ids text[], client_ids text[], types text[], contents text[],
  metadatas text[], reply_tos text[], mentions text[], everyones boolean[], origins text[], notifications jsonb,
  with_events boolean
) RETURNS TABLE (code text, id text, seq bigint, log_position bigint, created_at timestamptz)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  codes text[]; found text[]; seqs bigint[]; ats timestamptz[]; steps bigint[];
  made text[]; silent boolean[];
  base bigint := 0;
  stored bigint;
  started timestamptz;
BEGIN
  PERFORM 1 FROM conversations c WHERE c.id = ANY (conversation_ids) ORDER BY c.id FOR NO KEY UPDATE;
  started := date_trunc('milliseconds', clock_timestamp());

  WITH input AS MATERIALIZED (
    SELECT i.ord::int AS ord, i.id, i.conversation_id COLLATE "C" AS conversation_id, i.sender_id COLLATE "C" AS sender_id,
      i.client_id, i.type, i.content, i.metadata, i.reply_to, i.mentions, i.everyone, first.id AS first_id,
      coalesce(last.seq, 0) AS last_seq, coalesce(own.sender_seq, 0) AS own_seq,
      greatest(started, c.created_at, last.created_at) AS at,
      CASE
        WHEN first.id IS NOT NULL THEN 'known'
        WHEN c.id IS NULL THEN 'no conversation'
        WHEN with_events AND m.user_id IS NULL THEN 'not a member'
        WHEN c.blocked THEN 'blocked'
        WHEN i.reply_to IS NOT NULL AND r.conversation_id IS DISTINCT FROM i.conversation_id THEN 'no reply target'
        ELSE 'new'
      END AS code
    FROM unnest(ids, conversation_ids, sender_ids, client_ids, types, contents, metadatas, reply_tos, mentions, everyones)
      WITH ORDINALITY
      AS i (id, conversation_id, sender_id, client_id, type, content, metadata, reply_to, mentions, everyone, ord)
    LEFT JOIN LATERAL (
      SELECT x.id FROM messages x
      WHERE x.conversation_id || chr(10) || x.sender_id || chr(10) || x.client_id
        = i.conversation_id || chr(10) || i.sender_id || chr(10) || i.client_id LIMIT 1
    ) first ON true
    LEFT JOIN LATERAL (
      SELECT c.id, c.created_at, c.blocked FROM conversations c WHERE c.id = i.conversation_id LIMIT 1
    ) c ON true
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
    INSERT INTO messages (id, conversation_id, seq, sender_id, sender_seq, client_id, type, content, metadata, reply_to,
      mentions, mentions_everyone, created_at)
    SELECT n.id, n.conversation_id, n.seq, n.sender_id, n.sender_seq, n.client_id, n.type, n.content, n.metadata::jsonb,
      n.reply_to, n.mentions::jsonb, n.everyone, n.at
    FROM numbered n WHERE n.code = 'new'
  ),
  named AS (
    INSERT INTO mentions (conversation_id, user_id, seq, sender_id)
    SELECT n.conversation_id, who.id, n.seq, n.sender_id
    FROM numbered n CROSS JOIN LATERAL (
      SELECT x.id FROM jsonb_array_elements_text(n.mentions::jsonb) AS x (id) WHERE n.mentions IS NOT NULL
      UNION ALL SELECT '' WHERE n.everyone
    ) who
    WHERE n.code = 'new' AND (n.mentions IS NOT NULL OR n.everyone)
  )
  SELECT array_agg(n.code), array_agg(coalesce(n.first_id, n.id)), array_agg(n.seq), array_agg(n.at), array_agg(n.step),
    max(n.step)
  INTO codes, found, seqs, ats, steps, stored
  FROM (
    SELECT n.*, count(*) FILTER (WHERE n.code = 'new') OVER (ORDER BY n.ord) AS step FROM numbered n ORDER BY n.ord
  ) n;

  IF with_events THEN
    IF jsonb_array_length(notifications) > 0 THEN
      SELECT array_agg(a.made_id), array_agg(a.made_silent) INTO made, silent
      FROM add_notifications((
        SELECT coalesce(jsonb_agg(d), '[]') FROM jsonb_array_elements(notifications) AS d
        WHERE codes[(d ->> 'ord')::int] = 'new'
      )) a;
    END IF;
    SELECT l.last_position INTO base FROM lock_log() l;
    INSERT INTO events (position, conversation_id, name, actor_id, origin, message_id, created_at)
    SELECT base + n.step, n.conversation_id, 'message.created', n.sender_id, n.origin, n.id, n.at
    FROM unnest(codes, steps, conversation_ids, sender_ids, origins, found, ats)
      AS n (code, step, conversation_id, sender_id, origin, id, at)
    WHERE n.code = 'new';
    IF made IS NOT NULL THEN
      INSERT INTO events (position, user_id, name, actor_id, origin, payload, message_id, created_at)
      SELECT base + stored + m.step, d ->> 'userId', 'notification.created', d ->> 'by', origins[(d ->> 'ord')::int],
        jsonb_set(d -> 'event', '{json,notification,silent}', to_jsonb(m.silent)), d ->> 'messageId', started
      FROM unnest(made, silent) WITH ORDINALITY AS m (id, silent, step)
      JOIN jsonb_array_elements(notifications) AS d ON d ->> 'id' = m.id;
    END IF;
  END IF;

  RETURN QUERY
  SELECT n.code, n.id, n.seq, CASE WHEN n.code = 'new' AND with_events THEN base + n.step END, n.at
  FROM unnest(codes, found, seqs, steps, ats) AS n (code, id, seq, step, at);
  RETURN QUERY
  SELECT CASE WHEN m.silent THEN 'notified silently' ELSE 'notified' END, m.id, NULL::bigint, base + stored + m.step, started
  FROM unnest(made, silent) WITH ORDINALITY AS m (id, silent, step);
END $$;
--> statement-breakpoint
ALTER FUNCTION append_messages SET plan_cache_mode = force_generic_plan;
--> statement-breakpoint
ALTER FUNCTION append_messages SET enable_seqscan = off;
--> statement-breakpoint
ALTER FUNCTION add_notifications SET plan_cache_mode = force_generic_plan;
--> statement-breakpoint
ALTER FUNCTION add_notifications SET enable_seqscan = off;
