/** The values of a chart as a table, for whoever cannot see the chart, or wants the numbers. */
import { momentText } from '../rims/clock.ts';
import type { Values } from './scale.ts';

/** The table, closed until it is asked for. */
export const ValuesTable = (props: {
  readonly title: string;
  readonly at: readonly number[];
  readonly curves: readonly { readonly name: string; readonly values: Values }[];
  readonly text: (value: number) => string;
}) => (
  <details className="as-table">
    <summary>Values</summary>
    <div className="table-frame" role="group" aria-label={`${props.title}, values`} tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">Time</th>
            {props.curves.map(({ name }) => (
              <th key={name} scope="col" className="right">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {props.at.map((moment, index) => (
            <tr key={moment}>
              <td className="number">{momentText(moment)}</td>
              {props.curves.map(({ name, values }) => {
                const value = values[index] ?? null;
                return (
                  <td key={name} className="right">
                    {value === null ? '–' : props.text(value)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  </details>
);
