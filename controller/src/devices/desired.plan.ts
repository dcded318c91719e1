/**
 * What a device shall run, out of the history of rollouts, the registry and its group's policies. Pure: values in,
 * values out. Never looks at what the device runs now; that is its own business.
 */
import type { DesiredState, Digest, GroupId, LineId } from '@nanofleet/protocol';

/** How far texts of a group may travel, and whether its devices explain decisions. */
export type GroupPolicies = Required<Pick<DesiredState, 'offload' | 'explanations'>>;

/** Policies of a group without a row of its own. */
export const DEFAULT_POLICIES: GroupPolicies = { offload: 'mini', explanations: 'never' };

/** A rollout as far as it decides who runs what. */
export interface PlannedRollout {
  /** Later ones win. */
  readonly position: number;
  readonly line: LineId;
  readonly digest: Digest;
  readonly targetKind: 'all' | 'group' | 'controller';
  readonly targetGroup: GroupId | null;
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
export type Plan = Pick<DesiredState, 'group' | 'lines'> & GroupPolicies;

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
  return { group: input.group, lines, ...(input.policies ?? DEFAULT_POLICIES) };
};

/** Whether a plan says what the last desired state said. */
export const isSamePlan = (plan: Plan, state: DesiredState | null): boolean => {
  if (state === null || state.group !== plan.group || state.offload !== plan.offload) return false;
  // A state without the policy says the default: no device needs another one for it.
  if ((state.explanations ?? DEFAULT_POLICIES.explanations) !== plan.explanations) return false;
  const before = Object.entries(state.lines);
  return (
    before.length === Object.keys(plan.lines).length &&
    before.every(([line, { digest, labels }]) => {
      const planned = plan.lines[line as LineId];
      return planned?.digest === digest && planned.labels?.version === labels?.version;
    })
  );
};
