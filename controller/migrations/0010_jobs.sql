CREATE TABLE "job_executions" (
	"job" uuid NOT NULL,
	"device" text NOT NULL,
	"execution" integer NOT NULL,
	"sequence" integer NOT NULL,
	"desired_version" integer NOT NULL,
	"status" text NOT NULL,
	"code" text,
	"message" text,
	"queued_at" bigint NOT NULL,
	"deadline_at" bigint NOT NULL,
	"sent_at" bigint,
	"ended_at" bigint,
	"said_late" text,
	CONSTRAINT "job_executions_job_device_execution_pk" PRIMARY KEY("job","device","execution")
);
--> statement-breakpoint
CREATE TABLE "jobs" (
	"id" uuid PRIMARY KEY NOT NULL,
	"task" text NOT NULL,
	"target" jsonb NOT NULL,
	"created_at" bigint NOT NULL,
	"canceled_at" bigint,
	"timeout_ms" bigint NOT NULL,
	"executions_max" integer NOT NULL,
	"retry" text NOT NULL
);
--> statement-breakpoint
ALTER TABLE "devices" ADD COLUMN "job_sequence" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE INDEX "job_executions_open" ON "job_executions" USING btree ("device","sequence") WHERE ended_at is null;