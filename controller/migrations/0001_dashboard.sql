CREATE TABLE "sessions" (
	"id" text PRIMARY KEY NOT NULL,
	"secret_hash" text NOT NULL,
	"token_id" text NOT NULL,
	"created_at" bigint NOT NULL,
	"expires_at" bigint NOT NULL,
	CONSTRAINT "sessions_secretHash_unique" UNIQUE("secret_hash")
);
--> statement-breakpoint
CREATE TABLE "sign_in_codes" (
	"code_hash" text PRIMARY KEY NOT NULL,
	"token_id" text NOT NULL,
	"expires_at" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "beat_history" (
	"device" text NOT NULL,
	"grain" text NOT NULL,
	"slot" integer NOT NULL,
	"span" bigint NOT NULL,
	"at" bigint NOT NULL,
	"decisions" bigint NOT NULL,
	"sure" bigint NOT NULL,
	"unsure" bigint NOT NULL,
	"out_of_scope" bigint NOT NULL,
	"offload_share" double precision NOT NULL,
	"p50" double precision NOT NULL,
	"p95" double precision NOT NULL,
	"p99" double precision NOT NULL,
	"rss_bytes" bigint NOT NULL,
	"cpu_share" double precision NOT NULL,
	"waiting" bigint NOT NULL,
	"dropped" bigint NOT NULL,
	"uptime_s" double precision NOT NULL,
	CONSTRAINT "beat_history_device_grain_slot_pk" PRIMARY KEY("device","grain","slot")
);
--> statement-breakpoint
CREATE TABLE "figures" (
	"at" bigint PRIMARY KEY NOT NULL,
	"decisions" bigint DEFAULT 0 NOT NULL,
	"offered" bigint DEFAULT 0 NOT NULL,
	"weighed_p50" double precision DEFAULT 0 NOT NULL,
	"weighed_p95" double precision DEFAULT 0 NOT NULL,
	"weighed_p99" double precision DEFAULT 0 NOT NULL,
	"online" integer
);
--> statement-breakpoint
CREATE TABLE "timeline" (
	"position" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "timeline_position_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"key" text NOT NULL,
	"at" bigint NOT NULL,
	"kind" text NOT NULL,
	"device" text,
	"device_group" text,
	"line" text,
	"digest" text,
	"code" text,
	"detail" text,
	"subject" text,
	"figures" jsonb DEFAULT '{}'::jsonb NOT NULL,
	CONSTRAINT "timeline_key_unique" UNIQUE("key")
);
--> statement-breakpoint
CREATE INDEX "sessions_token_id_created_at_index" ON "sessions" USING btree ("token_id","created_at");--> statement-breakpoint
CREATE INDEX "timeline_device_position_index" ON "timeline" USING btree ("device","position");--> statement-breakpoint
CREATE INDEX "timeline_kind_position_index" ON "timeline" USING btree ("kind","position");