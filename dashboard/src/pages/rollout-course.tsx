/** A rollout in waves: where it is, each wave, what its gate sees, and what an operator may tell it. */
import type {
  GateSignal,
  GateView,
  Rollout,
  RolloutCourse,
  RolloutOrder,
  RolloutWave,
} from '@nanofleet/protocol';
import { callApi } from '../access/call.ts';
import { useMay } from '../access/session.ts';
import { TimeChart } from '../charts/time-chart.tsx';
import { Badge } from '../parts/badge.tsx';
import { Confirm } from '../parts/confirm.tsx';
import { Meter } from '../parts/meter.tsx';
import { Panel } from '../parts/panel.tsx';
import { type Column, Table } from '../parts/table.tsx';
import type { Tone } from '../words/happenings.ts';
import { countText, pluralText } from '../words/units.ts';

type Wave = RolloutCourse['waves'][number] & { readonly at: number; readonly name: string };

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

const ORDERS: Readonly<
  Record<RolloutOrder, { button: string; phases: readonly RolloutCourse['phase'][]; says: string }>
> = {
  approve: { button: 'Approve', phases: ['approval'], says: 'The wave that waits begins.' },
  pause: {
    button: 'Pause',
    phases: ['scheduled', 'running'],
    says: 'Nobody more gets the bundle until somebody resumes; those that have it keep it.',
  },
  resume: {
    button: 'Resume',
    phases: ['paused'],
    says: 'It goes on, whatever stopped it: devices that failed are asked again, and this wave needs no gate.',
  },
  abort: {
    button: 'Abort',
    phases: ['approval', 'scheduled', 'running', 'paused'],
    says: 'It ends here; devices that have the bundle keep it.',
  },
  'roll-back': {
    button: 'Roll back',
    phases: ['running', 'paused', 'approval', 'aborted', 'done'],
    says: 'It ends, and every device that has the bundle goes back to what it had.',
  },
};

/** The orders that it takes now. */
export const RolloutOrders = ({
  rollout,
  onDone,
}: {
  readonly rollout: Rollout;
  readonly onDone: () => void;
}) => {
  const isAllowed = useMay('operator');
  const { course, id } = rollout;
  if (course === null || !isAllowed) return null;
  const open = (Object.keys(ORDERS) as RolloutOrder[]).filter((order) =>
    ORDERS[order].phases.includes(course.phase),
  );
  return (
    <>
      {open.map((order) => (
        <Confirm
          key={order}
          button={ORDERS[order].button}
          title={`${ORDERS[order].button} ${rollout.line} ${rollout.version}?`}
          isDangerous={order === 'abort' || order === 'roll-back'}
          act={async () => {
            await callApi('orderRollout', { params: { id }, body: { order } });
            onDone();
          }}
        >
          <p className="soft">{ORDERS[order].says}</p>
        </Confirm>
      ))}
    </>
  );
};

const waveName = (wave: RolloutWave | undefined): string => {
  if (wave === undefined) return 'the rest';
  if ('percent' in wave) return `up to ${wave.percent} %`;
  return 'count' in wave ? `up to ${pluralText(wave.count, 'device')}` : wave.devices.join(', ');
};

const WAVES: readonly Column<Wave>[] = [
  { title: 'Wave', cell: ({ at, name }) => <span className="strong">{`${at + 1}: ${name}`}</span> },
  {
    title: 'Devices',
    cell: ({ at, away, failed, given, open, quota, succeeded }) => (
      <div className="progress">
        <Meter
          label={`Devices of wave ${at + 1}`}
          shares={[
            { name: 'run it', count: succeeded, tone: 'good' },
            { name: 'at work', count: open, tone: 'cool' },
            { name: 'failed', count: failed, tone: 'bad' },
            { name: 'away', count: away, tone: 'plain' },
          ]}
        />
        <span className="number quiet">{`${countText(succeeded)} of ${countText(given)}; bound ${countText(quota)}`}</span>
      </div>
    ),
  },
];

const VERDICTS: Readonly<Record<GateView['verdict'], Tone>> = {
  collecting: 'cool',
  passed: 'good',
  stopped: 'bad',
  unclear: 'warn',
};

const SIGNALS: Readonly<Record<GateSignal['signal'], string>> = {
  pairs: 'Right where the models differ',
  agreement: 'Bigger tier disagrees',
  abstain: 'Not sure',
  offload: 'Offloaded',
  errors: 'Failed',
  latency: 'Time for a decision, µs',
  score: 'Mean confidence',
};

const pointText = (value: number): string => `${(value * 100).toFixed(2)} %`;

const valueText = ({ signal }: GateSignal, value: number | null): string => {
  if (value === null) return '–';
  return signal === 'latency' ? Math.exp(value).toFixed(0) : pointText(value);
};

/** Evidence as a share of what stops, on the scale on which it adds up. */
const evidenceShare = ({ evidence, needed }: GateSignal): number =>
  Math.min(1, Math.log(Math.max(1, evidence)) / Math.log(needed));

const GATE_COLUMNS: readonly Column<GateSignal>[] = [
  { title: 'Signal', cell: ({ signal }) => SIGNALS[signal] },
  {
    title: 'With it',
    cell: (each) => <span className="number">{valueText(each, each.exposed)}</span>,
    isRight: true,
  },
  {
    title: 'Without',
    cell: (each) => <span className="number">{valueText(each, each.control)}</span>,
    isRight: true,
  },
  {
    title: 'Evidence of harm',
    cell: (each) => {
      const share = Math.round(evidenceShare(each) * 100);
      return (
        <div className="progress">
          <Meter
            label={`Evidence: ${SIGNALS[each.signal]}`}
            shares={[
              { name: 'seen', count: share, tone: share >= 100 ? 'bad' : 'warn' },
              { name: 'to a stop', count: 100 - share, tone: 'plain' },
            ]}
          />
          <span className="number quiet">{`${share} % of a stop`}</span>
        </div>
      );
    },
  },
];

const Plots = ({ gate }: { readonly gate: GateView }) => {
  const at = gate.points.map((point) => point.at);
  const shown = gate.signals.filter(({ control, exposed }) => control !== null && exposed !== null);
  if (gate.points.length < 2) return null;
  return (
    <div className="grid three">
      {shown.map((each) => (
        <TimeChart
          key={each.signal}
          title={SIGNALS[each.signal]}
          at={at}
          height={116}
          hasCaption
          text={(value) => (each.signal === 'latency' ? value.toFixed(0) : pointText(value))}
          curves={(['exposed', 'control'] as const).map((arm) => ({
            name: arm === 'exposed' ? 'with it' : 'without',
            values: gate.points.map((point) => {
              const value = point[arm][each.signal] ?? null;
              return value !== null && each.signal === 'latency' ? Math.exp(value) : value;
            }),
          }))}
        />
      ))}
    </div>
  );
};

const Gate = ({ gate }: { readonly gate: GateView }) => (
  <Panel
    title="Gate"
    aside={`${countText(gate.decisions)} decisions of ${pluralText(gate.devices.exposed, 'device')}, against ${pluralText(gate.devices.control, 'device')}`}
  >
    <p>
      <Badge tone={VERDICTS[gate.verdict]} text={gate.verdict} /> {gate.message}
    </p>
    <Table
      label="Signals of the gate"
      rows={gate.signals.filter(({ control, exposed }) => control !== null || exposed !== null)}
      keyOf={({ signal }) => signal}
      columns={GATE_COLUMNS}
    />
    <Plots gate={gate} />
  </Panel>
);

/** Waves and gate. */
export const RolloutCourseOf = ({ course }: { readonly course: RolloutCourse }) => {
  const { gate, phase, plan, reason, wave, waves } = course;
  const rows = waves.map((each, at) => ({ ...each, at, name: waveName(plan.waves[at]) }));
  return (
    <>
      <Panel title="Waves" aside={`wave ${wave + 1} of ${waves.length}`}>
        <p>
          <Badge tone={PHASE_TONES[phase]} text={phase} />{' '}
          {reason === null ? null : (
            <>
              <span className="code">{reason.code}</span> {reason.message}
            </>
          )}
        </p>
        <Table label="Waves of the rollout" rows={rows} keyOf={({ at }) => `${at}`} columns={WAVES} />
      </Panel>
      {gate === null || gate.signals.length === 0 ? null : <Gate gate={gate} />}
    </>
  );
};
