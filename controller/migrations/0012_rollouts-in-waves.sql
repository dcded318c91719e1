CREATE TABLE "rollout_devices" (
	"rollout" text NOT NULL,
	"device" text NOT NULL,
	"step" text NOT NULL,
	"tries" integer NOT NULL,
	"member" jsonb NOT NULL,
	"tally" jsonb,
	CONSTRAINT "rollout_devices_rollout_device_pk" PRIMARY KEY("rollout","device")
);
--> statement-breakpoint
ALTER TABLE "devices" ADD COLUMN "tags" jsonb DEFAULT '{}'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "rollouts" ADD COLUMN "target_tags" jsonb;--> statement-breakpoint
ALTER TABLE "rollouts" ADD COLUMN "plan" jsonb;--> statement-breakpoint
ALTER TABLE "rollouts" ADD COLUMN "phase" text;--> statement-breakpoint
ALTER TABLE "rollouts" ADD COLUMN "course" jsonb;--> statement-breakpoint
ALTER TABLE "rollouts" ADD COLUMN "gate" jsonb;--> statement-breakpoint
ALTER TABLE "rollouts" ADD COLUMN "owner" text;--> statement-breakpoint
ALTER TABLE "rollouts" ADD COLUMN "owned_until" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE INDEX "rollout_devices_device_index" ON "rollout_devices" USING btree ("device");