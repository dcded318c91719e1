/** Accuracy before and after a round, on the controller's held-out examples: two marks on one rule per measure. */
import type { Round } from '@nanofleet/protocol';
import { shareText } from '../words/units.ts';
import { MEASURES, pointsText } from './round-words.ts';

/** Points below which a difference is no colour's business. */
const NOISE = 0.005;

const toneOf = (difference: number): string => {
  if (difference > NOISE) return 'good';
  return difference < -NOISE ? 'bad' : 'plain';
};

/** The rules, with the numbers beside them. */
export const Accuracy = (props: { readonly accuracy: NonNullable<Round['accuracy']> }) => {
  const { before, after } = props.accuracy;
  return (
    <table className="accuracy">
      <thead>
        <tr>
          <th scope="col">Measure</th>
          <th scope="col" className="right">
            Before
          </th>
          <th scope="col" aria-hidden="true" className="rule-column" />
          <th scope="col" className="right">
            After
          </th>
          <th scope="col" className="right">
            Points
          </th>
        </tr>
      </thead>
      <tbody>
        {MEASURES.map(({ of, name }) => (
          <Row key={of} name={name} before={before[of]} after={after[of]} />
        ))}
      </tbody>
    </table>
  );
};

const Row = (props: {
  readonly name: string;
  readonly before: number | null;
  readonly after: number | null;
}) => {
  const { after, before, name } = props;
  const difference = before === null || after === null ? null : after - before;
  return (
    <tr data-tone={difference === null ? 'plain' : toneOf(difference)}>
      <th scope="row">{name}</th>
      <td className="right soft">{before === null ? '–' : shareText(before)}</td>
      <td className="rule-column" aria-hidden="true">
        {after === null ? null : <Rule before={before ?? 0} after={after} />}
      </td>
      <td className="right">
        <span className="strong">{after === null ? '–' : shareText(after)}</span>
      </td>
      <td className="right gain">{difference === null ? '–' : pointsText(difference)}</td>
    </tr>
  );
};

const Rule = (props: { readonly before: number; readonly after: number }) => (
  <svg viewBox="0 0 200 12" width="100%" height="12" preserveAspectRatio="none">
    <line x1="0" x2="200" y1="6" y2="6" stroke="var(--line-strong)" vectorEffect="non-scaling-stroke" />
    <line
      x1={props.before * 200}
      x2={props.after * 200}
      y1="6"
      y2="6"
      stroke="var(--tone)"
      strokeWidth="4"
      vectorEffect="non-scaling-stroke"
    />
    <line
      x1={props.before * 200}
      x2={props.before * 200}
      y1="1"
      y2="11"
      stroke="var(--ink-3)"
      strokeWidth="2"
      vectorEffect="non-scaling-stroke"
    />
    <line
      x1={props.after * 200}
      x2={props.after * 200}
      y1="1"
      y2="11"
      stroke="var(--tone)"
      strokeWidth="3"
      vectorEffect="non-scaling-stroke"
    />
  </svg>
);
