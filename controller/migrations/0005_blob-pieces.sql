CREATE TABLE "blob_pieces" (
	"digest" text NOT NULL,
	"position" integer NOT NULL,
	"bytes" "bytea" NOT NULL,
	CONSTRAINT "blob_pieces_digest_position_pk" PRIMARY KEY("digest","position")
);
