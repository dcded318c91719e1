CREATE TABLE "fixtures" (
	"name" text PRIMARY KEY NOT NULL,
	"value" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "fleet_tokens" (
	"id" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"device_group" text NOT NULL,
	"secret_hash" text NOT NULL,
	"uses_left" integer NOT NULL,
	"expires_at" bigint NOT NULL,
	"created_at" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "operator_tokens" (
	"id" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"role" text NOT NULL,
	"token_hash" text NOT NULL,
	"created_at" bigint NOT NULL,
	"last_used_at" bigint,
	CONSTRAINT "operator_tokens_tokenHash_unique" UNIQUE("token_hash")
);
--> statement-breakpoint
CREATE TABLE "devices" (
	"device" text PRIMARY KEY NOT NULL,
	"device_group" text NOT NULL,
	"public_key" text NOT NULL,
	"credential_hash" text,
	"enrolled_at" bigint NOT NULL,
	"revoked_at" bigint,
	"last_seen_at" bigint,
	"is_online" boolean DEFAULT false NOT NULL,
	"session" bigint DEFAULT 0 NOT NULL,
	"instance" text,
	"agent_version" text,
	"beat" jsonb,
	"beat_at" bigint,
	"lines" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"problems" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"reported_version" integer DEFAULT 0 NOT NULL,
	"desired_version" integer DEFAULT 0 NOT NULL,
	"desired_state" jsonb,
	"desired" jsonb,
	"conflict_at" bigint
);
--> statement-breakpoint
CREATE TABLE "groups" (
	"name" text PRIMARY KEY NOT NULL,
	"offload" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "models" (
	"digest" text PRIMARY KEY NOT NULL,
	"line" text NOT NULL,
	"task" text NOT NULL,
	"version" text NOT NULL,
	"release_counter" bigint NOT NULL,
	"bytes" bigint NOT NULL,
	"parent" text,
	"key_id" text NOT NULL,
	"uploaded_at" bigint NOT NULL,
	"quality" jsonb,
	"files" jsonb NOT NULL,
	"signature" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "offloads" (
	"device" text NOT NULL,
	"epoch" text NOT NULL,
	"sequence" bigint NOT NULL,
	"position" bigint GENERATED ALWAYS AS IDENTITY (sequence name "offloads_position_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"decision" text NOT NULL,
	"line" text NOT NULL,
	"received_at" bigint NOT NULL,
	"expires_at" bigint NOT NULL,
	"status" text NOT NULL,
	"text" text,
	"tier" text,
	"label" text,
	"micros" double precision,
	"response" jsonb,
	CONSTRAINT "offloads_device_epoch_sequence_pk" PRIMARY KEY("device","epoch","sequence")
);
--> statement-breakpoint
CREATE TABLE "rollouts" (
	"position" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "rollouts_position_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"id" text NOT NULL,
	"line" text NOT NULL,
	"digest" text NOT NULL,
	"version" text NOT NULL,
	"target_kind" text NOT NULL,
	"target_group" text,
	"created_at" bigint NOT NULL,
	CONSTRAINT "rollouts_id_unique" UNIQUE("id")
);
--> statement-breakpoint
CREATE TABLE "events" (
	"position" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "events_position_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"device" text NOT NULL,
	"epoch" text NOT NULL,
	"sequence" bigint NOT NULL,
	"recorded_at" bigint NOT NULL,
	"received_at" bigint NOT NULL,
	"type" text NOT NULL,
	"event" jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "tallies" (
	"name" text PRIMARY KEY NOT NULL,
	"value" bigint NOT NULL
);
--> statement-breakpoint
CREATE INDEX "devices_device_group_index" ON "devices" USING btree ("device_group");--> statement-breakpoint
CREATE INDEX "offloads_position_index" ON "offloads" USING btree ("position");--> statement-breakpoint
CREATE INDEX "offloads_device_decision_index" ON "offloads" USING btree ("device","decision");--> statement-breakpoint
CREATE INDEX "offloads_status_index" ON "offloads" USING btree ("status");--> statement-breakpoint
CREATE INDEX "rollouts_target_kind_line_index" ON "rollouts" USING btree ("target_kind","line");--> statement-breakpoint
CREATE UNIQUE INDEX "events_device_epoch_sequence_index" ON "events" USING btree ("device","epoch","sequence");--> statement-breakpoint
CREATE INDEX "events_type_position_index" ON "events" USING btree ("type","position");