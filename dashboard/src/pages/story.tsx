/** The first page: what happened in the fleet, as a tape over time and as sentences, with the figures of now beside. */
import type { FigurePoint, TimelineEntry } from '@nanofleet/protocol';
import { useRef, useState } from 'react';
import { useAnswer } from '../access/use-answer.ts';
import { TimeChart } from '../charts/time-chart.tsx';
import { useLive } from '../live/stream.ts';
import { Decisions } from '../parts/decisions.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { Panel } from '../parts/panel.tsx';
import { Answer, Empty } from '../parts/states.tsx';
import { Timeline } from '../parts/timeline.tsx';
import { TONES } from '../words/happenings.ts';
import { rateText } from '../words/units.ts';
import { denseFigures } from './dense-figures.ts';
import { FleetStats } from './fleet-stats.tsx';

const SPAN_S = 3_600;
const FIGURES_EVERY_MS = 10_000;
const PAGE_ROWS = 100;
/** On the tape only what changes the fleet; who signed in does not. */
const OFF_TAPE = new Set(['signed-in', 'token-made', 'token-dropped']);

/** The page. */
export const StoryPage = () => {
  const figures = useAnswer(
    'figures',
    { query: { spanS: SPAN_S, points: 180 } },
    { parts: ['beats'], everyMs: FIGURES_EVERY_MS },
  );
  return (
    <div className="page">
      <PageHead title="Story" />
      <Answer asked={figures} lines={2}>
        {({ points, stepMs, until }) => (
          <>
            <FleetStats points={denseFigures(points, { stepMs, until, spanS: SPAN_S })} stepMs={stepMs} />
            <Tape points={denseFigures(points, { stepMs, until, spanS: SPAN_S })} stepMs={stepMs} />
          </>
        )}
      </Answer>
      <div className="grid aside-right">
        <Happenings />
        <LiveDecisions />
      </div>
    </div>
  );
};

const Tape = (props: { readonly points: readonly FigurePoint[]; readonly stepMs: number }) => {
  const happenings = useAnswer(
    'timeline',
    { query: { limit: PAGE_ROWS } },
    { parts: ['devices', 'rollouts'] },
  );
  const { points, stepMs } = props;
  const [from, until] = [points[0]?.at ?? 0, points.at(-1)?.at ?? 0];
  // What came after the last point has no place on the tape before the next one.
  const marks = (happenings.value?.items ?? []).filter(
    ({ at, kind }) => at >= from && at <= until && !OFF_TAPE.has(kind),
  );
  return (
    <Panel title="The last hour" aside="decisions per second, and what happened">
      <div className="tape">
        <TimeChart
          title="Decisions per second in the last hour"
          at={points.map(({ at }) => at)}
          curves={[
            {
              name: 'decisions/s',
              isArea: true,
              values: points.map(({ decisions }) => decisions / (stepMs / 1_000)),
            },
            { name: 'sent on/s', values: points.map(({ offered }) => offered / (stepMs / 1_000)) },
          ]}
          text={rateText}
          height={140}
          over={(x, bottom) =>
            marks.map(({ at, kind, position }) => (
              <line
                key={position}
                className="mark"
                data-tone={TONES[kind]}
                x1={x(at)}
                x2={x(at)}
                y1={bottom - 9}
                y2={bottom}
              />
            ))
          }
        />
      </div>
    </Panel>
  );
};

const Happenings = () => {
  const [older, setOlder] = useState<readonly TimelineEntry[]>([]);
  const [before, setBefore] = useState<number | null>(null);
  const asked = useAnswer('timeline', { query: { limit: PAGE_ROWS } });
  const page = useAnswer(
    'timeline',
    before === null ? { query: { limit: 1 } } : { query: { limit: PAGE_ROWS, before } },
  );
  const live = useLive(({ happenings }) => happenings);
  const opened = useRef<number | null>(null);
  const base = asked.value?.items ?? [];
  opened.current ??= base[0]?.position ?? null;
  const top = base[0]?.position ?? 0;
  const fetched = before !== null && page.value !== null ? page.value.items : [];
  const entries = [...live.filter(({ position }) => position > top), ...base, ...older, ...fetched];
  const last = entries.at(-1);
  const isWhole = (fetched.length > 0 ? fetched : base).length < PAGE_ROWS;
  return (
    <Panel title="What happened" flush>
      <Answer asked={asked} lines={6}>
        {() =>
          entries.length === 0 ? (
            <Empty title="Nothing has happened yet">
              <p>
                Enrol the first device: <code>nanofleet fleet-tokens new</code>
              </p>
            </Empty>
          ) : (
            <>
              <Timeline
                entries={entries}
                {...(opened.current === null ? {} : { freshAfter: opened.current })}
              />
              {isWhole || last === undefined ? null : (
                <div className="state">
                  <button
                    type="button"
                    className="button"
                    onClick={() => {
                      setOlder([...older, ...fetched]);
                      setBefore(last.position);
                    }}
                  >
                    Show what was before
                  </button>
                </div>
              )}
            </>
          )
        }
      </Answer>
    </Panel>
  );
};

const LiveDecisions = () => {
  const decisions = useLive((state) => state.decisions);
  return (
    <Panel title="Decisions" aside="as they come, without their texts" flush>
      <Decisions items={decisions} />
    </Panel>
  );
};
