/** What two bundles state differently, side by side. */
import type { ApiAnswer, Digest } from '@nanofleet/protocol';
import { useAnswer } from '../access/use-answer.ts';
import { Panel } from '../parts/panel.tsx';
import { Answer, Empty } from '../parts/states.tsx';
import { Table } from '../parts/table.tsx';
import { Link } from '../routing/link.tsx';
import { bytesText, countText, digestText, microsText, shareText } from '../words/units.ts';

type Shown = ApiAnswer<'model'>;

interface Row {
  readonly what: string;
  readonly one: string;
  readonly other: string;
}

/** What a bundle states, by what it is of. */
const statedBy = ({ bytes, card, keyId, lineage, releaseCounter, version }: Shown): Map<string, string> => {
  const figures = (card?.quality ?? []).map(
    ({ accuracy, dataset, split }) => [`Accuracy: ${dataset}, ${split}`, shareText(accuracy)] as const,
  );
  return new Map([
    ['Version', version],
    ['Release', countText(releaseCounter)],
    ['Size', bytesText(bytes)],
    ['Made from', lineage[0] === undefined ? 'nothing here' : digestText(lineage[0].digest)],
    ['Signed by', digestText(keyId)],
    ...(card === null
      ? []
      : ([
          ['Time per input', microsText(card.cost.microseconds)],
          ['Memory', bytesText(card.cost.rssBytes)],
          ['Labels', countText(card.labels.names.length)],
          ...figures,
        ] as const)),
  ]);
};

const differing = (one: Shown, other: Shown): Row[] => {
  const [left, right] = [statedBy(one), statedBy(other)];
  return [...new Set([...left.keys(), ...right.keys()])]
    .map((what) => ({ what, one: left.get(what) ?? '–', other: right.get(what) ?? '–' }))
    .filter((row) => row.one !== row.other);
};

const nameOf = ({ line, version }: Shown): string => `${line} ${version}`;

/** The panel. @param digests what devices had, and what they are given */
export const Difference = ({ digests: [one, other] }: { readonly digests: readonly [Digest, Digest] }) => {
  const before = useAnswer('model', { params: { digest: one } }, { parts: ['models'] });
  const after = useAnswer('model', { params: { digest: other } }, { parts: ['models'] });
  return (
    <Panel title="What it changes" aside="as both manifests state it, signed" flush>
      <Answer asked={before} lines={3}>
        {(left) => (
          <Answer asked={after} lines={3}>
            {(right) => <Rows left={left} right={right} />}
          </Answer>
        )}
      </Answer>
    </Panel>
  );
};

const Rows = ({ left, right }: { readonly left: Shown; readonly right: Shown }) => {
  const rows = differing(left, right);
  if (rows.length === 0) return <Empty title="They state the same" />;
  return (
    <>
      <Table
        label="Differences"
        rows={rows}
        keyOf={({ what }) => what}
        columns={[
          { title: 'What', cell: ({ what }) => <span className="strong">{what}</span> },
          { title: nameOf(left), cell: ({ one }) => <span className="number">{one}</span> },
          { title: nameOf(right), cell: ({ other }) => <span className="number">{other}</span> },
        ]}
      />
      <p className="lead quiet">
        <Link to="model" params={{ digest: left.digest }}>
          {nameOf(left)}
        </Link>{' '}
        and{' '}
        <Link to="model" params={{ digest: right.digest }}>
          {nameOf(right)}
        </Link>
      </p>
    </>
  );
};
