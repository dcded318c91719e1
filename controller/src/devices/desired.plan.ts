/**
 * What a device shall run, out of the history of rollouts, the registry and its group's policies. Pure: values in,
 * values out. Never looks at what the device runs now; that is its own business.
 */
import type {
  DesiredAgent,
  DesiredState,
  DesiredTrust,
  Digest,
  GroupId,
  LineId,
  Running,
  Transfer,
} from '@nanofleet/protocol';
import { transferFor } from './transfer.plan.ts';

/** How far texts of a group may travel, whether its devices explain decisions, and how they fetch. */
export type GroupPolicies = Required<Pick<DesiredState, 'offload' | 'explanations'>> & {
  /** Null: by their number. */
  readonly transfer: Transfer | null;
};

/** Policies of a group without a row of its own. */
export const DEFAULT_POLICIES: GroupPolicies = { offload: 'mini', explanations: 'never', transfer: null };

/** A rollout as far as it decides who runs what. */
export interface PlannedRollout {
  /** Later ones win. */
  readonly position: number;
  readonly line: LineId;
  readonly digest: Digest;
  readonly targetKind: 'all' | 'group' | 'controller';
  readonly targetGroup: GroupId | null;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

/** What a device may keep since the database is older than it: a restore brought back an earlier one. */
export interface Ahead {
  /** When the database was restored, milliseconds since 1970. */
  readonly restoredAt: number;
  /** What the device runs, by line. */
  readonly running: Readonly<Record<string, Pick<Running, 'digest' | 'releaseCounter'>>>;
}

/** What a plan needs to know of a bundle. */
export interface PlannedBundle {
  readonly releaseCounter: number;
  readonly bytes: number;
}

/** Labels that a line has beyond a bundle. */
export interface PlannedLabels {
  readonly version: number;
  readonly added: string[];
}

/** The part of a desired state that is planned; the rest names the device and counts. */
export type Plan = Pick<DesiredState, 'agent' | 'group' | 'lines' | 'transfer' | 'trust'> &
  Omit<GroupPolicies, 'transfer'>;

/** Whether a rollout is for devices of a group. */
const isFor = (rollout: PlannedRollout, group: GroupId): boolean =>
  rollout.targetKind === 'all' || (rollout.targetKind === 'group' && rollout.targetGroup === group);

/** The rollout that decides each line for devices of a group: the latest that is for them. */
export const decidingRollouts = <R extends PlannedRollout>(
  rollouts: readonly R[],
  group: GroupId,
): Map<LineId, R> => {
  const deciding = new Map<LineId, R>();
  for (const rollout of rollouts) {
    const current = deciding.get(rollout.line);
    if (isFor(rollout, group) && (current === undefined || rollout.position > current.position)) {
      deciding.set(rollout.line, rollout);
    }
  }
  return deciding;
};

/** The plan for devices of a group; lines whose bundle the registry does not hold are left out. */
export const planDesired = (input: {
  readonly group: GroupId;
  readonly rollouts: readonly PlannedRollout[];
  readonly bundles: ReadonlyMap<string, PlannedBundle>;
  readonly policies: GroupPolicies | undefined;
  /** By digest of the bundle; none for a bundle that has all labels of its line. */
  readonly labels: ReadonlyMap<string, PlannedLabels>;
  /** Devices of the group; left out: few. */
  readonly groupSize?: number;
  /** The release of the agent; left out or null: what is installed. */
  readonly agent?: DesiredAgent | null;
  /** Left out while the database was never restored. */
  readonly ahead?: Ahead | undefined;
  /** Whom devices are told to trust; left out or null: nobody is told anything. */
  readonly trust?: DesiredTrust | null;
}): Plan => {
  const deciding = [...decidingRollouts(input.rollouts, input.group)].sort(([left], [right]) =>
    left < right ? -1 : 1,
  );
  const lines: Plan['lines'] = {};
  for (const [line, { digest }] of deciding) {
    const bundle = input.bundles.get(digest);
    if (bundle !== undefined) {
      const labels = input.labels.get(digest);
      const { bytes, releaseCounter } = bundle;
      lines[line] = { digest, releaseCounter, bytes, ...(labels === undefined ? {} : { labels }) };
    }
  }
  const kept =
    input.ahead === undefined ? {} : keptLines(input.ahead, { lines, deciding: new Map(deciding) });
  for (const [line, { digest, releaseCounter }] of Object.entries(kept)) {
    lines[line as LineId] = { digest, releaseCounter, bytes: input.bundles.get(digest)?.bytes ?? 0 };
  }
  const { agent = null, trust = null } = input;
  const { transfer: stated, ...policies } = input.policies ?? DEFAULT_POLICIES;
  const transfer = transferFor(stated, input.groupSize ?? 0);
  return {
    group: input.group,
    lines,
    ...policies,
    ...(transfer === null ? {} : { transfer }),
    ...(agent === null ? {} : { agent }),
    ...(trust === null ? {} : { trust }),
  };
};

/**
 * Lines on which a device is ahead of a restored database and of every rollout since: it would refuse an older release, and
 * a line that the database has never heard of is no reason to take it away.
 */
const keptLines = (
  { restoredAt, running }: Ahead,
  { deciding, lines }: { deciding: ReadonlyMap<LineId, PlannedRollout>; lines: Plan['lines'] },
): Ahead['running'] =>
  Object.fromEntries(
    Object.entries(running).filter(([line, { releaseCounter }]) => {
      const isDecidedSince = (deciding.get(line as LineId)?.createdAt ?? 0) > restoredAt;
      const planned = lines[line as LineId];
      return !isDecidedSince && (planned === undefined || planned.releaseCounter < releaseCounter);
    }),
  );

/** Whether a plan says what the last desired state said. */
export const isSamePlan = (plan: Plan, state: DesiredState | null): boolean => {
  if (state === null || state.group !== plan.group || state.offload !== plan.offload) return false;
  if (state.trust?.version !== plan.trust?.version) return false;
  if (state.agent?.digest !== plan.agent?.digest || state.agent?.order !== plan.agent?.order) return false;
  // A state without the policy says the default: no device needs another one for it.
  if ((state.explanations ?? DEFAULT_POLICIES.explanations) !== plan.explanations) return false;
  const { bytesPerSecond, spreadMs } = plan.transfer ?? {};
  if (state.transfer?.spreadMs !== spreadMs || state.transfer?.bytesPerSecond !== bytesPerSecond)
    return false;
  const before = Object.entries(state.lines);
  return (
    before.length === Object.keys(plan.lines).length &&
    before.every(([line, { digest, labels }]) => {
      const planned = plan.lines[line as LineId];
      return planned?.digest === digest && planned.labels?.version === labels?.version;
    })
  );
};
