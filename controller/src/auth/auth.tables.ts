/** Tables of operator tokens, sessions of browsers, fleet tokens and the fleet's own name. Secrets are kept as SHA-256 only. */
import type { DeviceId, Role } from '@nanofleet/protocol';
import { bigint, index, integer, pgTable, text } from 'drizzle-orm/pg-core';

/** Tokens of operators. */
export const operatorTokens = pgTable('operator_tokens', {
  id: text().primaryKey(),
  name: text().notNull(),
  role: text().$type<Role>().notNull(),
  tokenHash: text().notNull().unique(),
  createdAt: bigint({ mode: 'number' }).notNull(),
  lastUsedAt: bigint({ mode: 'number' }),
});

/** Sessions of browsers; one without its token opens nothing. */
export const sessions = pgTable(
  'sessions',
  {
    id: text().primaryKey(),
    secretHash: text().notNull().unique(),
    tokenId: text().notNull(),
    createdAt: bigint({ mode: 'number' }).notNull(),
    expiresAt: bigint({ mode: 'number' }).notNull(),
  },
  (table) => [index().on(table.tokenId, table.createdAt)],
);

/** Codes of sign-in links; one is gone with its use. */
export const signInCodes = pgTable('sign_in_codes', {
  codeHash: text().primaryKey(),
  tokenId: text().notNull(),
  expiresAt: bigint({ mode: 'number' }).notNull(),
});

/** Tokens with which devices enrol. */
export const fleetTokens = pgTable('fleet_tokens', {
  id: text().primaryKey(),
  name: text().notNull(),
  deviceGroup: text().notNull(),
  secretHash: text().notNull(),
  usesLeft: integer().notNull(),
  expiresAt: bigint({ mode: 'number' }).notNull(),
  createdAt: bigint({ mode: 'number' }).notNull(),
  /** The one device that it is for, whose name another key takes over with it; null for devices that are new. */
  device: text().$type<DeviceId>(),
});

/** What was fixed when the fleet was made: one row per fact. */
export const fixtures = pgTable('fixtures', {
  name: text().primaryKey(),
  value: text().notNull(),
});
