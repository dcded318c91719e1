CREATE TABLE "agent_releases" (
	"digest" text PRIMARY KEY NOT NULL,
	"version" text NOT NULL,
	"platforms" jsonb NOT NULL,
	"files" jsonb NOT NULL,
	"bytes" bigint NOT NULL,
	"key_id" text NOT NULL,
	"signature" text NOT NULL,
	"uploaded_at" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "agent_rollouts" (
	"position" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "agent_rollouts_position_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"digest" text NOT NULL,
	"version" text NOT NULL,
	"target_kind" text NOT NULL,
	"target_group" text,
	"created_at" bigint NOT NULL
);
--> statement-breakpoint
ALTER TABLE "devices" ADD COLUMN "agent" jsonb;