/** The registry: each line with the lineage of its bundles, and the candidates that wait for a publisher. */
import type { Candidate, DeviceSummary, Digest, Model } from '@nanofleet/protocol';
import { useAnswer } from '../access/use-answer.ts';
import { Badge } from '../parts/badge.tsx';
import { Moment } from '../parts/moment.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { Panel } from '../parts/panel.tsx';
import { Answer, Empty } from '../parts/states.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Link } from '../routing/link.tsx';
import { bytesText, digestText, pluralText, shareText } from '../words/units.ts';
import { Lineage } from './lineage.tsx';

const runningOf = (devices: readonly DeviceSummary[]): Map<Digest, number> => {
  const counts = new Map<Digest, number>();
  for (const { lines, status } of devices) {
    if (status === 'revoked') continue;
    for (const { running } of Object.values(lines)) {
      if (running !== null) counts.set(running.digest, (counts.get(running.digest) ?? 0) + 1);
    }
  }
  return counts;
};

/** The page. */
export const ModelsPage = () => {
  const models = useAnswer('models', {}, { parts: ['models'] });
  const devices = useAnswer('devices', {}, { parts: ['devices'], everyMs: 2_000 });
  const rollouts = useAnswer('rollouts', {}, { parts: ['rollouts'] });
  const running = runningOf(devices.value?.items ?? []);
  const own = (rollouts.value?.items ?? []).find(
    ({ target, status }) => 'controller' in target && status === 'done',
  );
  return (
    <div className="page">
      <PageHead title="Models" />
      <Candidates />
      <Answer asked={models} lines={6}>
        {({ items }) =>
          items.length === 0 ? (
            <Panel title="Registry">
              <Empty title="No bundle is registered yet">
                <p>
                  Sign and push one: <code>nanofleet models push DIR</code>
                </p>
              </Empty>
            </Panel>
          ) : (
            <Lines models={items} running={running} mini={own?.digest ?? null} />
          )
        }
      </Answer>
    </div>
  );
};

const Lines = (props: {
  readonly models: readonly Model[];
  readonly running: ReadonlyMap<Digest, number>;
  readonly mini: Digest | null;
}) => {
  const lines = [...new Set(props.models.map(({ line }) => line))];
  return (
    <>
      {lines.map((line) => {
        const models = props.models.filter((model) => model.line === line);
        return (
          <Panel key={line} title={line} aside={pluralText(models.length, 'bundle')}>
            <Lineage line={line} models={models} running={props.running} mini={props.mini} />
          </Panel>
        );
      })}
    </>
  );
};

const COLUMNS: readonly Column<Candidate>[] = [
  { title: 'Candidate', cell: ({ line, version }) => <span className="strong">{`${line} ${version}`}</span> },
  {
    title: 'State',
    cell: ({ isReleased }) => (
      <Badge
        tone={isReleased ? 'good' : 'cool'}
        text={isReleased ? 'released' : 'unsigned'}
        isHollow={!isReleased}
      />
    ),
  },
  {
    title: 'Out of',
    cell: ({ parent }) => (
      <Link to="model" params={{ digest: parent }}>
        <span className="digest">{digestText(parent)}</span>
      </Link>
    ),
  },
  { title: 'New labels', cell: ({ added }) => (added.length === 0 ? 'none' : added.join(', ')) },
  {
    title: 'Accuracy',
    cell: ({ accuracy }) => {
      const before = accuracy?.before.all ?? null;
      const after = accuracy?.after.all ?? null;
      if (before === null || after === null) return '–';
      return <span className="number">{`${shareText(before)} → ${shareText(after)}`}</span>;
    },
    isRight: true,
  },
  { title: 'Size', cell: ({ bytes }) => bytesText(bytes), isRight: true },
  { title: 'Made', cell: ({ createdAt }) => <Moment at={createdAt} />, isRight: true },
];

const Candidates = () => {
  const asked = useAnswer('candidates', {}, { parts: ['rounds', 'models'] });
  const open = (asked.value?.items ?? []).filter(({ isReleased }) => !isReleased);
  if (open.length === 0) return null;
  const [newest] = open;
  return (
    <Panel title="Candidates" aside="made by rounds, not runnable before a publisher has signed them" flush>
      <Table label="Candidates" rows={open} keyOf={({ digest }) => digest} columns={COLUMNS} />
      <div className="state">
        <p>
          Sign one where the publisher's key is:{' '}
          <code>nanofleet models sign {digestText(newest?.digest ?? '')}…</code>
        </p>
      </div>
    </Panel>
  );
};
