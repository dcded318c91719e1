/** Money of the days as bars against the budget, with the same as a table. */
import type { CloudDay, CloudProvider } from '@nanofleet/protocol';
import { scaleOf } from '../charts/scale.ts';
import { useWidth } from '../charts/use-width.ts';
import { Panel } from '../parts/panel.tsx';
import { moneyText } from '../words/money.ts';
import { countText } from '../words/units.ts';

const HEIGHT = 132;
const BOTTOM = HEIGHT - 18;
const DAYS_SHOWN = 14;

/** The panel; the newest day is on the right. */
export const CloudDays = (props: {
  readonly days: readonly CloudDay[];
  readonly today: CloudDay;
  readonly provider: CloudProvider;
}) => {
  const { provider, today } = props;
  const earlier = props.days.filter(({ day }) => day !== today.day);
  const days = [today, ...earlier].slice(0, DAYS_SHOWN).reverse();
  return (
    <Panel
      title="Spend by day"
      aside={`the rule is the budget of ${moneyText(provider.budgetMicros, provider.currency)}`}
    >
      <Bars days={days} budgetMicros={provider.budgetMicros} />
      <details className="as-table">
        <summary>Values</summary>
        <div className="table-frame" role="group" aria-label="Spend by day, values" tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th scope="col">Day</th>
                <th scope="col" className="right">
                  Spent
                </th>
                <th scope="col" className="right">
                  Calls
                </th>
              </tr>
            </thead>
            <tbody>
              {days.map(({ calls, day, spentMicros }) => (
                <tr key={day}>
                  <td className="number">{day}</td>
                  <td className="right">{moneyText(spentMicros, provider.currency)}</td>
                  <td className="right">{countText(calls)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </Panel>
  );
};

const Bars = (props: { readonly days: readonly CloudDay[]; readonly budgetMicros: number }) => {
  const { budgetMicros, days } = props;
  const [frame, width] = useWidth();
  const most = Math.max(1, budgetMicros, ...days.map(({ spentMicros }) => spentMicros));
  const y = scaleOf([0, most], [BOTTOM, 8]);
  const step = width / Math.max(DAYS_SHOWN, days.length);
  const left = (at: number): number => width - (days.length - at) * step;
  return (
    <div className="chart" ref={frame}>
      <svg
        height={HEIGHT}
        viewBox={`0 0 ${width} ${HEIGHT}`}
        role="img"
        aria-label="Spend by day; the table below holds the values"
      >
        <line className="rule" x1="0" x2={width} y1={BOTTOM} y2={BOTTOM} />
        {days.map(({ day, spentMicros }, at) => (
          <g key={day} data-series={spentMicros > budgetMicros ? 3 : 1}>
            <rect
              className="bar"
              x={left(at) + 3}
              width={step - 6}
              y={y(spentMicros)}
              height={BOTTOM - y(spentMicros)}
              rx="2"
            />
            <text className="axis" x={left(at) + step / 2} y={HEIGHT - 3} textAnchor="middle">
              {day.slice(8)}
            </text>
          </g>
        ))}
        <line className="cross" x1="0" x2={width} y1={y(budgetMicros)} y2={y(budgetMicros)} />
      </svg>
    </div>
  );
};
