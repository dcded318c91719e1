/** Decisions as they come, without their text: what was decided, where, how sure, how fast. */
import type { LiveDecision, Tier, Verdict } from '@nanofleet/protocol';
import { Link } from '../routing/link.tsx';
import type { Tone } from '../words/happenings.ts';
import { microsText, shareText } from '../words/units.ts';
import { ClockTime } from './moment.tsx';
import { Empty } from './states.tsx';
import { type Column, Table } from './table.tsx';

const VERDICT_TONES: Readonly<Record<Verdict, Tone>> = {
  sure: 'good',
  unsure: 'warn',
  'out-of-scope': 'plain',
};
const TIER_TONES: Readonly<Record<Tier, Tone>> = { nano: 'good', mini: 'cool', cloud: 'warn' };

const Confidence = (props: { readonly decision: LiveDecision }) => {
  const { confidence, verdict } = props.decision;
  return (
    <span className="number" data-tone={VERDICT_TONES[verdict]}>
      <span className="confidence" aria-hidden="true">
        <i style={{ width: `${Math.round(confidence * 100)}%` }} />
      </span>{' '}
      {shareText(confidence)}
    </span>
  );
};

const At = ({ decision }: { readonly decision: LiveDecision }) => (
  <span className="quiet small">
    <ClockTime at={decision.receivedAt} />
  </span>
);

const COLUMNS: readonly Column<LiveDecision>[] = [
  {
    title: 'Decision',
    cell: (decision) => (
      <>
        <div className="strong">{decision.label}</div>
        <At decision={decision} />{' '}
        <Link to="device" params={{ device: decision.device }} className="small">
          {decision.device}
        </Link>
      </>
    ),
  },
  { title: 'Sure', cell: (decision) => <Confidence decision={decision} /> },
  {
    title: 'Took',
    cell: ({ micros, tier }) => (
      <>
        <div className="number">{microsText(micros)}</div>
        <span className="badge" data-tone={TIER_TONES[tier]}>
          {tier}
        </span>
      </>
    ),
    isRight: true,
  },
];

/** The table. */
export const Decisions = (props: { readonly items: readonly LiveDecision[] }) =>
  props.items.length === 0 ? (
    <Empty title="No decision since this page was opened">
      <p>Decisions appear here as devices deliver them. Their texts stay on the devices.</p>
    </Empty>
  ) : (
    <Table
      label="Decisions as they come"
      className="flow"
      rows={props.items}
      keyOf={({ position }) => position}
      columns={COLUMNS}
    />
  );
