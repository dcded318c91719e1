/** What a part shows while there is nothing to show: loading, empty, failed. Every listing of a page goes through here. */
import { ERRORS, type NanofleetError } from '@nanofleet/protocol';
import type { ReactNode } from 'react';
import type { Asked } from '../access/use-answer.ts';

/** Lines that breathe until something is there. */
export const Loading = (props: { readonly lines?: number }) => (
  <div className="state" role="status" aria-label="Loading">
    {Array.from({ length: props.lines ?? 3 }, (_, at) => (
      // The lines never change their order.
      <div key={at} className="bone" style={{ width: `${[46, 72, 60, 38][at % 4]}%` }} />
    ))}
  </div>
);

/** There is nothing yet, and what would change that. */
export const Empty = (props: { readonly title: string; readonly children?: ReactNode }) => (
  <div className="state">
    <strong>{props.title}</strong>
    {props.children}
  </div>
);

/** What went wrong, with its code, and a way to try again. */
export const Failed = (props: { readonly problem: NanofleetError; readonly again?: () => void }) => (
  <div className="state" role="alert">
    <strong>{ERRORS[props.problem.code].title}</strong>
    <p>{props.problem.message}</p>
    <p>
      <code>{props.problem.code}</code>
    </p>
    {props.again === undefined ? null : (
      <button type="button" className="button" onClick={props.again}>
        Try again
      </button>
    )}
  </div>
);

/** Shows an answer when it is there, else why it is not. */
export const Answer = <T,>(props: {
  readonly asked: Asked<T>;
  readonly lines?: number;
  readonly children: (value: T) => ReactNode;
}) => {
  const { asked, children } = props;
  if (asked.value !== null) return <>{children(asked.value)}</>;
  if (asked.problem !== null) return <Failed problem={asked.problem} again={asked.again} />;
  return <Loading {...(props.lines === undefined ? {} : { lines: props.lines })} />;
};
