/** All devices: who they are, how they stand, what they run. Filters by word, group and status. */
import type { DeviceSummary } from '@nanofleet/protocol';
import { useState } from 'react';
import { useAnswer } from '../access/use-answer.ts';
import { Badge, Chip } from '../parts/badge.tsx';
import { Ago } from '../parts/moment.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { Panel } from '../parts/panel.tsx';
import { Answer, Empty } from '../parts/states.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Link } from '../routing/link.tsx';
import { pluralText } from '../words/units.ts';
import { needsEyes, STATUS_TONES, STEP_TONES } from './device-words.ts';

/** More rows than anybody reads; a word in the filter finds the others. */
const ROWS_SHOWN = 500;
const STATUSES = ['online', 'offline', 'never-seen', 'revoked'] as const;

const COLUMNS: readonly Column<DeviceSummary>[] = [
  {
    title: 'Device',
    cell: ({ device }) => (
      <Link to="device" params={{ device }}>
        <span className="strong">{device}</span>
      </Link>
    ),
  },
  {
    title: 'Status',
    cell: ({ status }) => <Badge tone={STATUS_TONES[status]} text={status} isHollow={status !== 'online'} />,
  },
  { title: 'Group', cell: ({ group }) => group },
  {
    title: 'Runs',
    cell: ({ lines }) => (
      <span className="runs">
        {Object.entries(lines).map(([line, { running, step }]) => (
          <Chip
            key={line}
            tone={STEP_TONES[step] === 'good' ? 'plain' : STEP_TONES[step]}
            text={`${line} ${running?.version ?? step}`}
          />
        ))}
      </span>
    ),
  },
  { title: 'State', cell: (device) => <Standing device={device} /> },
  { title: 'Seen', cell: ({ lastSeenAt }) => <Ago at={lastSeenAt} />, isRight: true },
];

const Standing = (props: { readonly device: DeviceSummary }) => {
  const { desiredVersion, problems, reportedVersion, status, lines } = props.device;
  const [problem] = problems;
  if (problem !== undefined) return <Chip tone="bad" text={problem.code} />;
  const refused = Object.values(lines).find(({ step }) => step === 'refused')?.refused;
  if (refused !== undefined) return <Chip tone="bad" text={refused.code} />;
  if (status === 'revoked') return <span className="quiet">no rights</span>;
  if (reportedVersion < desiredVersion) return <Chip tone="cool" text="behind" />;
  return <span className="quiet">as desired</span>;
};

/** The page. */
export const DevicesPage = () => {
  const asked = useAnswer('devices', {}, { parts: ['devices'] });
  const [word, setWord] = useState('');
  const [group, setGroup] = useState('');
  const [status, setStatus] = useState('');
  const devices = asked.value?.items ?? [];
  const groups = [...new Set(devices.map((device) => device.group))].sort();
  const found = devices.filter(
    (device) =>
      device.device.includes(word.trim()) &&
      (group === '' || device.group === group) &&
      (status === '' || (status === 'eyes' ? needsEyes(device) : device.status === status)),
  );
  return (
    <div className="page">
      <PageHead title="Devices">
        <input
          type="search"
          aria-label="Filter by name"
          placeholder="Filter by name"
          value={word}
          onChange={(event) => setWord(event.target.value)}
        />
        <select aria-label="Group" value={group} onChange={(event) => setGroup(event.target.value)}>
          <option value="">All groups</option>
          {groups.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
        <select aria-label="Status" value={status} onChange={(event) => setStatus(event.target.value)}>
          <option value="">Every status</option>
          <option value="eyes">Needs a look</option>
          {STATUSES.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </PageHead>
      <Panel title={pluralText(found.length, 'device')} flush>
        <Answer asked={asked} lines={6}>
          {({ items }) =>
            items.length === 0 ? (
              <Empty title="No device is enrolled yet">
                <p>
                  Make a fleet token with <code>nanofleet fleet-tokens new</code>, then run{' '}
                  <code>nanofleet-agent enrol</code> on the device.
                </p>
              </Empty>
            ) : found.length === 0 ? (
              <Empty title="No device fits the filter" />
            ) : (
              <Table
                label="Devices"
                rows={found.slice(0, ROWS_SHOWN)}
                keyOf={({ device }) => device}
                columns={COLUMNS}
              />
            )
          }
        </Answer>
      </Panel>
    </div>
  );
};
