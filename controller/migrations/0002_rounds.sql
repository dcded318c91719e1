CREATE TABLE "added_labels" (
	"line" text NOT NULL,
	"version" integer NOT NULL,
	"name" text NOT NULL,
	"added_at" bigint NOT NULL,
	"added_by" text NOT NULL,
	"removed_version" integer,
	CONSTRAINT "added_labels_line_version_pk" PRIMARY KEY("line","version")
);
--> statement-breakpoint
CREATE TABLE "candidates" (
	"digest" text PRIMARY KEY NOT NULL,
	"line" text NOT NULL,
	"version" text NOT NULL,
	"release_counter" bigint NOT NULL,
	"parent" text NOT NULL,
	"round" text NOT NULL,
	"bytes" bigint NOT NULL,
	"created_at" bigint NOT NULL,
	"labels_version" integer NOT NULL,
	"added" jsonb NOT NULL,
	"accuracy" jsonb,
	"files" jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "examples" (
	"line" text NOT NULL,
	"place" integer NOT NULL,
	"text" text NOT NULL,
	"intent" text NOT NULL,
	"stored_at" bigint NOT NULL,
	CONSTRAINT "examples_line_place_pk" PRIMARY KEY("line","place")
);
--> statement-breakpoint
CREATE TABLE "round_devices" (
	"round" text NOT NULL,
	"device" text NOT NULL,
	"state" text NOT NULL,
	"examples" bigint DEFAULT 0 NOT NULL,
	"code" text,
	CONSTRAINT "round_devices_round_device_pk" PRIMARY KEY("round","device")
);
--> statement-breakpoint
CREATE TABLE "round_updates" (
	"round" text NOT NULL,
	"device" text NOT NULL,
	"weight" integer NOT NULL,
	"bytes" "bytea" NOT NULL,
	CONSTRAINT "round_updates_round_device_pk" PRIMARY KEY("round","device")
);
--> statement-breakpoint
CREATE TABLE "rounds" (
	"id" text PRIMARY KEY NOT NULL,
	"position" bigint GENERATED ALWAYS AS IDENTITY (sequence name "rounds_position_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"line" text NOT NULL,
	"status" text NOT NULL,
	"base" text NOT NULL,
	"base_version" text NOT NULL,
	"turn" integer NOT NULL,
	"labels" jsonb NOT NULL,
	"settings" jsonb NOT NULL,
	"seed" bigint NOT NULL,
	"created_at" bigint NOT NULL,
	"deadline_at" bigint,
	"finished_at" bigint,
	"asked" bigint DEFAULT 0 NOT NULL,
	"accepted" bigint DEFAULT 0 NOT NULL,
	"declined" bigint DEFAULT 0 NOT NULL,
	"updates" bigint DEFAULT 0 NOT NULL,
	"refused" bigint DEFAULT 0 NOT NULL,
	"rejected" bigint DEFAULT 0 NOT NULL,
	"examples" bigint DEFAULT 0 NOT NULL,
	"update_bytes" bigint DEFAULT 0 NOT NULL,
	"average_norm" double precision,
	"start_head" text,
	"start_bytes" integer,
	"end_head" text,
	"end_bytes" integer,
	"accuracy" jsonb,
	"candidate" text,
	"problem_code" text,
	"problem_message" text,
	"told_at" bigint,
	"owner" text,
	"owned_until" bigint DEFAULT 0 NOT NULL
);
--> statement-breakpoint
CREATE INDEX "candidates_created_at_index" ON "candidates" USING btree ("created_at");--> statement-breakpoint
CREATE INDEX "rounds_position_index" ON "rounds" USING btree ("position");--> statement-breakpoint
CREATE UNIQUE INDEX "rounds_open_line" ON "rounds" USING btree ("line") WHERE status not in ('candidate', 'failed', 'aborted');