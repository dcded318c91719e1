/** A refusal of the controller in a few words, where it matters. */
import type { NanofleetError } from '@nanofleet/protocol';

/** The note. */
export const ProblemNote = (props: { readonly problem: NanofleetError }) => (
  <div className="problem" role="alert">
    <div className="code">{props.problem.code}</div>
    {props.problem.message}
  </div>
);
