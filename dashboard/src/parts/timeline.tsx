/** The timeline as a list: runs of happenings, a heading per day, the newest on top. Never asks for anything. */
import type { TimelineEntry } from '@nanofleet/protocol';
import { dayText, isSameDay } from '../rims/clock.ts';
import { detailOf, runsOf, sentenceOf, TONES } from '../words/happenings.ts';
import { ClockTime } from './moment.tsx';
import { Sentence } from './sentence.tsx';

const HOLLOW = new Set(['device-offline', 'device-revoked', 'token-dropped']);

/** The list; entries newer than `freshAfter` come in with a glow. */
export const Timeline = (props: {
  readonly entries: readonly TimelineEntry[];
  readonly freshAfter?: number;
}) => {
  const runs = runsOf(props.entries);
  const fresh = props.freshAfter ?? Number.MAX_SAFE_INTEGER;
  return (
    <ol className="timeline">
      {runs.map((run, at) => {
        const { first, entries } = run;
        const before = runs[at - 1];
        const isNewDay = before === undefined ? false : !isSameDay(before.first.at, first.at);
        const detail = detailOf(run);
        const oldest = entries.at(-1) ?? first;
        return (
          <li key={oldest.position}>
            {isNewDay ? <div className="hour">{dayText(first.at)}</div> : null}
            <div className={first.position > fresh ? 'entry fresh' : 'entry'} data-tone={TONES[first.kind]}>
              <ClockTime at={first.at} />
              <span className="glyph" data-hollow={HOLLOW.has(first.kind)} aria-hidden="true" />
              <div>
                <Sentence pieces={sentenceOf(run)} />
                {detail === null ? null : <div className="more">{detail}</div>}
              </div>
            </div>
          </li>
        );
      })}
    </ol>
  );
};
