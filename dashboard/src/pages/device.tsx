/** One device: how it stands, its health over time, its decisions as they come, what can be done with it. */
import type { BeatPoint, DeviceDetail, DeviceId } from '@nanofleet/protocol';
import { useState } from 'react';
import { useAnswer } from '../access/use-answer.ts';
import { useLive } from '../live/stream.ts';
import { Badge } from '../parts/badge.tsx';
import { Decisions } from '../parts/decisions.tsx';
import { Ago, Moment } from '../parts/moment.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { Panel } from '../parts/panel.tsx';
import { Segments } from '../parts/segments.tsx';
import { Answer, Empty } from '../parts/states.tsx';
import { Stats } from '../parts/stats.tsx';
import { Timeline } from '../parts/timeline.tsx';
import { Link } from '../routing/link.tsx';
import { bytesText, countText, microsText, shareText, spanText } from '../words/units.ts';
import { DeviceActions } from './device-actions.tsx';
import { DeviceHealth } from './device-health.tsx';
import { DeviceLines } from './device-lines.tsx';
import { EXPLANATION_WORDS, OFFLOAD_WORDS, STATUS_TONES } from './device-words.ts';

const BEATS_EVERY_MS = 5_000;

/** The page. */
export const DevicePage = (props: { readonly device: DeviceId }) => {
  const params = { device: props.device };
  const asked = useAnswer('device', { params }, { parts: ['devices', 'beats'], everyMs: 2_000 });
  return (
    <div className="page">
      <PageHead title={props.device} trail={<Link to="devices">Devices</Link>}>
        {asked.value === null ? null : <DeviceActions device={asked.value} changed={asked.again} />}
      </PageHead>
      <Answer asked={asked} lines={5}>
        {(device) => (
          <>
            <Standing device={device} />
            <Health device={props.device} />
            <div className="grid">
              <DeviceLines device={device} />
              <Facts device={device} />
            </div>
            <div className="grid">
              <OwnDecisions device={props.device} />
              <OwnStory device={props.device} />
            </div>
          </>
        )}
      </Answer>
    </div>
  );
};

const Standing = (props: { readonly device: DeviceDetail }) => {
  const { beat, status } = props.device;
  const waiting = Object.values(beat?.outbox ?? {}).reduce((sum, { records }) => sum + records, 0);
  const known = <T,>(value: T | undefined, text: (value: T) => string) =>
    value === undefined ? '–' : text(value);
  return (
    <Stats
      label={`${props.device.device} now`}
      items={[
        {
          name: 'Status',
          value: <Badge tone={STATUS_TONES[status]} text={status} isHollow={status !== 'online'} />,
        },
        {
          name: 'Decisions',
          value: known(beat?.decisions.total, countText),
          note: 'since its start',
        },
        { name: 'Decision, p50', value: known(beat?.decisionMicros.p50, microsText) },
        { name: 'Decision, p99', value: known(beat?.decisionMicros.p99, microsText) },
        { name: 'Sent on', value: known(beat?.offloadShare, shareText) },
        { name: 'Memory', value: known(beat?.rssBytes, bytesText) },
        { name: 'Waiting to be sent', value: beat === null ? '–' : countText(waiting) },
      ]}
    />
  );
};

const Health = (props: { readonly device: DeviceId }) => {
  const [grain, setGrain] = useState<'fine' | 'coarse'>('fine');
  const asked = useAnswer(
    'beats',
    { params: { device: props.device }, query: { grain } },
    { parts: ['beats'], everyMs: BEATS_EVERY_MS },
  );
  const options = [
    { value: 'fine', text: '10 min' },
    { value: 'coarse', text: '12 h' },
  ] as const;
  return (
    <Panel
      title="Health"
      aside={<Segments label="Time span" options={options} value={grain} onChange={setGrain} />}
    >
      <Answer asked={asked}>
        {({ items }: { items: readonly BeatPoint[] }) =>
          items.length < 2 ? (
            <Empty title="Too few beats yet">
              <p>A device sends one every 5 seconds while it is connected.</p>
            </Empty>
          ) : (
            <DeviceHealth beats={items} />
          )
        }
      </Answer>
    </Panel>
  );
};

const Facts = (props: { readonly device: DeviceDetail }) => {
  const { agentVersion, beat, desiredVersion, enrolledAt, group, lastSeenAt, reportedVersion, session } =
    props.device;
  const groups = useAnswer('groups', {}, { parts: ['groups'] });
  const policies = groups.value?.items.find((known) => known.group === group);
  return (
    <Panel title="Facts">
      <dl className="facts">
        <dt>Group</dt>
        <dd>{group}</dd>
        <dt>Texts</dt>
        <dd>{OFFLOAD_WORDS[policies?.offload ?? 'unknown']}</dd>
        <dt>Explanations</dt>
        <dd>{EXPLANATION_WORDS[policies?.explanations ?? 'unknown']}</dd>
        <dt>Enrolled</dt>
        <dd>
          <Moment at={enrolledAt} />
        </dd>
        <dt>Seen</dt>
        <dd>
          <Ago at={lastSeenAt} />
        </dd>
        <dt>Agent</dt>
        <dd>
          {agentVersion ?? 'unknown'}
          {beat === null ? null : <span className="quiet"> up {spanText(beat.uptimeS * 1_000)}</span>}
        </dd>
        <dt>Session</dt>
        <dd className="number">{countText(session)}</dd>
        <dt>Desired</dt>
        <dd className="number">
          version {desiredVersion}, reported {reportedVersion}
        </dd>
      </dl>
    </Panel>
  );
};

const OwnDecisions = (props: { readonly device: DeviceId }) => {
  const decisions = useLive((state) => state.decisions);
  return (
    <Panel title="Decisions" aside="as they come, without their texts" flush>
      <Decisions items={decisions.filter(({ device }) => device === props.device)} />
    </Panel>
  );
};

const OwnStory = (props: { readonly device: DeviceId }) => {
  const query = { device: props.device, limit: 50 };
  const asked = useAnswer('timeline', { query }, { parts: ['devices'] });
  return (
    <Panel title="Its story" flush>
      <Answer asked={asked}>
        {({ items }) => (items.length === 0 ? <Empty title="Nothing noted" /> : <Timeline entries={items} />)}
      </Answer>
    </Panel>
  );
};
