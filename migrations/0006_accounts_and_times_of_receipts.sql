CREATE TABLE "accounts" (
	"login" text PRIMARY KEY NOT NULL,
	"user_id" text collate "C" NOT NULL,
	"password_hash" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT clock_timestamp() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "members" ADD COLUMN "last_read_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "members" ADD COLUMN "last_delivered_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "accounts" ADD CONSTRAINT "accounts_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "accounts_user" ON "accounts" USING btree ("user_id");--> statement-breakpoint
-- The payloads that have become wider, as the log has them already.
UPDATE "events" SET "payload" = jsonb_set("payload", '{json}', ("payload" -> 'json') || '{"messages": [], "whole": true}') WHERE "name" = 'receipt.read';--> statement-breakpoint
UPDATE "events" SET "payload" = jsonb_set("payload", '{json,members}', (
	SELECT jsonb_agg(m || '{"lastReadAt": null, "lastDeliveredAt": null}') FROM jsonb_array_elements("payload" #> '{json,members}') m
)) WHERE "name" IN ('conversation.created', 'member.added') AND jsonb_array_length("payload" #> '{json,members}') > 0;
