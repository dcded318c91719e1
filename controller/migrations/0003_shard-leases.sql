CREATE TABLE "controllers" (
	"id" text PRIMARY KEY NOT NULL,
	"beat" bigint DEFAULT 0 NOT NULL,
	"is_living" boolean DEFAULT true NOT NULL
);
--> statement-breakpoint
CREATE TABLE "shard_leases" (
	"shard" text PRIMARY KEY NOT NULL,
	"holder" text,
	"epoch" bigint DEFAULT 0 NOT NULL
);
