/** Rollouts in a table: what goes where, and how far it has come. */
import type { ApiAnswer, Rollout, RolloutTarget } from '@nanofleet/protocol';
import { Badge } from '../parts/badge.tsx';
import { Meter, type Share } from '../parts/meter.tsx';
import { Moment } from '../parts/moment.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Link } from '../routing/link.tsx';
import type { Tone } from '../words/happenings.ts';

type Listed = ApiAnswer<'rollouts'>['items'][number];

/** How a rollout stands. */
export const ROLLOUT_TONES: Readonly<Record<Rollout['status'], Tone>> = {
  running: 'cool',
  done: 'good',
  refused: 'bad',
  superseded: 'plain',
  stopped: 'bad',
};

/** Whom it is for, in words. */
export const targetText = (target: RolloutTarget): string => {
  if ('group' in target) return target.group;
  if ('tags' in target)
    return Object.entries(target.tags)
      .map(([key, value]) => `${key}=${value}`)
      .join(' ');
  return 'all' in target ? 'all devices' : 'the mini tier';
};

/** Its counts as parts of a bar. */
export const sharesOf = ({ offline, pending, refused, running }: Rollout['counts']): Share[] => [
  { name: 'running', count: running, tone: 'good' },
  { name: 'on their way', count: pending, tone: 'cool' },
  { name: 'refused', count: refused, tone: 'bad' },
  { name: 'offline', count: offline, tone: 'plain' },
];

/** "rolled back in wave 1: ROLLOUT_GATE_STOPPED". */
const stopText = (course: Listed['course']): string => {
  if (course === null) return '';
  const where = `${course.phase.replace('-', ' ')} in wave ${course.wave + 1}`;
  return course.reason === null ? where : `${where}: ${course.reason.code}`;
};

const COLUMNS: readonly Column<Listed>[] = [
  {
    title: 'Rollout',
    cell: ({ id, line, version }) => (
      <Link to="rollout" params={{ id }}>
        <span className="strong">{`${line} ${version}`}</span>
      </Link>
    ),
  },
  {
    title: 'Status',
    cell: ({ status }) => (
      <Badge tone={ROLLOUT_TONES[status]} text={status} isHollow={status === 'superseded'} />
    ),
  },
  { title: 'To', cell: ({ target }) => targetText(target) },
  {
    title: 'Progress',
    cell: ({ counts, course, line, status, version }) =>
      status === 'superseded' ? (
        <span className="quiet">a later one took over</span>
      ) : status === 'stopped' ? (
        <span className="quiet">{stopText(course)}</span>
      ) : (
        <div className="progress">
          <Meter label={`Progress of ${line} ${version}`} shares={sharesOf(counts)} />
          <span className="number quiet">{`${counts.running} of ${counts.total}`}</span>
        </div>
      ),
  },
  { title: 'Begun', cell: ({ createdAt }) => <Moment at={createdAt} />, isRight: true },
];

/** The table. */
export const RolloutList = (props: { readonly items: readonly Listed[] }) => (
  <Table label="Rollouts" rows={props.items} keyOf={({ id }) => id} columns={COLUMNS} />
);
