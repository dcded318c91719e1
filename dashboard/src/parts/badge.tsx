/** A state in one word with its colour: never the colour alone. */
import type { Tone } from '../words/happenings.ts';

/** A dot and a word; `isHollow` for what is not there. */
export const Badge = (props: { readonly tone: Tone; readonly text: string; readonly isHollow?: boolean }) => (
  <span className="badge" data-tone={props.tone} data-hollow={props.isHollow === true}>
    {props.text}
  </span>
);

/** A word on a ground of its colour. */
export const Chip = (props: { readonly tone: Tone; readonly text: string }) => (
  <span className="chip" data-tone={props.tone}>
    {props.text}
  </span>
);
