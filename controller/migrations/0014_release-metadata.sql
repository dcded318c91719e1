CREATE TABLE "release_metadata" (
	"role" text NOT NULL,
	"version" bigint NOT NULL,
	"document" text NOT NULL,
	"added_at" bigint NOT NULL,
	CONSTRAINT "release_metadata_role_version_pk" PRIMARY KEY("role","version")
);
