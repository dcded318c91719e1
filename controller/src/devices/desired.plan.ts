/**
 * What a device shall run, out of the history of rollouts, the registry and its group's policies. Pure: values in,
 * values out. Never looks at what the device runs now; that is its own business.
 */
import type {
  DesiredAgent,
  DesiredState,
  DesiredTrust,
  DeviceTags,
  Digest,
  GroupId,
  LineId,
  RolloutPhase,
  RolloutPlan,
  Running,
  Transfer,
  Uuid,
} from '@nanofleet/protocol';
import { type MemberStep, wasGiven } from '../rollouts/members.plan.ts';
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
  readonly id: Uuid;
  /** Later ones win. */
  readonly position: number;
  /** Null for one without waves. */
  readonly phase: RolloutPhase | null;
  readonly line: LineId;
  readonly digest: Digest;
  readonly targetKind: 'all' | 'group' | 'controller' | 'tags';
  readonly targetGroup: GroupId | null;
  readonly targetTags: DeviceTags | null;
  /** Null for one without waves. */
  readonly plan: RolloutPlan | null;
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
export type Plan = Pick<DesiredState, 'agent' | 'group' | 'lines' | 'metadata' | 'transfer' | 'trust'> &
  Omit<GroupPolicies, 'transfer'>;

/** A device as far as rollouts choose it. */
export interface Chosen {
  readonly group: GroupId;
  readonly tags: DeviceTags;
  /** How it stands with rollouts in waves, by their ids. */
  readonly memberships: ReadonlyMap<Uuid, Membership>;
}

/** How a device stands with a rollout in waves. */
export interface Membership {
  readonly step: MemberStep;
  readonly tries: number;
  readonly together?: number;
  readonly before: Digest | null;
}

/** A rollout that took its bundle back, or what a device had before it. */
type TakenBack = Pick<PlannedRollout, 'digest' | 'position'> & { readonly before: Digest | null };

/** Whether a rollout is meant for a device, be it that its wave has come or not. */
export const isMeantFor = (
  { targetGroup, targetKind, targetTags }: Pick<PlannedRollout, 'targetGroup' | 'targetKind' | 'targetTags'>,
  { group, tags }: Pick<Chosen, 'group' | 'tags'>,
): boolean => {
  if (targetKind === 'all') return true;
  if (targetKind === 'group') return targetGroup === group;
  return (
    targetKind === 'tags' && Object.entries(targetTags ?? {}).every(([key, value]) => tags[key] === value)
  );
};

/** Whether a rollout goes to everybody: it has no waves, or they are through. */
export const isWhole = ({ phase }: Pick<PlannedRollout, 'phase'>): boolean =>
  phase === null || phase === 'done';

const WATCHED: ReadonlySet<RolloutPhase | null> = new Set(['scheduled', 'running', 'approval', 'paused']);

/**
 * Whether the gate of a rollout looks at what devices with its bundle do. Also of one that was scheduled when it was read: a device
 * that has its bundle by now got it a moment later, and would be told twice.
 */
export const isWatched = ({ phase, plan }: Pick<PlannedRollout, 'phase' | 'plan'>): boolean =>
  plan?.gate !== undefined && WATCHED.has(phase);

const decides = (rollout: PlannedRollout, chosen: Chosen): boolean => {
  if (!isMeantFor(rollout, chosen)) return false;
  const membership = chosen.memberships.get(rollout.id);
  return isWhole(rollout) || (membership !== undefined && wasGiven(membership));
};

/** The rollout that decides each line for a device: the latest that is for it, and whose bundle it was given. */
export const decidingRollouts = <R extends PlannedRollout>(
  rollouts: readonly R[],
  chosen: Chosen,
): Map<LineId, R> => {
  const deciding = new Map<LineId, R>();
  for (const rollout of rollouts) {
    const current = deciding.get(rollout.line);
    if (decides(rollout, chosen) && (current === undefined || rollout.position > current.position)) {
      deciding.set(rollout.line, rollout);
    }
  }
  return deciding;
};

/** The latest rollout of each line that took its bundle back from a device. */
const takenBackFrom = (
  rollouts: readonly PlannedRollout[],
  { memberships }: Chosen,
): Map<LineId, TakenBack> => {
  const taken = new Map<LineId, TakenBack>();
  for (const { digest, id, line, position } of rollouts) {
    const membership = memberships.get(id);
    const isBack = membership?.step === 'back' || membership?.step === 'returned';
    if (isBack && position > (taken.get(line)?.position ?? -1))
      taken.set(line, { digest, position, before: membership.before });
  }
  return taken;
};

/** The plan for devices of a group; lines whose bundle the registry does not hold are left out. */
export const planDesired = (input: {
  readonly group: GroupId;
  /** Left out: none. */
  readonly tags?: DeviceTags;
  /** Left out: it is in no rollout in waves. */
  readonly memberships?: Chosen['memberships'];
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
  /** Version of the newest root of the publishers' metadata; left out or null: the fleet has none. */
  readonly root?: number | null;
  /** By digest of the bundle, for those that are not for any device. */
  readonly hardware?: ReadonlyMap<string, string>;
}): Plan => {
  const chosen = { group: input.group, tags: input.tags ?? {}, memberships: input.memberships ?? new Map() };
  const deciding = decidingRollouts(input.rollouts, chosen);
  const taken = takenBackFrom(input.rollouts, chosen);
  const lines: Plan['lines'] = {};
  for (const line of [...new Set([...deciding.keys(), ...taken.keys()])].sort()) {
    const wish = wishOf({ decider: deciding.get(line), taken: taken.get(line) }, chosen);
    const bundle = wish === null ? undefined : input.bundles.get(wish.digest);
    if (wish === null || bundle === undefined) continue;
    const labels = input.labels.get(wish.digest);
    const { bytes, releaseCounter } = bundle;
    const { attempt, comparedWith, digest, rollback } = wish;
    const hardware = input.hardware?.get(digest);
    lines[line] = {
      digest,
      releaseCounter,
      bytes,
      ...(hardware === undefined ? {} : { hardware }),
      ...(attempt === null ? {} : { attempt }),
      ...(rollback === null ? {} : { rollback }),
      ...(comparedWith === null ? {} : { comparedWith }),
      ...(labels === undefined ? {} : { labels }),
    };
  }
  const kept = input.ahead === undefined ? {} : keptLines(input.ahead, { lines, deciding });
  for (const [line, { digest, releaseCounter }] of Object.entries(kept)) {
    lines[line as LineId] = { digest, releaseCounter, bytes: input.bundles.get(digest)?.bytes ?? 0 };
  }
  const { agent = null, root = null, trust = null } = input;
  const { transfer: stated, ...policies } = input.policies ?? DEFAULT_POLICIES;
  const transfer = transferFor(stated, companyOf(deciding, chosen) ?? input.groupSize ?? 0);
  return {
    group: input.group,
    lines,
    ...policies,
    ...(transfer === null ? {} : { transfer }),
    ...(agent === null ? {} : { agent }),
    ...(trust === null ? {} : { trust }),
    ...(root === null ? {} : { metadata: { root } }),
  };
};

/** How many devices were told together with this one what it was told last; null where that was its whole group. */
const companyOf = (
  deciding: ReadonlyMap<LineId, PlannedRollout>,
  { memberships }: Pick<Chosen, 'memberships'>,
): number | null => {
  const [last] = [...deciding.values()].sort((left, right) => right.position - left.position);
  return (last === undefined ? undefined : memberships.get(last.id)?.together) ?? null;
};

/** Which bundle a line gets: of the rollout that decides it, or what the device had before one that was taken back. */
const wishOf = (
  { decider, taken }: { decider: PlannedRollout | undefined; taken: TakenBack | undefined },
  { memberships }: Chosen,
) => {
  const digest = decider?.digest ?? taken?.before ?? null;
  if (digest === null) return null;
  const membership = decider === undefined ? undefined : memberships.get(decider.id);
  const { before = null, tries = 0 } = membership ?? {};
  const isCompared = decider !== undefined && isWatched(decider) && before !== digest;
  const isBack = taken !== undefined && taken.digest !== digest && taken.position > (decider?.position ?? -1);
  return {
    digest,
    attempt: tries > 1 ? tries : null,
    comparedWith: isCompared ? before : null,
    rollback: isBack ? { from: taken.digest, to: digest } : null,
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
  if (state.metadata?.root !== plan.metadata?.root) return false;
  if (state.agent?.digest !== plan.agent?.digest || state.agent?.order !== plan.agent?.order) return false;
  // A state without the policy says the default: no device needs another one for it.
  if ((state.explanations ?? DEFAULT_POLICIES.explanations) !== plan.explanations) return false;
  const { bytesPerSecond, spreadMs } = plan.transfer ?? {};
  if (state.transfer?.spreadMs !== spreadMs || state.transfer?.bytesPerSecond !== bytesPerSecond)
    return false;
  const before = Object.entries(state.lines);
  return (
    before.length === Object.keys(plan.lines).length &&
    before.every(([line, { attempt, comparedWith, digest, hardware, labels, rollback }]) => {
      const planned = plan.lines[line as LineId];
      return (
        planned?.digest === digest &&
        planned.labels?.version === labels?.version &&
        planned.hardware === hardware &&
        planned.attempt === attempt &&
        planned.comparedWith === comparedWith &&
        planned.rollback?.from === rollback?.from
      );
    })
  );
};
