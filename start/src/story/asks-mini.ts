/**
 * Step 2: a sentence that the device's model is not sure of, answered by the controller's bigger model under the same
 * id. The sentence is found, not staged: the homes say their script until one fits.
 */
import type { Decision } from '@nanofleet/protocol';
import { DEVICES, type DeviceName } from '../fleet.ts';
import { durationText, shareText } from '../units.ts';
import { outcomeOf, type Stage, type Step } from './step.ts';
import { isInScope, type Utterance } from './utterances.ts';

const WAIT_MS = 8_000;
/** Questions to the bigger tier before the step takes the best sentence that it has. */
const ASKED_MAX = 60;
/** Characters of an id that the eye needs to recognize it. */
const ID_SHOWN = 13;

interface Found {
  readonly device: DeviceName;
  readonly utterance: Utterance;
  readonly decision: Decision;
}

const isAnsweredByMini = ({ utterance, decision }: Found): boolean =>
  decision.verdict !== 'sure' &&
  decision.offload.answer?.tier === 'mini' &&
  decision.offload.answer.verdict === 'sure' &&
  decision.offload.answer.label === utterance.intent;

/** How much the bigger model helped: most where the small one would have been wrong, else by the confidence won. */
const worthOf = ({ utterance, decision }: Found): number => {
  const won = (decision.offload.answer?.confidence ?? 0) - decision.confidence;
  return decision.label === utterance.intent ? won : won + 2;
};

const isWrongAlone = (found: Found): boolean => worthOf(found) > 1;

/** Lets the homes speak in turn until a sentence is found that nano gets wrong and mini right. */
async function find({
  fleet,
  ledger,
  utterances,
}: Stage): Promise<{ best: Found | undefined; asked: Decision[] }> {
  const asked: Decision[] = [];
  let best: Found | undefined;
  const spoken = utterances.filter(isInScope).toSorted((one, other) => turnOf(one) - turnOf(other));
  for (const utterance of spoken) {
    const device = DEVICES.find(({ home }) => home === utterance.home)?.device ?? 'home-1';
    const decision = await fleet.agent(device).decide({ text: utterance.text, waitMs: WAIT_MS });
    ledger.add(utterance.text, decision);
    if (decision.offload.status === 'none') continue;
    asked.push(decision);
    const found = { device, utterance, decision };
    if (isAnsweredByMini(found) && (best === undefined || worthOf(found) > worthOf(best))) best = found;
    if (asked.length >= ASKED_MAX || (best !== undefined && isWrongAlone(best))) break;
  }
  return { best, asked };
}

/** The story has just listened to home 1; the second home comes next. */
const turnOf = ({ home }: Utterance): number => (home + 2) % 4;

function linesOf(found: Found | undefined, asked: number): string[] {
  const answer = found?.decision.offload.answer;
  if (found === undefined || answer === undefined)
    return [`no sentence was found that only mini knows (${asked} asked)`];
  const { device, utterance, decision } = found;
  return [
    `“${utterance.text}” → nano is not sure, mini: ${answer.label}, in ${durationText(answer.milliseconds * 1_000)}`,
    `${device} guessed ${decision.label} (${shareText(decision.confidence)}), mini is ${shareText(answer.confidence)} sure; one id, ${decision.id.slice(0, ID_SHOWN)}…`,
  ];
}

async function play(stage: Stage) {
  const { best: found, asked } = await find(stage);
  const stored =
    found === undefined
      ? []
      : (
          await stage.fleet.operator.call('offloads', { query: { device: found.device, limit: 500 } })
        ).items.filter(({ decision }) => decision === found.decision.id);
  const answeredIds = asked.filter(({ offload }) => offload.answer?.tier === 'mini').map(({ id }) => id);
  const seen = asked.map(({ offload }) => offload.status).join(', ') || 'none was sent on';
  return outcomeOf({
    lines: linesOf(found, asked.length),
    evidence: {
      id: found?.decision.id ?? null,
      text: found?.utterance.text ?? null,
      nano: found === undefined ? null : { label: found.decision.label, verdict: found.decision.verdict },
      mini: found?.decision.offload.answer ?? null,
      answeredByMini: answeredIds,
    },
    checks: [
      [found !== undefined, `expected a sentence that nano is not sure of and mini knows; outcomes: ${seen}`],
      [
        stored.length === 1 && stored[0]?.status === 'answered' && stored[0].tier === 'mini',
        `expected the controller to have answered ${found?.decision.id} once by mini, it lists ${JSON.stringify(stored)}`,
      ],
    ],
  });
}

/** A sentence that only the bigger model knows. */
export const ASKS_MINI: Step = {
  name: 'asks-mini',
  doing: 'a home says what its own model is not sure of',
  play,
};
