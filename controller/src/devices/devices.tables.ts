/** Tables of devices and of the groups that they are in. */
import type {
  AgentReport,
  Beat,
  Desired,
  DesiredState,
  DeviceId,
  DeviceTags,
  Digest,
  ErrorCode,
  ExplanationPolicy,
  GroupId,
  LineReport,
  OffloadPolicy,
  Transfer,
} from '@nanofleet/protocol';
import { bigint, boolean, index, integer, jsonb, pgTable, text } from 'drizzle-orm/pg-core';

/** A problem as the device or the controller states it. */
export interface StatedProblem {
  readonly code: ErrorCode;
  readonly message: string;
}

/** One row per enrolled device, revoked ones included. */
export const devices = pgTable(
  'devices',
  {
    device: text().$type<DeviceId>().primaryKey(),
    deviceGroup: text().$type<GroupId>().notNull(),
    /** Raw Ed25519 key of the device, base64. */
    publicKey: text().notNull(),
    /** SHA-256 of the credential; null once revoked. */
    credentialHash: text(),
    /** SHA-256 of the public key that its certificates are for; null without any. */
    tlsKey: text().$type<Digest>(),
    tags: jsonb().$type<DeviceTags>().notNull().default({}),
    enrolledAt: bigint({ mode: 'number' }).notNull(),
    revokedAt: bigint({ mode: 'number' }),
    lastSeenAt: bigint({ mode: 'number' }),
    isOnline: boolean().notNull().default(false),
    session: bigint({ mode: 'number' }).notNull().default(0),
    instance: text(),
    agentVersion: text(),
    /** What it does about its agent, as it says; null for one that does not upgrade itself. */
    agent: jsonb().$type<AgentReport>(),
    beat: jsonb().$type<Beat>(),
    beatAt: bigint({ mode: 'number' }),
    lines: jsonb().$type<Record<string, LineReport>>().notNull().default({}),
    problems: jsonb().$type<StatedProblem[]>().notNull().default([]),
    reportedVersion: integer().notNull().default(0),
    desiredVersion: integer().notNull().default(0),
    /** Root of the release metadata that it says to have followed; null for none. */
    followedRoot: integer(),
    /** What the newest `desired` says, to see whether a plan changes it. */
    desiredState: jsonb().$type<DesiredState>(),
    /** Place of the newest job among those of this device; never goes back. */
    jobSequence: integer().notNull().default(0),
    /** The newest `desired` as it is sent. */
    desired: jsonb().$type<Desired>(),
    /** When two users of one identity were last seen. */
    conflictAt: bigint({ mode: 'number' }),
  },
  (table) => [index().on(table.deviceGroup)],
);

/** Groups with their policies. A group without a row has the defaults. */
export const groups = pgTable('groups', {
  name: text().$type<GroupId>().primaryKey(),
  offload: text().$type<OffloadPolicy>().notNull(),
  /** The default is for rows from before, and for controllers of an earlier release beside this one. */
  explanations: text().$type<ExplanationPolicy>().notNull().default('never'),
  /** Null: chosen by the number of devices. */
  transfer: jsonb().$type<Transfer>(),
});
