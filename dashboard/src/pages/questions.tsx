/** What devices asked bigger tiers, and what became of it. Never a text. */
import type { StoredOffload } from '@nanofleet/protocol';
import { useAnswer } from '../access/use-answer.ts';
import { Badge } from '../parts/badge.tsx';
import { Moment } from '../parts/moment.tsx';
import { Panel } from '../parts/panel.tsx';
import { Answer, Empty } from '../parts/states.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Link } from '../routing/link.tsx';
import type { Tone } from '../words/happenings.ts';
import { microsText } from '../words/units.ts';

const STATUS_TONES: Readonly<Record<StoredOffload['status'], Tone>> = {
  waiting: 'cool',
  answered: 'good',
  unanswered: 'warn',
  expired: 'bad',
};

const COLUMNS: readonly Column<StoredOffload>[] = [
  { title: 'Answer', cell: ({ label }) => <span className="strong">{label ?? '–'}</span> },
  { title: 'Status', cell: ({ status }) => <Badge tone={STATUS_TONES[status]} text={status} /> },
  {
    title: 'Device',
    cell: ({ device }) => (
      <Link to="device" params={{ device }}>
        {device}
      </Link>
    ),
  },
  { title: 'Tier', cell: ({ tier }) => tier ?? '–' },
  {
    title: 'Took',
    cell: ({ micros }) => (micros === null ? '–' : <span className="number">{microsText(micros)}</span>),
    isRight: true,
  },
  { title: 'Asked', cell: ({ receivedAt }) => <Moment at={receivedAt} />, isRight: true },
];

/** The panel. */
export const Questions = () => {
  const asked = useAnswer('offloads', { query: { limit: 50 } }, { parts: ['offloads'], everyMs: 2_000 });
  return (
    <Panel title="Questions to bigger tiers" aside="newest first, without their texts" flush>
      <Answer asked={asked} lines={6}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="No device has asked a bigger tier yet">
              <p>
                A device asks when its own model is not sure, and only as far as the policy of its group
                allows.
              </p>
            </Empty>
          ) : (
            <Table
              label="Questions"
              rows={items}
              keyOf={({ decision, device }) => `${device} ${decision}`}
              columns={COLUMNS}
            />
          )
        }
      </Answer>
    </Panel>
  );
};
