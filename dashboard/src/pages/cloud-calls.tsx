/** Calls of the provider, newest first: who caused them, what became of them, what they cost. Never a text. */
import type { CloudCall } from '@nanofleet/protocol';
import { useAnswer } from '../access/use-answer.ts';
import { Badge } from '../parts/badge.tsx';
import { Moment } from '../parts/moment.tsx';
import { Panel } from '../parts/panel.tsx';
import { Answer, Empty } from '../parts/states.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Link } from '../routing/link.tsx';
import type { Tone } from '../words/happenings.ts';
import { moneyText } from '../words/money.ts';
import { countText, microsText } from '../words/units.ts';

const STATE_TONES: Readonly<Record<CloudCall['state'], Tone>> = {
  open: 'cool',
  answered: 'good',
  failed: 'bad',
};

const redactedText = (redacted: CloudCall['redacted']): string => {
  const parts = Object.entries(redacted).filter(([, count]) => count > 0);
  return parts.length === 0 ? 'nothing' : parts.map(([kind, count]) => `${count} ${kind}`).join(', ');
};

const columnsOf = (currency: string): readonly Column<CloudCall>[] => [
  {
    title: 'Device',
    cell: ({ device }) => (
      <Link to="device" params={{ device }}>
        <span className="strong">{device}</span>
      </Link>
    ),
  },
  {
    title: 'State',
    cell: ({ code, state }) => (
      <>
        <Badge tone={STATE_TONES[state]} text={state} /> {code === null ? null : <code>{code}</code>}
      </>
    ),
  },
  { title: 'Try', cell: ({ attempt }) => attempt, isRight: true },
  {
    title: 'Took',
    cell: ({ milliseconds }) => (milliseconds === null ? '–' : microsText(milliseconds * 1_000)),
    isRight: true,
  },
  {
    title: 'Tokens in, out',
    cell: ({ inputTokens, outputTokens }) =>
      inputTokens === null || outputTokens === null
        ? '–'
        : `${countText(inputTokens)}, ${countText(outputTokens)}`,
    isRight: true,
  },
  {
    title: 'Cost',
    cell: ({ costMicros, isEstimated }) =>
      costMicros === null ? '–' : `${isEstimated ? '≈ ' : ''}${moneyText(costMicros, currency)}`,
    isRight: true,
  },
  { title: 'Redacted', cell: ({ redacted }) => <span className="quiet">{redactedText(redacted)}</span> },
  { title: 'At', cell: ({ at }) => <Moment at={at} />, isRight: true },
];

/** The panel. */
export const CloudCalls = (props: { readonly currency: string }) => {
  const asked = useAnswer('cloudCalls', { query: { limit: 50 } }, { parts: ['spend'], everyMs: 2_000 });
  return (
    <Panel title="Calls of the provider" aside="newest first, without their texts" flush>
      <Answer asked={asked}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="No provider was called yet" />
          ) : (
            <Table label="Calls" rows={items} keyOf={({ id }) => id} columns={columnsOf(props.currency)} />
          )
        }
      </Answer>
    </Panel>
  );
};
