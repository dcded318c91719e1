/** One round as it goes: its steps, its devices, accuracy before and after, the candidate that it made. */
import {
  ROUND_STATUSES,
  type RoundDetail,
  type RoundDevice,
  type RoundStatus,
  type Uuid,
} from '@nanofleet/protocol';
import { callApi } from '../access/call.ts';
import { useMay } from '../access/session.ts';
import { useAnswer } from '../access/use-answer.ts';
import { Badge } from '../parts/badge.tsx';
import { Confirm } from '../parts/confirm.tsx';
import { Moment } from '../parts/moment.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { Panel } from '../parts/panel.tsx';
import { Answer, Empty } from '../parts/states.tsx';
import { Stats } from '../parts/stats.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Link } from '../routing/link.tsx';
import { bytesText, countText, digestText, pluralText, spanText } from '../words/units.ts';
import { Accuracy } from './accuracy.tsx';
import { ROUND_DEVICE_TONES, ROUND_TONES } from './round-words.ts';

const ENDS: ReadonlySet<RoundStatus> = new Set(['candidate', 'failed', 'aborted']);
const STEPS: readonly RoundStatus[] = ROUND_STATUSES.filter((status) => !ENDS.has(status));

/** The page. */
export const RoundPage = (props: { readonly id: Uuid }) => {
  const asked = useAnswer('round', { params: { id: props.id } }, { parts: ['rounds'], everyMs: 500 });
  const round = asked.value;
  const mayAbort = useMay('operator') && round !== null && !ENDS.has(round.status);
  return (
    <div className="page">
      <PageHead
        title={round === null ? 'Round' : `${round.line} ${round.baseVersion}, turn ${round.turn}`}
        trail={<Link to="rounds">Rounds</Link>}
      >
        {mayAbort ? <Abort id={props.id} changed={asked.again} /> : null}
      </PageHead>
      <Answer asked={asked} lines={6}>
        {(shown) => (
          <>
            <Steps status={shown.status} />
            <Standing round={shown} />
            <div className="grid">
              <Panel title="Accuracy" aside="on the controller's held-out examples">
                {shown.accuracy === null ? (
                  <Empty title="Not measured yet">
                    <p>The average is measured against what it began from when the updates are in.</p>
                  </Empty>
                ) : (
                  <Accuracy accuracy={shown.accuracy} />
                )}
              </Panel>
              <Outcome round={shown} />
            </div>
            <Devices round={shown} />
          </>
        )}
      </Answer>
    </div>
  );
};

const Abort = (props: { readonly id: Uuid; readonly changed: () => void }) => (
  <Confirm
    button="Abort"
    title="End the round without a candidate"
    isDangerous
    act={async () => {
      await callApi('abortRound', { params: { id: props.id } });
      props.changed();
    }}
  >
    <p className="soft">Updates that came are thrown away; the examples stay on their devices.</p>
  </Confirm>
);

const Steps = ({ status }: { readonly status: RoundStatus }) => {
  const at = ENDS.has(status) ? STEPS.length : STEPS.indexOf(status);
  const stateOf = (index: number): string =>
    index < at ? (status === 'candidate' || !ENDS.has(status) ? 'done' : 'past') : 'now';
  const shown = ENDS.has(status) ? [...STEPS, status] : [...STEPS, 'candidate' as const];
  return (
    <ol className="steps" aria-label="Steps of the round">
      {shown.map((step, index) => (
        <li
          key={step}
          data-state={index > at ? 'next' : stateOf(index)}
          data-tone={ROUND_TONES[step]}
          aria-current={index === at ? 'step' : undefined}
        >
          {step}
        </li>
      ))}
    </ol>
  );
};

const Standing = ({ round }: { readonly round: RoundDetail }) => {
  const { counts, createdAt, examples, finishedAt, status, updateBytes } = round;
  return (
    <Stats
      label="How it stands"
      items={[
        { name: 'Status', value: <Badge tone={ROUND_TONES[status]} text={status} /> },
        {
          name: 'Updates',
          value: (
            <>
              {countText(counts.updates)} <small>of {countText(counts.asked)} asked</small>
            </>
          ),
          note: `${counts.declined} declined, ${counts.refused} refused`,
        },
        { name: 'Examples behind it', value: countText(examples) },
        {
          name: 'Bytes per update',
          value: counts.updates === 0 ? '–' : bytesText(Math.round(updateBytes / counts.updates)),
        },
        { name: 'Begun', value: <Moment at={createdAt} /> },
        { name: 'Took', value: finishedAt === null ? '–' : spanText(finishedAt - createdAt) },
      ]}
    />
  );
};

const Outcome = ({ round }: { readonly round: RoundDetail }) => {
  const { base, candidate, labels, problem, settings } = round;
  return (
    <Panel title="What came of it">
      {problem === null ? null : (
        <div className="problem">
          <div className="code">{problem.code}</div>
          {problem.message}
        </div>
      )}
      <dl className="facts">
        <dt>Began from</dt>
        <dd>
          <Link to="model" params={{ digest: base }}>
            <span className="digest">{digestText(base)}</span>
          </Link>
        </dd>
        <dt>New labels</dt>
        <dd>{labels.added.length === 0 ? 'none' : labels.added.join(', ')}</dd>
        <dt>Candidate</dt>
        <dd>
          {candidate === null ? (
            <span className="quiet">none</span>
          ) : (
            <>
              <span className="digest">{digestText(candidate)}</span>
              <p className="soft">
                Sign it where the publisher's key is:{' '}
                <code>nanofleet models sign {digestText(candidate)}…</code>
              </p>
            </>
          )}
        </dd>
        <dt>Settings</dt>
        <dd className="soft">
          {`${settings.steps} steps of ${settings.batch} at ${settings.learningRate}, at least ${pluralText(settings.updatesMin, 'update')} in ${settings.deadlineS} s, clipped at ${settings.clipNorm}`}
        </dd>
      </dl>
    </Panel>
  );
};

const COLUMNS: readonly Column<RoundDevice>[] = [
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
    cell: ({ state }) => (
      <Badge tone={ROUND_DEVICE_TONES[state]} text={state} isHollow={state === 'silent'} />
    ),
  },
  { title: 'Examples', cell: ({ examples }) => countText(examples), isRight: true },
  { title: 'Code', cell: ({ code }) => (code === null ? null : <code>{code}</code>) },
];

const Devices = ({ round }: { readonly round: RoundDetail }) => (
  <Panel title="Devices" aside="their examples never leave them" flush>
    {round.devices.length === 0 ? (
      <Empty title="No device was asked yet" />
    ) : (
      <Table
        label="Devices of the round"
        rows={round.devices}
        keyOf={({ device }) => device}
        columns={COLUMNS}
      />
    )}
  </Panel>
);
