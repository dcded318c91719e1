/**
 * The step in which a question leaves the site: the operator lets the homes' questions travel to a provider, a home says
 * what neither its own model nor mini knows, and the provider answers. Here the provider is a stand-in on this machine;
 * the way to it, the budget and the audit row are real. Afterwards the policy is what it was.
 */
import type { Decision } from '@nanofleet/protocol';
import { durationText } from '../units.ts';
import { lookUntil, outcomeOf, type Stage, type Step } from './step.ts';
import { isInScope } from './utterances.ts';

const DEVICE = 'home-4';
const HOME = 4;
const GROUP = 'homes';
const WAIT_MS = 15_000;
const HEARD_WITHIN_MS = 10_000;
/** Sentences that are said before the step gives up finding one that nobody knows. */
const SAID_MAX = 12;
const MICROS_PER_UNIT = 1_000_000;

const policyOf = async ({ fleet }: Stage): Promise<string> => {
  const { items } = await fleet.operator.call('groups');
  return items.find(({ group }) => group === GROUP)?.offload ?? 'mini';
};

const setPolicy = async ({ fleet }: Stage, policy: string): Promise<void> => {
  await fleet.commands.run('groups', 'policy', GROUP, policy);
};

const isFromCloud = ({ offload }: Decision): boolean => offload.answer?.tier === 'cloud';

/** Says out-of-scope sentences until one is answered by the provider. */
async function findAnswered({ fleet, ledger, utterances }: Stage) {
  const lines = utterances.filter((line) => line.home === HOME && !isInScope(line)).slice(0, SAID_MAX);
  const said: Decision[] = [];
  for (const { text } of lines) {
    const decision = await fleet.agent(DEVICE).decide({ text, waitMs: WAIT_MS });
    ledger.add(text, decision);
    said.push(decision);
    if (isFromCloud(decision)) return { text, decision, said };
  }
  return { text: null, decision: null, said };
}

async function play(stage: Stage) {
  const { fleet, world } = stage;
  const before = await policyOf(stage);
  await setPolicy(stage, 'cloud');
  try {
    const { text, decision, said } = await findAnswered(stage);
    // The row is settled after the answer has gone out.
    const calls = await lookUntil(world, {
      look: async () =>
        decision === null
          ? []
          : (await fleet.operator.call('cloudCalls', { query: { decision: decision.id } })).items,
      until: (items) => decision === null || items.some(({ costMicros }) => costMicros !== null),
      withinMs: HEARD_WITHIN_MS,
    });
    const cloud = await fleet.operator.call('cloud');
    return judged({ text, decision, said, calls, cloud });
  } finally {
    await setPolicy(stage, before);
  }
}

interface Seen {
  readonly text: string | null;
  readonly decision: Decision | null;
  readonly said: readonly Decision[];
  readonly calls: readonly { readonly costMicros: number | null; readonly state: string }[];
  readonly cloud: {
    readonly provider: { readonly budgetMicros: number; readonly currency: string } | null;
    readonly today: { readonly spentMicros: number; readonly calls: number };
  };
}

const moneyText = (micros: number): string => (micros / MICROS_PER_UNIT).toFixed(6);

function judged({ text, decision, said, calls, cloud }: Seen) {
  const answer = decision?.offload.answer;
  const cost = calls.reduce((sum, { costMicros }) => sum + (costMicros ?? 0), 0);
  const { provider, today } = cloud;
  const outcomes = said.map(({ offload }) => offload.code ?? offload.status).join(', ');
  return outcomeOf({
    lines: [
      `“${text ?? '…'}” → nobody on site knows; the cloud proposes ${answer?.proposed ?? 'nothing'}, in ${durationText((answer?.milliseconds ?? 0) * 1_000)}`,
      `asked was a stand-in on this machine, no model; ${moneyText(cost)} of ${provider === null ? 'no budget' : `${moneyText(provider.budgetMicros)} ${provider.currency} a day`}, one audit row without the text`,
    ],
    evidence: {
      id: decision?.id ?? null,
      text,
      nano: decision === null ? null : { label: decision.label, verdict: decision.verdict },
      cloud: answer ?? null,
      isStandIn: true,
      calls: calls.length,
      costMicros: cost,
      today,
    },
    checks: [
      [
        decision !== null,
        `expected the provider to answer one of ${said.length} sentences; outcomes: ${outcomes}`,
      ],
      [answer?.reply !== undefined, `expected a reply for the person, seen ${JSON.stringify(answer)}`],
      [
        calls.length === 1 && calls[0]?.state === 'answered' && cost > 0,
        `expected one paid call in the audit, seen ${JSON.stringify(calls)}`,
      ],
      [
        provider !== null && today.spentMicros >= cost && today.spentMicros <= provider.budgetMicros,
        `expected it to be booked within the budget, seen ${JSON.stringify(today)}`,
      ],
    ],
  });
}

/** What nobody on site knows goes to a provider, where the policy lets it. */
export const ASKS_CLOUD: Step = {
  name: 'asks-cloud',
  doing: 'a home asks what nobody on site knows',
  play,
};
