/** One rollout as it goes: how many run it, what each device does with it, why one refused it. */
import type { Rollout, Uuid } from '@nanofleet/protocol';
import { useAnswer } from '../access/use-answer.ts';
import { Badge } from '../parts/badge.tsx';
import { Meter } from '../parts/meter.tsx';
import { Moment } from '../parts/moment.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { Panel } from '../parts/panel.tsx';
import { Answer, Empty } from '../parts/states.tsx';
import { Stats } from '../parts/stats.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Link } from '../routing/link.tsx';
import type { Tone } from '../words/happenings.ts';
import { bytesText, countText, digestText, shareText } from '../words/units.ts';
import { Difference } from './difference.tsx';
import { RolloutCourseOf } from './rollout-course.tsx';
import { RolloutHistory } from './rollout-history.tsx';
import { ROLLOUT_TONES, sharesOf, targetText } from './rollout-list.tsx';
import { RolloutOrders } from './rollout-orders.tsx';

type Progress = Rollout['devices'][number];

const STATE_TONES: Readonly<Record<Progress['state'], Tone>> = {
  running: 'good',
  fetching: 'cool',
  pending: 'cool',
  refused: 'bad',
  offline: 'plain',
  waiting: 'plain',
  back: 'warn',
};
/** What wants to be seen comes first. */
const ORDER: readonly Progress['state'][] = [
  'refused',
  'back',
  'fetching',
  'pending',
  'offline',
  'running',
  'waiting',
];

/** The page. */
export const RolloutPage = (props: { readonly id: Uuid }) => {
  const asked = useAnswer(
    'rollout',
    { params: { id: props.id } },
    { parts: ['rollouts', 'devices'], everyMs: 500 },
  );
  const rollout = asked.value;
  return (
    <div className="page">
      <PageHead
        title={
          rollout === null ? 'Rollout' : `${rollout.line} ${rollout.version} to ${targetText(rollout.target)}`
        }
        trail={<Link to="rollouts">Rollouts</Link>}
      >
        {rollout === null ? null : <RolloutOrders rollout={rollout} onDone={asked.again} />}
      </PageHead>
      <Answer asked={asked} lines={6}>
        {(shown) => (
          <>
            <Standing rollout={shown} />
            {shown.course === null ? (
              <Panel title="Progress">
                <Meter label="Devices" shares={sharesOf(shown.counts)} hasLegend />
              </Panel>
            ) : (
              <RolloutCourseOf course={shown.course} />
            )}
            <Devices rollout={shown} />
            {shown.course === null || shown.course.former === null ? null : (
              <Difference digests={[shown.course.former, shown.digest]} />
            )}
            {shown.course === null ? null : <RolloutHistory id={shown.id} />}
          </>
        )}
      </Answer>
    </div>
  );
};

const Standing = ({ rollout }: { readonly rollout: Rollout }) => {
  const { counts, createdAt, digest, status } = rollout;
  const reachable = counts.total - counts.offline;
  return (
    <Stats
      label="How it stands"
      items={[
        { name: 'Status', value: <Badge tone={ROLLOUT_TONES[status]} text={status} /> },
        {
          name: 'Runs on',
          value: (
            <>
              {countText(counts.running)} <small>of {countText(counts.total)}</small>
            </>
          ),
        },
        {
          name: 'Of those reachable',
          value: reachable === 0 ? '–' : shareText(counts.running / reachable),
        },
        { name: 'Refused by', value: countText(counts.refused) },
        { name: 'Begun', value: <Moment at={createdAt} /> },
        {
          name: 'Bundle',
          value: (
            <Link to="model" params={{ digest }}>
              <span className="digest">{digestText(digest)}</span>
            </Link>
          ),
        },
      ]}
    />
  );
};

const COLUMNS: readonly Column<Progress>[] = [
  {
    title: 'Device',
    cell: ({ device }) => (
      <Link to="device" params={{ device }}>
        <span className="strong">{device}</span>
      </Link>
    ),
  },
  {
    title: 'State',
    cell: ({ state }) => <Badge tone={STATE_TONES[state]} text={state} isHollow={state === 'offline'} />,
  },
  {
    title: 'Wave',
    cell: ({ wave }) => (wave === undefined ? <span className="quiet">–</span> : wave + 1),
  },
  { title: 'Progress', cell: (device) => <Bytes device={device} /> },
  {
    title: 'Said',
    cell: ({ code, message }) =>
      code === undefined ? null : (
        <div className="problem">
          <div className="code">{code}</div>
          {message}
        </div>
      ),
  },
];

const Bytes = ({ device }: { readonly device: Progress }) => {
  const { progress, state } = device;
  if (progress === undefined) return <span className="quiet">{state === 'running' ? 'done' : '–'}</span>;
  const { bytesDone, bytesTotal } = progress;
  const shares = [
    { name: 'fetched', count: bytesDone, tone: 'cool' as const },
    { name: 'to fetch', count: bytesTotal - bytesDone, tone: 'plain' as const },
  ];
  return (
    <div className="progress">
      <Meter label={`Download of ${device.device}`} shares={shares} />
      <span className="number quiet">{`${bytesText(bytesDone)} of ${bytesText(bytesTotal)}`}</span>
    </div>
  );
};

const Devices = ({ rollout }: { readonly rollout: Rollout }) => {
  const devices = [...rollout.devices].sort(
    (one, other) =>
      ORDER.indexOf(one.state) - ORDER.indexOf(other.state) || one.device.localeCompare(other.device),
  );
  return (
    <Panel title="Devices" flush>
      {devices.length === 0 ? (
        <Empty
          title={rollout.status === 'superseded' ? 'A later rollout took over' : 'It is for no device'}
        />
      ) : (
        <Table
          label="Devices of the rollout"
          rows={devices}
          keyOf={({ device }) => device}
          columns={COLUMNS}
        />
      )}
    </Panel>
  );
};
