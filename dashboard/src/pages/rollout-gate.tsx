/** What the gate of a rollout sees: each signal of the devices that have the bundle against those that have not, and over time. */
import type { GateSignal, GateView } from '@nanofleet/protocol';
import { TimeChart } from '../charts/time-chart.tsx';
import { Badge } from '../parts/badge.tsx';
import { Meter } from '../parts/meter.tsx';
import { Panel } from '../parts/panel.tsx';
import { type Column, Table } from '../parts/table.tsx';
import type { Tone } from '../words/happenings.ts';
import { countText, pluralText } from '../words/units.ts';

const VERDICTS: Readonly<Record<GateView['verdict'], Tone>> = {
  collecting: 'cool',
  passed: 'good',
  stopped: 'bad',
  unclear: 'warn',
};

const SIGNALS: Readonly<Record<GateSignal['signal'], string>> = {
  pairs: 'Right alone, where both models ran',
  agreement: 'Bigger tier disagrees',
  abstain: 'Not sure',
  offload: 'Offloaded',
  errors: 'Failed',
  latency: 'Time for a decision, µs',
  score: 'Mean confidence',
};

/** Pairs compare models on one device, the others compare devices. */
const ARMS = {
  pairs: { exposed: 'the new one', control: 'the former' },
  others: { exposed: 'with it', control: 'without' },
} as const;

const pointText = (value: number): string => `${(value * 100).toFixed(2)} %`;

const valueText = ({ signal }: GateSignal, value: number | null): string => {
  if (value === null) return '–';
  return signal === 'latency' ? Math.exp(value).toFixed(0) : pointText(value);
};

/** Evidence as a share of what stops, on the scale on which it adds up. */
const evidenceShare = ({ evidence, needed }: GateSignal): number =>
  Math.min(1, Math.log(Math.max(1, evidence)) / Math.log(needed));

const GATE_COLUMNS: readonly Column<GateSignal>[] = [
  {
    title: 'Signal',
    cell: ({ signal }) => (
      <>
        {SIGNALS[signal]}
        {signal === 'pairs' ? <span className="quiet"> (the new one, the former)</span> : null}
      </>
    ),
  },
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
            whole={100}
            shares={[{ name: 'of a stop', count: share, tone: share >= 100 ? 'bad' : 'warn' }]}
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
  if (gate.points.length < 2 || shown.length === 0) return null;
  return (
    <Panel
      title="Gate over time"
      aside="means over the devices that have the bundle, and those that have not"
    >
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
              name: ARMS[each.signal === 'pairs' ? 'pairs' : 'others'][arm],
              values: gate.points.map((point) => {
                const value = point[arm][each.signal] ?? null;
                return value !== null && each.signal === 'latency' ? Math.exp(value) : value;
              }),
            }))}
          />
        ))}
      </div>
    </Panel>
  );
};

/** The gate; why it stopped is told where the waves are. */
export const RolloutGateOf = ({ gate, isTold }: { readonly gate: GateView; readonly isTold: boolean }) => (
  <>
    <Panel
      title="Gate"
      aside={`${countText(gate.decisions)} decisions of ${pluralText(gate.devices.exposed, 'device')}, against ${pluralText(gate.devices.control, 'device')}`}
      flush
    >
      <p className="lead">
        <Badge tone={VERDICTS[gate.verdict]} text={gate.verdict} /> {isTold ? null : gate.message}
      </p>
      <Table
        label="Signals of the gate"
        rows={gate.signals.filter(({ control, exposed }) => control !== null || exposed !== null)}
        keyOf={({ signal }) => signal}
        columns={GATE_COLUMNS}
      />
    </Panel>
    <Plots gate={gate} />
  </>
);
