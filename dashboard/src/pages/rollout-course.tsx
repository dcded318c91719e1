/** A rollout in waves: where it is, why it stopped, each wave. */
import type { RolloutCourse, RolloutWave } from '@nanofleet/protocol';
import { Badge } from '../parts/badge.tsx';
import { Meter } from '../parts/meter.tsx';
import { Panel } from '../parts/panel.tsx';
import { type Column, Table } from '../parts/table.tsx';
import type { Tone } from '../words/happenings.ts';
import { countText, pluralText } from '../words/units.ts';
import { RolloutGateOf } from './rollout-gate.tsx';

type Wave = RolloutCourse['waves'][number] & {
  readonly at: number;
  readonly name: string;
  /** Devices that earlier waves may have. */
  readonly before: number;
};

const PHASE_TONES: Readonly<Record<RolloutCourse['phase'], Tone>> = {
  approval: 'warn',
  scheduled: 'plain',
  running: 'cool',
  paused: 'warn',
  done: 'good',
  aborted: 'bad',
  'rolling-back': 'bad',
  'rolled-back': 'bad',
  superseded: 'plain',
};

const waveName = (wave: RolloutWave | undefined): string => {
  if (wave === undefined) return 'the rest';
  if ('percent' in wave) return `up to ${wave.percent} %`;
  return 'count' in wave ? `up to ${pluralText(wave.count, 'device')}` : wave.devices.join(', ');
};

/** "2 run it, 1 at work": what of a wave is more than nothing. */
const waveText = ({ away, back, failed, open, succeeded }: Wave): string => {
  const parts = [
    [succeeded, 'run it'],
    [open, 'at work'],
    [failed, 'failed'],
    [away, 'away'],
    [back, 'back to what they had'],
  ] as const;
  const told = parts.filter(([count]) => count > 0).map(([count, what]) => `${countText(count)} ${what}`);
  return told.length === 0 ? 'nobody has it' : told.join(', ');
};

const WAVES: readonly Column<Wave>[] = [
  { title: 'Wave', cell: ({ at, name }) => <span className="strong">{`${at + 1}: ${name}`}</span> },
  {
    title: 'Devices',
    cell: ({ at, away, back, before, failed, open, quota, succeeded }) => (
      <Meter
        label={`Devices of wave ${at + 1}`}
        whole={Math.max(1, quota - before)}
        shares={[
          { name: 'run it', count: succeeded, tone: 'good' },
          { name: 'at work', count: open, tone: 'cool' },
          { name: 'failed', count: failed, tone: 'bad' },
          { name: 'away', count: away, tone: 'plain' },
          { name: 'back', count: back, tone: 'warn' },
        ]}
      />
    ),
  },
  { title: 'So far', cell: (wave) => <span className="number quiet">{waveText(wave)}</span> },
  {
    title: 'By its end',
    cell: ({ quota }) => <span className="number">{countText(quota)}</span>,
    isRight: true,
  },
];

/** Waves and gate. */
export const RolloutCourseOf = ({ course }: { readonly course: RolloutCourse }) => {
  const { gate, phase, plan, reason, wave, waves } = course;
  const rows = waves.map((each, at) => ({
    ...each,
    at,
    name: waveName(plan.waves[at]),
    before: waves[at - 1]?.quota ?? 0,
  }));
  return (
    <>
      <Panel title="Waves" aside={`wave ${wave + 1} of ${waves.length}`} flush>
        <p className="lead">
          <Badge tone={PHASE_TONES[phase]} text={phase} />{' '}
          {reason === null ? null : (
            <>
              <span className="code">{reason.code}</span> {reason.message}
            </>
          )}
        </p>
        <Table label="Waves of the rollout" rows={rows} keyOf={({ at }) => `${at}`} columns={WAVES} />
      </Panel>
      {gate === null || gate.signals.length === 0 ? null : (
        <RolloutGateOf gate={gate} isTold={reason?.message === gate.message} />
      )}
    </>
  );
};
