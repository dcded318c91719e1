/** A row of key figures. */
import type { ReactNode } from 'react';

/** One figure: what it is, its value, and a word on it. */
export interface StatOf {
  readonly name: string;
  readonly value: ReactNode;
  readonly note?: ReactNode;
}

/** The row. */
export const Stats = (props: { readonly label: string; readonly items: readonly StatOf[] }) => (
  <dl className="stats" aria-label={props.label}>
    {props.items.map(({ name, value, note }) => (
      <div key={name} className="stat">
        <dt>{name}</dt>
        <dd>
          {value}
          {note === undefined ? null : <div className="note">{note}</div>}
        </dd>
      </div>
    ))}
  </dl>
);
