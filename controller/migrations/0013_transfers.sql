CREATE TABLE "transfers" (
	"device" text NOT NULL,
	"line" text NOT NULL,
	"slot" integer NOT NULL,
	"at" bigint NOT NULL,
	"digest" text NOT NULL,
	"bytes" bigint NOT NULL,
	"fetch_ms" double precision NOT NULL,
	"settle_ms" double precision NOT NULL,
	CONSTRAINT "transfers_device_line_slot_pk" PRIMARY KEY("device","line","slot")
);
