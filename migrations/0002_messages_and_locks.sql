CREATE TABLE "locks" (
	"message_id" text collate "C" PRIMARY KEY NOT NULL,
	"conversation_id" text collate "C" NOT NULL,
	"holder_id" text collate "C" NOT NULL,
	"token" bigint NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	"announced_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "reactions" (
	"message_id" text collate "C" NOT NULL,
	"reaction" text NOT NULL,
	"user_id" text collate "C" NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT clock_timestamp() NOT NULL,
	CONSTRAINT "reactions_message_id_reaction_user_id_pk" PRIMARY KEY("message_id","reaction","user_id")
);
--> statement-breakpoint
CREATE TABLE "versions" (
	"message_id" text collate "C" NOT NULL,
	"version" bigint NOT NULL,
	"content" text NOT NULL,
	"written_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "versions_message_id_version_pk" PRIMARY KEY("message_id","version")
);
--> statement-breakpoint
ALTER TABLE "members" ADD COLUMN "muted_until" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "members" ADD COLUMN "archived_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "members" ADD COLUMN "pinned_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "messages" ADD COLUMN "version" bigint DEFAULT 1 NOT NULL;--> statement-breakpoint
CREATE INDEX "locks_conversation" ON "locks" USING btree ("conversation_id");--> statement-breakpoint
CREATE INDEX "locks_expiry" ON "locks" USING btree ("expires_at") WHERE announced_at is null;--> statement-breakpoint
CREATE INDEX "locks_holder" ON "locks" USING btree ("holder_id") WHERE announced_at is null;