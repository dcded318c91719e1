/** Health of a device over time, out of its beats. */
import type { BeatPoint } from '@nanofleet/protocol';
import { TimeChart } from '../charts/time-chart.tsx';
import { bytesText, countText, microsText, rateText, shareText } from '../words/units.ts';
import { perSecondOf } from './beat-rates.ts';

const HEIGHT = 116;
const MIB = 1_048_576;

/** Six small charts. */
export const DeviceHealth = (props: { readonly beats: readonly BeatPoint[] }) => {
  const { beats } = props;
  const at = beats.map((beat) => beat.at);
  const of = (value: (beat: BeatPoint) => number): number[] => beats.map(value);
  const common = { at, height: HEIGHT, hasCaption: true };
  return (
    <div className="grid three">
      <TimeChart
        {...common}
        title="Decisions per second"
        text={rateText}
        curves={[{ name: 'decisions/s', isArea: true, values: perSecondOf(beats) }]}
      />
      <TimeChart
        {...common}
        title="Text to decision"
        text={microsText}
        curves={[
          { name: 'p50', values: of(({ p50 }) => p50) },
          { name: 'p95', values: of(({ p95 }) => p95) },
          { name: 'p99', values: of(({ p99 }) => p99) },
        ]}
      />
      <TimeChart
        {...common}
        title="Share sent on"
        text={shareText}
        curves={[{ name: 'sent on', isArea: true, values: of(({ offloadShare }) => offloadShare) }]}
      />
      <TimeChart
        {...common}
        title="Memory"
        text={bytesText}
        unit={MIB}
        curves={[{ name: 'memory', isArea: true, values: of(({ rssBytes }) => rssBytes) }]}
      />
      <TimeChart
        {...common}
        title="Share of one core"
        text={shareText}
        curves={[{ name: 'of a core', isArea: true, values: of(({ cpuShare }) => cpuShare) }]}
      />
      <TimeChart
        {...common}
        title="Records that wait, and records dropped"
        text={countText}
        curves={[
          { name: 'waiting', isArea: true, values: of(({ waiting }) => waiting) },
          { name: 'dropped', values: of(({ dropped }) => dropped) },
        ]}
      />
    </div>
  );
};
