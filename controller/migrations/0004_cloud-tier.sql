CREATE TABLE "cloud_calls" (
	"id" text PRIMARY KEY NOT NULL,
	"position" bigint GENERATED ALWAYS AS IDENTITY (sequence name "cloud_calls_position_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"at" bigint NOT NULL,
	"day" text NOT NULL,
	"device" text NOT NULL,
	"decision" text NOT NULL,
	"attempt" integer NOT NULL,
	"target" text NOT NULL,
	"model" text NOT NULL,
	"state" text NOT NULL,
	"status" integer,
	"code" text,
	"milliseconds" double precision,
	"first_milliseconds" double precision,
	"input_tokens" bigint,
	"output_tokens" bigint,
	"is_estimated" boolean DEFAULT false NOT NULL,
	"reserved_micros" bigint NOT NULL,
	"cost_micros" bigint,
	"request_hash" text NOT NULL,
	"redacted" jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "cloud_days" (
	"day" text PRIMARY KEY NOT NULL,
	"reserved" bigint NOT NULL,
	"spent" bigint NOT NULL,
	"calls" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "proposals" (
	"line" text NOT NULL,
	"name" text NOT NULL,
	"count" bigint NOT NULL,
	"first_at" bigint NOT NULL,
	"last_at" bigint NOT NULL,
	CONSTRAINT "proposals_line_name_pk" PRIMARY KEY("line","name")
);
--> statement-breakpoint
ALTER TABLE "offloads" ADD COLUMN "redacted" jsonb DEFAULT '{}'::jsonb NOT NULL;--> statement-breakpoint
CREATE INDEX "cloud_calls_position_index" ON "cloud_calls" USING btree ("position");--> statement-breakpoint
CREATE INDEX "cloud_calls_device_decision_index" ON "cloud_calls" USING btree ("device","decision");--> statement-breakpoint
CREATE INDEX "cloud_calls_state_at_index" ON "cloud_calls" USING btree ("state","at");--> statement-breakpoint
CREATE INDEX "offloads_with_words" ON "offloads" USING btree ("expires_at") WHERE response ? 'reply';