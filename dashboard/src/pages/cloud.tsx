/** Bigger tiers: what the cloud provider costs against its budget, how it fares, what was asked of whom. Never a text. */
import type { ApiAnswer, CloudProvider } from '@nanofleet/protocol';
import { useAnswer } from '../access/use-answer.ts';
import { Badge } from '../parts/badge.tsx';
import { Ago, Moment } from '../parts/moment.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { Panel } from '../parts/panel.tsx';
import { Answer, Empty } from '../parts/states.tsx';
import { Stats } from '../parts/stats.tsx';
import type { Tone } from '../words/happenings.ts';
import { moneyText } from '../words/money.ts';
import { countText, shareText } from '../words/units.ts';
import { CloudCalls } from './cloud-calls.tsx';
import { CloudDays } from './cloud-days.tsx';
import { Proposals } from './proposals.tsx';
import { Questions } from './questions.tsx';

type Cloud = ApiAnswer<'cloud'>;

const CIRCUITS: Readonly<Record<CloudProvider['circuit'], { readonly tone: Tone; readonly text: string }>> = {
  closed: { tone: 'good', text: 'asked' },
  'half-open': { tone: 'warn', text: 'tried again' },
  open: { tone: 'bad', text: 'not asked' },
};
/** From this share of the budget on, somebody should know. */
const NEARLY = 0.8;

/** The page. */
export const CloudPage = () => {
  const asked = useAnswer('cloud', {}, { parts: ['spend', 'offloads'], everyMs: 2_000 });
  return (
    <div className="page">
      <PageHead title="Cloud" />
      <Answer asked={asked} lines={5}>
        {(cloud) => (
          <>
            {cloud.provider === null ? <NoProvider /> : <Budget cloud={cloud} provider={cloud.provider} />}
            {cloud.provider === null ? null : (
              <div className="grid">
                <CloudDays days={cloud.days} today={cloud.today} provider={cloud.provider} />
                <Provider provider={cloud.provider} />
              </div>
            )}
          </>
        )}
      </Answer>
      <CloudCalls currency={asked.value?.provider?.currency ?? ''} />
      <Proposals />
      <Questions />
    </div>
  );
};

const NoProvider = () => (
  <Panel title="No provider">
    <Empty title="This controller asks no cloud provider">
      <p>
        What the mini tier does not know stays unanswered. A provider is given by configuration; a device's
        text reaches it only where the policy of its group says <code>cloud</code>.
      </p>
    </Empty>
  </Panel>
);

const Budget = ({ cloud, provider }: { readonly cloud: Cloud; readonly provider: CloudProvider }) => {
  const { calls, reservedMicros, spentMicros } = cloud.today;
  const { budgetMicros, circuit, currency, inWork } = provider;
  const used = budgetMicros === 0 ? 1 : (spentMicros + reservedMicros) / budgetMicros;
  const tone: Tone = used >= 1 ? 'bad' : used >= NEARLY ? 'warn' : 'good';
  return (
    <Stats
      label="Money today"
      items={[
        {
          name: 'Spent today',
          value: moneyText(spentMicros, currency),
          note: <BudgetBar used={used} tone={tone} />,
        },
        {
          name: 'Budget per day',
          value: moneyText(budgetMicros, currency),
          note: `${shareText(used)} used or reserved`,
        },
        { name: 'Reserved', value: moneyText(reservedMicros, currency), note: 'by calls in work' },
        { name: 'Calls today', value: countText(calls), note: `${countText(inWork)} in work` },
        {
          name: 'Per call',
          value: calls === 0 ? '–' : moneyText(Math.round(spentMicros / calls), currency),
        },
        { name: 'Provider', value: <Badge tone={CIRCUITS[circuit].tone} text={CIRCUITS[circuit].text} /> },
      ]}
    />
  );
};

const BudgetBar = (props: { readonly used: number; readonly tone: Tone }) => (
  <div className="meter" aria-hidden="true">
    <span data-tone={props.tone} style={{ width: `${Math.min(1, props.used) * 100}%` }} />
  </div>
);

const Provider = ({ provider }: { readonly provider: CloudProvider }) => {
  const {
    currency,
    deadlineMs,
    inputMicros,
    lastFailureAt,
    lastFailureCode,
    lastSuccessAt,
    model,
    outputMicros,
    opensAt,
    target,
  } = provider;
  return (
    <Panel title="Provider">
      <dl className="facts">
        <dt>Address</dt>
        <dd>
          <code>{target}</code>
        </dd>
        <dt>Model</dt>
        <dd>{model}</dd>
        <dt>Price</dt>
        <dd className="number">
          {moneyText(inputMicros, currency)} in, {moneyText(outputMicros, currency)} out, per million tokens
        </dd>
        <dt>Deadline</dt>
        <dd className="number">{deadlineMs / 1_000} s</dd>
        <dt>Answered</dt>
        <dd>
          <Ago at={lastSuccessAt} />
        </dd>
        <dt>Failed</dt>
        <dd>
          <Ago at={lastFailureAt} /> {lastFailureCode === null ? null : <code>{lastFailureCode}</code>}
        </dd>
        {opensAt === null ? null : (
          <>
            <dt>Tried again</dt>
            <dd>
              <Moment at={opensAt} />
            </dd>
          </>
        )}
      </dl>
    </Panel>
  );
};
