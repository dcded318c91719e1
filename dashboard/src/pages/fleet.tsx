/** The fleet at a glance: key figures, the same over time, which versions run where. */
import type { FigurePoint } from '@nanofleet/protocol';
import { useState } from 'react';
import { useAnswer } from '../access/use-answer.ts';
import { TimeChart } from '../charts/time-chart.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { Panel } from '../parts/panel.tsx';
import { Segments } from '../parts/segments.tsx';
import { Answer } from '../parts/states.tsx';
import { countText, microsText, rateText, shareText } from '../words/units.ts';
import { denseFigures } from './dense-figures.ts';
import { FleetStats } from './fleet-stats.tsx';
import { Versions } from './versions.tsx';

const SPANS = [
  { value: '3600', text: '1 h' },
  { value: '21600', text: '6 h' },
  { value: '86400', text: '24 h' },
  { value: '604800', text: '7 d' },
] as const;
const FIGURES_EVERY_MS = 10_000;

/** The page. */
export const FleetPage = () => {
  const [span, setSpan] = useState<string>('3600');
  const spanS = Number(span);
  const figures = useAnswer(
    'figures',
    { query: { spanS, points: 240 } },
    { parts: ['beats'], everyMs: FIGURES_EVERY_MS },
  );
  return (
    <div className="page">
      <PageHead title="Fleet">
        <Segments label="Time span" options={SPANS} value={span} onChange={setSpan} />
      </PageHead>
      <Answer asked={figures} lines={5}>
        {({ points, stepMs, until }) => {
          const dense = denseFigures(points, { stepMs, until, spanS });
          return (
            <>
              <FleetStats points={dense} stepMs={stepMs} />
              <Charts points={dense} stepMs={stepMs} />
            </>
          );
        }}
      </Answer>
      <Versions />
    </div>
  );
};

const Charts = (props: { readonly points: readonly FigurePoint[]; readonly stepMs: number }) => {
  const { points, stepMs } = props;
  const at = points.map((point) => point.at);
  const perSecond = (count: number): number => count / (stepMs / 1_000);
  return (
    <div className="grid">
      <Panel title="Decisions per second">
        <TimeChart
          title="Decisions per second"
          at={at}
          text={rateText}
          curves={[
            { name: 'decided', isArea: true, values: points.map(({ decisions }) => perSecond(decisions)) },
          ]}
        />
      </Panel>
      <Panel title="Sent on to a bigger tier">
        <TimeChart
          title="Share of decisions that were sent on"
          at={at}
          text={shareText}
          curves={[
            {
              name: 'share',
              isArea: true,
              values: points.map(({ decisions, offered }) => (decisions === 0 ? null : offered / decisions)),
            },
          ]}
        />
      </Panel>
      <Panel title="Text to decision" aside="on the devices">
        <TimeChart
          title="Text to decision on the devices"
          at={at}
          text={microsText}
          curves={[
            { name: 'p50', values: points.map(({ p50 }) => p50) },
            { name: 'p95', values: points.map(({ p95 }) => p95) },
            { name: 'p99', values: points.map(({ p99 }) => p99) },
          ]}
        />
      </Panel>
      <Panel title="Devices online">
        <TimeChart
          title="Devices online"
          at={at}
          text={countText}
          curves={[{ name: 'online', isArea: true, values: points.map(({ online }) => online) }]}
        />
      </Panel>
    </div>
  );
};
