/** Key figures of the fleet, now, each with how it came about in the last hour. */
import type { FigurePoint } from '@nanofleet/protocol';
import { Spark } from '../charts/spark.tsx';
import { useLive } from '../live/stream.ts';
import { Stats } from '../parts/stats.tsx';
import { countText, microsText, rateText, shareText } from '../words/units.ts';

const RECENT_MS = 60_000;

const sumOf = (points: readonly FigurePoint[], of: (point: FigurePoint) => number): number =>
  points.reduce((sum, point) => sum + of(point), 0);

/** The row. */
export const FleetStats = (props: { readonly points: readonly FigurePoint[]; readonly stepMs: number }) => {
  const { points, stepMs } = props;
  const fleet = useLive((state) => state.fleet);
  const recent = points.slice(-Math.max(1, Math.round(RECENT_MS / stepMs)));
  const decided = sumOf(recent, ({ decisions }) => decisions);
  const offered = sumOf(recent, (point) => point.offered);
  const newest = recent.findLast(({ p50 }) => p50 !== null);
  const perSecond = decided / ((recent.length * stepMs) / 1_000);
  const living = fleet === null ? null : fleet.devices.total - fleet.devices.revoked;
  return (
    <Stats
      label="The fleet now"
      items={[
        {
          name: 'Online',
          value:
            fleet === null ? (
              '–'
            ) : (
              <>
                {countText(fleet.devices.online)} <small>of {countText(living ?? 0)}</small>
              </>
            ),
          note: <Spark values={points.map(({ online }) => online)} />,
        },
        {
          name: 'Decisions',
          value: (
            <>
              {rateText(perSecond)} <small>/s</small>
            </>
          ),
          note: <Spark values={points.map(({ decisions }) => decisions)} />,
        },
        {
          name: 'Sent on',
          value: decided === 0 ? '–' : shareText(offered / decided),
          note: (
            <Spark
              series={2}
              values={points.map((point) => (point.decisions === 0 ? null : point.offered / point.decisions))}
            />
          ),
        },
        {
          name: 'Decision, p50',
          value: (newest?.p50 ?? null) === null ? '–' : microsText(newest?.p50 ?? 0),
          note: <Spark series={3} values={points.map(({ p50 }) => p50)} />,
        },
        {
          name: 'Decision, p99',
          value: (newest?.p99 ?? null) === null ? '–' : microsText(newest?.p99 ?? 0),
          note: <Spark series={3} values={points.map(({ p99 }) => p99)} />,
        },
        {
          name: 'Decided so far',
          value: fleet === null ? '–' : countText(fleet.decisions),
          note:
            fleet === null ? undefined : `${countText(fleet.offloads.answered)} answered by a bigger tier`,
        },
      ]}
    />
  );
};
