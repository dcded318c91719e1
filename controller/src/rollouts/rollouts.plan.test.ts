import type { DeviceId, Digest, GroupId, LineId, LineReport, Uuid } from '@nanofleet/protocol';
import { describe, expect, it } from 'vitest';
import type { PlannedRollout } from '../devices/desired.plan.ts';
import {
  type CandidateDevice,
  countsOf,
  devicesOf,
  isSuperseded,
  progressOf,
  statusOf,
} from './rollouts.plan.ts';

const digest = 'a'.repeat(64) as Digest;
const line = 'intent' as LineId;
const wanted = { line, digest };

const rollout = (position: number, target: string): PlannedRollout => ({
  id: `01890a5d-ac96-774b-bcce-${String(position).padStart(12, '0')}` as Uuid,
  phase: null,
  plan: null,
  targetTags: null,
  position,
  line,
  digest,
  createdAt: position,
  targetKind: target === 'all' || target === 'controller' ? target : 'group',
  targetGroup: target === 'all' || target === 'controller' ? null : (target as GroupId),
});

const device = (name: string, report?: Partial<LineReport>, isOnline = true): CandidateDevice => ({
  device: name as DeviceId,
  group: 'homes' as GroupId,
  tags: {},
  isOnline,
  lines: report === undefined ? {} : { intent: { running: null, step: 'settled', ...report } },
});

describe('a rollout', () => {
  it('is superseded by a later one for at least its devices, never by one for fewer', () => {
    expect(isSuperseded(rollout(1, 'homes'), [rollout(2, 'all')])).toBe(true);
    expect(isSuperseded(rollout(1, 'homes'), [rollout(2, 'homes')])).toBe(true);
    expect(isSuperseded(rollout(1, 'all'), [rollout(2, 'homes')])).toBe(false);
    expect(isSuperseded(rollout(1, 'homes'), [rollout(2, 'pumps')])).toBe(false);
    expect(isSuperseded(rollout(2, 'homes'), [rollout(1, 'all')])).toBe(false);
    expect(isSuperseded(rollout(1, 'controller'), [rollout(2, 'all')])).toBe(false);
    expect(isSuperseded(rollout(1, 'controller'), [rollout(2, 'controller')])).toBe(true);
  });

  it('counts only devices whose line it decides', () => {
    const first = rollout(1, 'all');
    const world = { latest: [first, rollout(2, 'homes')], devices: [device('one')] };
    expect(devicesOf(first, world)).toEqual([]);
    expect(devicesOf(first, { ...world, latest: [first] })).toHaveLength(1);
  });
});

describe('the progress of a device', () => {
  const refused = { digest, code: 'GOLDEN_MISMATCH' as const, message: 'off by 3', at: 1 };
  const running = { version: '1', releaseCounter: 1, digest };

  it.each([
    ['nothing reported', device('d'), 'pending'],
    [
      'on another bundle',
      device('d', { running: { ...running, digest: 'b'.repeat(64) as Digest } }),
      'pending',
    ],
    ['fetching', device('d', { step: 'fetching' }), 'fetching'],
    ['running it', device('d', { running }), 'running'],
    ['refusing it', device('d', { step: 'refused', refused }), 'refused'],
    ['offline', device('d', { step: 'fetching' }, false), 'offline'],
    ['offline, but running it', device('d', { running }, false), 'running'],
  ])('%s', (_title, candidate, state) => {
    expect(progressOf(candidate, wanted).state).toBe(state);
  });

  it('shows code and message of a refusal and the bytes of a download', () => {
    expect(progressOf(device('d', { step: 'refused', refused }), wanted)).toMatchObject({
      code: 'GOLDEN_MISMATCH',
      message: 'off by 3',
    });
    const progress = { bytesDone: 1, bytesTotal: 2 };
    expect(progressOf(device('d', { step: 'fetching', progress }), wanted)).toMatchObject({ progress });
  });
});

describe('the status', () => {
  const states = (...given: ('running' | 'refused' | 'pending' | 'offline')[]) =>
    statusOf(countsOf(given.map((state) => ({ device: 'd' as DeviceId, state }))));

  it('is done when all run it, refused when some refuse it and none is on its way, else running', () => {
    expect(states('running', 'running')).toBe('done');
    expect(states()).toBe('done');
    expect(states('running', 'refused')).toBe('refused');
    expect(states('refused', 'pending')).toBe('running');
    expect(states('running', 'offline')).toBe('running');
  });
});
