/** Tables of rollouts: the history from which what each device shall run is planned, and the devices of those in waves. */
import type {
  DeviceId,
  DeviceTags,
  Digest,
  GateView,
  GroupId,
  LineId,
  RolloutPhase,
  RolloutPlan,
  Uuid,
} from '@nanofleet/protocol';
import { bigint, index, integer, jsonb, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import type { Member, MemberStep } from './members.plan.ts';
import type { RolloutState } from './rollouts.machine.ts';
import type { Tally } from './tally.plan.ts';

/** What a rollout in waves has come to, but for its devices. */
export type Course = Omit<RolloutState, 'digest' | 'plan' | 'phase' | 'members'>;

/** Rollouts in the order of `position`. */
export const rollouts = pgTable(
  'rollouts',
  {
    position: bigint({ mode: 'number' }).generatedAlwaysAsIdentity().primaryKey(),
    id: text().$type<Uuid>().notNull().unique(),
    line: text().$type<LineId>().notNull(),
    digest: text().$type<Digest>().notNull(),
    version: text().notNull(),
    targetKind: text().$type<'all' | 'group' | 'controller' | 'tags'>().notNull(),
    targetGroup: text().$type<GroupId>(),
    targetTags: jsonb().$type<DeviceTags>(),
    createdAt: bigint({ mode: 'number' }).notNull(),
    /** Null, as the next two are: to everybody at once. */
    plan: jsonb().$type<RolloutPlan>(),
    phase: text().$type<RolloutPhase>(),
    course: jsonb().$type<Course>(),
    /** What the gate said last; null before, and without one. */
    gate: jsonb().$type<GateView>(),
    /** The controller that looks after it, until a moment by that controller's clock. */
    owner: text(),
    ownedUntil: bigint({ mode: 'number' }).notNull().default(0),
  },
  (table) => [index().on(table.targetKind, table.line)],
);

/** Devices of a rollout in waves. */
export const rolloutDevices = pgTable(
  'rollout_devices',
  {
    rollout: text().$type<Uuid>().notNull(),
    device: text().$type<DeviceId>().notNull(),
    step: text().$type<MemberStep>().notNull(),
    tries: integer().notNull(),
    member: jsonb().$type<Member>().notNull(),
    /** What it has counted; null before it said anything, and without a gate. */
    tally: jsonb().$type<Tally>(),
  },
  (table) => [primaryKey({ columns: [table.rollout, table.device] }), index().on(table.device)],
);
