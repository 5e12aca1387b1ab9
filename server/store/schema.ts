/**
 * The tables. Drizzle makes the migrations and the row types from this page; the statements are written by hand beside
 * the noun they serve (columns.ts takes their columns and types from here). Ids are text, `collate "C"`: opaque, compared
 * by bytes. Times have milliseconds, as a Date has, so that a time read is the time compared. int8 is read as a number.
 * A send only inserts: the end of a conversation and the count of a sender are found by index, not kept in a row. Rows that
 * every send updates would leave a dead version each, and a snapshot held open (a backup) would make all sends slower by it.
 * A probe of a send or of the log has exactly one index that can serve it (hence indexes on expressions, and a predicate that
 * is always true): a plan may be made while the tables are empty, and any prefix of any index then looks as good.
 * `messages` and `events` have no foreign keys on purpose: only append_messages and append_events insert there, they hold
 * the lock on the conversation, and a check by row would cost the batch a third of its rate.
 */
export * from './schema/conversation.ts'
export * from './schema/log.ts'
export * from './schema/message.ts'
export * from './schema/notification.ts'
export * from './schema/people.ts'
