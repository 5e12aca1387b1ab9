CREATE TABLE "conversations" (
	"id" text collate "C" PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	"pair" text collate "C",
	"title" text,
	"context" jsonb,
	"join_policy" text NOT NULL,
	"history_visible" boolean NOT NULL,
	"created_by" text collate "C" NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT clock_timestamp() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT clock_timestamp() NOT NULL,
	CONSTRAINT "conversations_pair_unique" UNIQUE("pair")
);
--> statement-breakpoint
CREATE TABLE "cursors" (
	"user_id" text collate "C" NOT NULL,
	"dialect" text NOT NULL,
	"scope" text collate "C" NOT NULL,
	"position" bigint NOT NULL,
	CONSTRAINT "cursors_user_id_dialect_scope_pk" PRIMARY KEY("user_id","dialect","scope")
);
--> statement-breakpoint
CREATE TABLE "events" (
	"position" bigint PRIMARY KEY NOT NULL,
	"conversation_id" text collate "C",
	"user_id" text collate "C",
	"name" text NOT NULL,
	"actor_id" text collate "C",
	"origin" text,
	"payload" jsonb,
	"message_id" text collate "C",
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "events_topic" CHECK ((conversation_id is null) <> (user_id is null))
);
--> statement-breakpoint
CREATE TABLE "intervals" (
	"user_id" text collate "C" NOT NULL,
	"conversation_id" text collate "C" NOT NULL,
	"from_position" bigint NOT NULL,
	"to_position" bigint,
	CONSTRAINT "intervals_user_id_conversation_id_from_position_pk" PRIMARY KEY("user_id","conversation_id","from_position")
);
--> statement-breakpoint
CREATE TABLE "log" (
	"one" boolean PRIMARY KEY DEFAULT true NOT NULL,
	"epoch" text NOT NULL,
	"floor" bigint DEFAULT 0 NOT NULL,
	"identity" text,
	CONSTRAINT "log_one" CHECK (one)
);
--> statement-breakpoint
CREATE TABLE "members" (
	"conversation_id" text collate "C" NOT NULL,
	"user_id" text collate "C" NOT NULL,
	"role" text NOT NULL,
	"joined_at" timestamp (3) with time zone DEFAULT clock_timestamp() NOT NULL,
	"joined_seq" bigint NOT NULL,
	"left_at" timestamp (3) with time zone,
	"last_read_seq" bigint NOT NULL,
	"last_delivered_seq" bigint NOT NULL,
	"sent_at_read" bigint NOT NULL,
	"last_viewed_at" timestamp (3) with time zone,
	CONSTRAINT "members_conversation_id_user_id_pk" PRIMARY KEY("conversation_id","user_id")
);
--> statement-breakpoint
CREATE TABLE "messages" (
	"id" text collate "C" PRIMARY KEY NOT NULL,
	"conversation_id" text collate "C" NOT NULL,
	"seq" bigint NOT NULL,
	"sender_id" text collate "C" NOT NULL,
	"sender_seq" bigint NOT NULL,
	"client_id" text collate "C" NOT NULL,
	"type" text NOT NULL,
	"content" text NOT NULL,
	"original_content" text,
	"metadata" jsonb,
	"reply_to" text collate "C",
	"created_at" timestamp (3) with time zone NOT NULL,
	"edited_at" timestamp (3) with time zone,
	"deleted_at" timestamp (3) with time zone,
	"deleted_by" text collate "C",
	CONSTRAINT "messages_seq" UNIQUE("conversation_id","seq")
);
--> statement-breakpoint
CREATE TABLE "users" (
	"id" text collate "C" PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"role" text DEFAULT 'user' NOT NULL,
	"email" text,
	"avatar" text,
	"school_id" text collate "C",
	"class_ids" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"active" boolean DEFAULT true NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT clock_timestamp() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT clock_timestamp() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "members" ADD CONSTRAINT "members_conversation_id_conversations_id_fk" FOREIGN KEY ("conversation_id") REFERENCES "public"."conversations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "members" ADD CONSTRAINT "members_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "events_conversation" ON "events" USING btree ("conversation_id",(position + 0)) WHERE conversation_id is not null;--> statement-breakpoint
CREATE INDEX "events_user" ON "events" USING btree ("user_id",(position + 0)) WHERE user_id is not null;--> statement-breakpoint
CREATE INDEX "members_user" ON "members" USING btree ("user_id","conversation_id") WHERE left_at is null;--> statement-breakpoint
CREATE INDEX "members_joined" ON "members" USING btree ("conversation_id","joined_at","user_id") WHERE left_at is null and joined_seq >= 0;--> statement-breakpoint
CREATE UNIQUE INDEX "messages_client" ON "messages" USING btree ((conversation_id || chr(10) || sender_id || chr(10) || client_id));--> statement-breakpoint
CREATE INDEX "messages_sender" ON "messages" USING btree ((conversation_id || chr(10) || sender_id),"seq");