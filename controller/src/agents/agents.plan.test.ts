import type { AgentReport, Digest, GroupId } from '@nanofleet/protocol';
import { describe, expect, it } from 'vitest';
import { agentFor, agentStateOf, type PlannedAgent } from './agents.plan.ts';

const digest = 'a'.repeat(64) as Digest;
const other = 'b'.repeat(64) as Digest;
const rollout = (position: number, target: string, of = digest): PlannedAgent => ({
  ...{ position, digest: of, version: `0.${position}.0` },
  targetKind: target === 'all' ? 'all' : 'group',
  targetGroup: target === 'all' ? null : (target as GroupId),
});
const group = 'homes' as GroupId;

describe('the agent of a group', () => {
  it('is that of the latest rollout to the group or to all', () => {
    expect(agentFor([], group)).toBeNull();
    expect(agentFor([rollout(1, 'pumps')], group)).toBeNull();
    expect(agentFor([rollout(1, 'homes'), rollout(2, 'all', other)], group)?.digest).toBe(other);
    expect(agentFor([rollout(3, 'homes'), rollout(2, 'all', other)], group)).toEqual({
      ...{ digest, version: '0.3.0', order: 3 },
    });
  });
});

describe('how a device stands', () => {
  const desired = { digest, version: '0.2.0', order: 2 };
  const report = (change: Partial<AgentReport>): AgentReport => ({
    ...{ version: '0.1.0', digest: null, step: 'settled', ...change },
  });
  const refused = (code: 'AGENT_START_FAILED' | 'NEEDS_NOT_MET', of = digest) => ({
    refused: { digest: of, code, message: '', at: 1 },
  });
  it.each([
    ['nothing said', null, true, 'pending'],
    ['nothing begun', report({}), true, 'pending'],
    ['fetching', report({ step: 'fetching' }), true, 'fetching'],
    ['checking', report({ step: 'verifying' }), true, 'fetching'],
    ['staged', report({ step: 'staged' }), true, 'staged'],
    ['on probation', report({ digest, step: 'probation' }), true, 'probation'],
    ['committed', report({ digest }), true, 'running'],
    ['committed, and away', report({ digest }), false, 'running'],
    ['away', report({ step: 'fetching' }), false, 'offline'],
    ['given up', report({ step: 'refused', ...refused('AGENT_START_FAILED') }), true, 'rolled-back'],
    ['refused', report({ step: 'refused', ...refused('NEEDS_NOT_MET') }), false, 'refused'],
    ['refused before, told again', report(refused('NEEDS_NOT_MET')), true, 'pending'],
    ['refused another', report({ step: 'refused', ...refused('NEEDS_NOT_MET', other) }), true, 'pending'],
  ] as const)('%s', (_title, said, isOnline, state) => {
    expect(agentStateOf({ isOnline, report: said }, desired)).toBe(state);
  });

  it('is as installed when nothing is desired', () => {
    expect(agentStateOf({ isOnline: true, report: report({ digest }) }, null)).toBe('installed');
  });
});
