/** Which release of the agent a device shall run, and how it stands with that, out of rollouts and reports. Pure. */
import type { AgentReport, DesiredAgent, DeviceAgent, Digest, ErrorCode, GroupId } from '@nanofleet/protocol';

/** A rollout as far as it decides who runs what. */
export interface PlannedAgent {
  /** Later ones win. */
  readonly position: number;
  readonly digest: Digest;
  readonly version: string;
  readonly targetKind: 'all' | 'group';
  readonly targetGroup: GroupId | null;
}

/** What devices of a group shall run; null: what was installed. */
export const agentFor = (rollouts: readonly PlannedAgent[], group: GroupId): DesiredAgent | null => {
  const own = rollouts.filter(({ targetGroup, targetKind }) => targetKind === 'all' || targetGroup === group);
  const [first, ...others] = own;
  if (first === undefined) return null;
  const { digest, position, version } = others.reduce(
    (latest, next) => (next.position > latest.position ? next : latest),
    first,
  );
  return { digest, version, order: position };
};

/** A device that has run a release and come back from it says one of these. */
const ROLLED_BACK: ReadonlySet<ErrorCode> = new Set([
  'AGENT_START_FAILED',
  'AGENT_NO_CONTACT',
  'AGENT_DAMAGED',
]);

const STATES = {
  settled: 'pending',
  refused: 'pending',
  fetching: 'fetching',
  verifying: 'fetching',
  staged: 'staged',
  probation: 'probation',
} as const satisfies Record<AgentReport['step'], DeviceAgent['state']>;

/** How a device stands with what is desired. */
export const agentStateOf = (
  { isOnline, report }: { isOnline: boolean; report: AgentReport | null },
  desired: DesiredAgent | null,
): DeviceAgent['state'] => {
  if (desired === null) return 'installed';
  if (report?.digest === desired.digest && report.step !== 'probation') return 'running';
  if (report?.step === 'refused' && report.refused?.digest === desired.digest)
    return ROLLED_BACK.has(report.refused.code) ? 'rolled-back' : 'refused';
  if (!isOnline) return 'offline';
  return report === null ? 'pending' : STATES[report.step];
};
