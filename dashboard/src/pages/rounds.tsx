/** Federated rounds: which line learned, from how many devices, and what that did to its accuracy. */
import type { Round } from '@nanofleet/protocol';
import { useAnswer } from '../access/use-answer.ts';
import { Badge } from '../parts/badge.tsx';
import { Moment } from '../parts/moment.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { Panel } from '../parts/panel.tsx';
import { Answer, Empty } from '../parts/states.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Link } from '../routing/link.tsx';
import { countText, pluralText, shareText } from '../words/units.ts';
import { ROUND_TONES } from './round-words.ts';
import { StartRound } from './start-round.tsx';

const changeText = (before: number | null, after: number | null): string =>
  before === null || after === null ? '–' : `${shareText(before)} → ${shareText(after)}`;

const COLUMNS: readonly Column<Round>[] = [
  {
    title: 'Round',
    cell: ({ baseVersion, id, line, turn }) => (
      <Link to="round" params={{ id }}>
        <span className="strong">{`${line} ${baseVersion}, turn ${turn}`}</span>
      </Link>
    ),
  },
  { title: 'Status', cell: ({ status }) => <Badge tone={ROUND_TONES[status]} text={status} /> },
  {
    title: 'New labels',
    cell: ({ labels }) => (labels.added.length === 0 ? 'none' : labels.added.join(', ')),
  },
  {
    title: 'Updates',
    cell: ({ counts }) => `${countText(counts.updates)} of ${countText(counts.asked)}`,
    isRight: true,
  },
  {
    title: 'New, before → after',
    cell: ({ accuracy }) => changeText(accuracy?.before.added ?? null, accuracy?.after.added ?? null),
    isRight: true,
  },
  {
    title: 'Old, before → after',
    cell: ({ accuracy }) => changeText(accuracy?.before.old ?? null, accuracy?.after.old ?? null),
    isRight: true,
  },
  { title: 'Begun', cell: ({ createdAt }) => <Moment at={createdAt} />, isRight: true },
];

/** The page. */
export const RoundsPage = () => {
  const asked = useAnswer('rounds', {}, { parts: ['rounds'] });
  const count = asked.value?.items.length ?? 0;
  return (
    <div className="page">
      <PageHead title="Rounds">
        <StartRound />
      </PageHead>
      <Panel title={pluralText(count, 'round')} aside="newest first" flush>
        <Answer asked={asked} lines={6}>
          {({ items }) =>
            items.length === 0 ? (
              <Empty title="The fleet has not learned together yet">
                <p>
                  Devices learn from corrections that stay on them; a round averages what they learned.
                  Corrections come from <code>nanofleet-agent label</code>.
                </p>
              </Empty>
            ) : (
              <Table label="Rounds" rows={items} keyOf={({ id }) => id} columns={COLUMNS} />
            )
          }
        </Answer>
      </Panel>
    </div>
  );
};
