/** Intents that providers proposed for what no label fits: what the fleet could learn next. Nothing when there are none. */
import type { Proposal } from '@nanofleet/protocol';
import { useAnswer } from '../access/use-answer.ts';
import { Ago } from '../parts/moment.tsx';
import { Panel } from '../parts/panel.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { countText } from '../words/units.ts';

const COLUMNS: readonly Column<Proposal>[] = [
  { title: 'Intent', cell: ({ name }) => <span className="strong">{name}</span> },
  { title: 'Line', cell: ({ line }) => line },
  { title: 'Proposed', cell: ({ count }) => `${countText(count)}×`, isRight: true },
  { title: 'Last', cell: ({ lastAt }) => <Ago at={lastAt} />, isRight: true },
  {
    title: 'To add it',
    cell: ({ line, name }) => <code>{`nanofleet intents add ${name} --line ${line}`}</code>,
  },
];

/** The panel. */
export const Proposals = () => {
  const asked = useAnswer('proposals', { query: { limit: 20 } }, { parts: ['spend'], everyMs: 5_000 });
  const items = asked.value?.items ?? [];
  if (items.length === 0) return null;
  return (
    <Panel title="Proposed intents" aside="for texts that no label fits" flush>
      <Table
        label="Proposed intents"
        rows={items}
        keyOf={({ line, name }) => `${line} ${name}`}
        columns={COLUMNS}
      />
    </Panel>
  );
};
