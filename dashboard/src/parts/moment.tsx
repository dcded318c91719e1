/** A moment as a clock time, or as how long ago it was, with the whole of it at hand. */
import { useEffect, useState } from 'react';
import { every, isSameDay, minuteText, momentText, secondText, unixMs } from '../rims/clock.ts';
import { spanText } from '../words/units.ts';

const TICK_MS = 1_000;

/** The time, ticking once a second. */
const useNow = (): number => {
  const [now, setNow] = useState(unixMs);
  useEffect(() => every(TICK_MS, () => setNow(unixMs())), []);
  return now;
};

/** How long ago. */
export const Ago = (props: { readonly at: number | null }) => {
  const now = useNow();
  if (props.at === null) return <span className="quiet">never</span>;
  return (
    <span className="number" title={momentText(props.at)}>
      {spanText(now - props.at)} ago
    </span>
  );
};

/** Hours, minutes and small seconds. */
export const ClockTime = (props: { readonly at: number }) => (
  <time title={momentText(props.at)}>
    {minuteText(props.at)}
    <span className="seconds">:{secondText(props.at)}</span>
  </time>
);

/** The time of today, the day before that. */
export const Moment = (props: { readonly at: number }) => {
  const now = useNow();
  return (
    <span className="number" title={momentText(props.at)}>
      {isSameDay(props.at, now) ? `${minuteText(props.at)}:${secondText(props.at)}` : momentText(props.at)}
    </span>
  );
};
