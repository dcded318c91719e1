/** Parts of a whole side by side, with a legend that says the same in words. */
import type { Tone } from '../words/happenings.ts';
import { countText } from '../words/units.ts';

/** One part. */
export interface Share {
  readonly name: string;
  readonly count: number;
  readonly tone: Tone;
}

/** The bar; parts of nothing are left out. */
export const Meter = (props: {
  readonly label: string;
  readonly shares: readonly Share[];
  /** What the whole is when the parts are not all of it; left out: their sum. */
  readonly whole?: number;
  readonly hasLegend?: boolean;
}) => {
  const shares = props.shares.filter(({ count }) => count > 0);
  const total = props.whole ?? shares.reduce((sum, { count }) => sum + count, 0);
  const words = shares.map(({ name, count }) => `${name} ${countText(count)}`).join(', ');
  return (
    <div>
      <div className="meter" role="img" aria-label={`${props.label}: ${words === '' ? 'nothing' : words}`}>
        {shares.map(({ name, count, tone }) => (
          <span key={name} data-tone={tone} style={{ width: `${(count / total) * 100}%` }} />
        ))}
      </div>
      {props.hasLegend === true ? (
        <div className="legend">
          {shares.map(({ name, count, tone }) => (
            <span key={name} className="key" data-tone={tone}>
              {name} <b className="number">{countText(count)}</b>
            </span>
          ))}
        </div>
      ) : null}
    </div>
  );
};
